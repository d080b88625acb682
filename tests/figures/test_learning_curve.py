"""The picture of a run is drawn whatever the run was like, and shows what it should."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from bpexp.figures import learning_curve as figures
from bpexp.figures.learning_curve import learning_curve

NAN, INF = math.nan, math.inf
FALLING = [(step, 2.0 * 0.9**step) for step in range(0, 60, 5)]
RISING = [(step, 1 - 0.9**step) for step in range(0, 60, 5)]

HISTORIES: dict[str, dict[str, list[tuple[int, float]]]] = {
    "nothing": {},
    "empty series": {"loss/train": [], "accuracy/test": []},
    "one point": {"loss/train": [(0, 2.3)], "accuracy/train": [(0, 0.1)]},
    "classes": {"loss/batch": FALLING, "loss/train": FALLING, "loss/validation": FALLING, "accuracy/test": RISING},
    "values": {"loss/train": FALLING, "r2/test": RISING, "rmse/test": FALLING},
    "nan": {"loss/train": [(0, 1.0), (1, NAN), (2, 0.5)], "loss/test": [(0, NAN)]},
    "diverged": {"loss/train": [(0, 1.0), (1, 1e30), (2, INF)], "accuracy/train": [(0, 0.5), (1, NAN)]},
    "only infinite": {"loss/train": [(0, INF), (1, -INF)], "accuracy/test": [(0, NAN)]},
    "huge": {"loss/train": [(0, -1e300), (1, 1e300)], "r2/test": [(0, -1e300), (5, 1.0)]},
    "zero": {"loss/train": [(0, 1.0), (1, 0.0)], "loss/batch": [(0, 0.0)]},
    "constant": {"loss/train": [(0, 1.0), (9, 1.0)], "accuracy/train": [(0, 1.0), (9, 1.0)]},
    "long": {"loss/batch": [(step, 1.0 + step % 7) for step in range(50_000)], "loss/train": [(0, 1.0)]},
}


def drawn(monkeypatch: pytest.MonkeyPatch, history: dict[str, list[tuple[int, float]]], path: Path) -> Figure:
    """The figure behind the picture."""
    kept: list[Figure] = []

    class Keeping(Figure):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]
            kept.append(self)

    monkeypatch.setattr("matplotlib.figure.Figure", Keeping)
    learning_curve(history, path)
    return kept[0]


@pytest.mark.parametrize("name", HISTORIES)
def test_every_history_gives_a_picture_and_no_warning(name: str, tmp_path: Path) -> None:
    learning_curve(HISTORIES[name], tmp_path / "curve.png")
    height, width = imread(tmp_path / "curve.png").shape[:2]
    assert width > height > 300
    assert [p.name for p in tmp_path.iterdir()] == ["curve.png"]


def test_loss_and_accuracy_stand_side_by_side_with_labels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loss, accuracy = drawn(monkeypatch, HISTORIES["classes"], tmp_path / "x.png").axes
    assert [line.get_label() for line in loss.lines] == ["batch", "train", "validation"]
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
    assert loss.get_xlabel().startswith("step")
    assert [line.get_label() for line in accuracy.lines] == ["test"]
    assert accuracy.get_ylim()[1] <= 1.02


@pytest.mark.parametrize("count", [1, 2, 500, 501, 502, 1234, 9000])
def test_the_line_of_the_batches_is_whole_in_its_pieces(
    count: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    history = {"loss/batch": [(step, 1.0 + step % 7) for step in range(count)]}
    lines = drawn(monkeypatch, history, tmp_path / "x.png").axes[0].lines
    stride = math.ceil(count / figures.BATCHES)
    label = "batch" if stride == 1 else f"batch (1 of {stride})"
    assert [str(line.get_label()).startswith("_") for line in lines] == [False] + [True] * (len(lines) - 1)
    assert lines[0].get_label() == label
    points = [line.get_xydata().tolist() for line in lines]
    assert all(one[-1] == other[0] for one, other in pairwise(points))
    assert points[0] + [point for piece in points[1:] for point in piece[1:]] == [
        [step, value] for step, value in history["loss/batch"][::stride]
    ]


def test_parts_differ_without_colour() -> None:
    styles = [(style["linestyle"], style["marker"]) for style in figures.PARTS.values()]
    assert len(set(styles)) == len(styles) == 3


@pytest.mark.parametrize(("ratio", "scale"), [(50.0, "linear"), (500.0, "log")])
def test_a_loss_over_two_decades_is_drawn_logarithmically(
    ratio: float, scale: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    figure = drawn(monkeypatch, {"loss/train": [(0, ratio), (9, 1.0)]}, tmp_path / "x.png")
    assert figure.axes[0].get_yscale() == scale


def test_missing_values_are_counted_in_the_picture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    figure = drawn(monkeypatch, HISTORIES["only infinite"], tmp_path / "x.png")
    assert [axes.get_title(loc="right") for axes in figure.axes] == ["2 values not finite", "1 value not finite"]


def test_pyplot_and_its_global_state_stay_out(tmp_path: Path) -> None:
    code = "import sys, bpexp.figures.learning_curve as f; before = 'matplotlib' in sys.modules\n"
    code += "from pathlib import Path; f.learning_curve({}, Path(sys.argv[1]))\n"
    code += "print(before, 'matplotlib.pyplot' in sys.modules)"
    said = subprocess.check_output([sys.executable, "-c", code, str(tmp_path / "x.png")], text=True)
    assert said.strip() == "False False"


def test_an_old_picture_survives_a_failed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "curve.png"
    path.write_bytes(b"old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        learning_curve({}, path)
    assert path.read_bytes() == b"old"
