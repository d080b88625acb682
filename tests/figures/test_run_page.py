"""The page of a run's figures shows what there is material for, and is drawn whatever the run was like."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from bpexp.data.dataset import Part
from bpexp.figures import page as panels
from bpexp.figures import palette
from bpexp.figures.histograms import share, unit
from bpexp.figures.images import mosaic
from bpexp.figures.layers import _account
from bpexp.figures.run_page import figure_page
from bpexp.gradients.backprop import backprop
from bpexp.insight.histograms import Histograms
from bpexp.insight.probing import Probing
from bpexp.insight.samples import Samples, collect_samples
from bpexp.nn.activations import activations
from bpexp.nn.heads import Head, build_head
from bpexp.nn.network import Network
from bpexp.training.events import RunStarted, Step

NAN, INF = math.nan, math.inf
SHAPE = (3, 4)
MEASURES = ["grad_norm", "delta_norm", "ledger"]
Recorded = dict[str, list[tuple[int, float]]]


class Run:
    """A small network, what probing `steps` steps of it leaves behind, and its samples."""

    def __init__(self, folder: Path, hidden: int = 2, steps: int = 4, classes: int = 3, factor: float = 1.0) -> None:
        rng = np.random.default_rng(hidden)
        head = build_head({"name": "softmax"}, {"name": "cross_entropy"})
        relu = activations.build("relu")
        self.network = Network([12, *[5] * hidden, classes], [relu] * hidden, head.output, "float64")
        self.network.theta[...] = factor * rng.normal(size=self.network.theta.shape)
        labels = np.arange(40) % classes
        part = Part(rng.normal(size=(40, 12)), np.eye(classes)[labels], np.arange(40), labels)
        self.series: Recorded = {
            "loss/train": [(0, 2.0), (9, 1.0)],
            "accuracy/train": [(0, 0.1), (9, 0.9)],
        }
        self._probe(head, part, folder, steps)
        names = tuple(f"class {i}" for i in range(classes))
        self.samples = collect_samples(self.network, head, part, names, SHAPE)

    def _probe(self, head: Head, part: Part, folder: Path, steps: int) -> None:
        histograms = Histograms()
        probing = Probing(MEASURES, 1, self._keep, histograms=histograms)
        method = backprop()
        probing.on_start(RunStarted(self.network, head, method, 1, max(1, steps)))
        x, y = part.batch()
        for number in range(steps):
            gradient = method(self.network, head, x, y)
            probing.on_step(Step(number, 1, 1.0, 0.1, x, y, gradient, 0.1 * gradient.vector))
        self.histograms = histograms.save(folder)

    def _keep(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.series.setdefault(name, []).append((step, value))


@pytest.fixture
def figure(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are made."""
    kept: list[Figure] = []

    class Keeping(Figure):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]
            kept.append(self)

    monkeypatch.setattr("matplotlib.figure.Figure", Keeping)
    return kept


def words(figure: Figure) -> str:
    """All headings of a page."""
    return "\n".join(
        [*(axes.get_title(loc="left") for axes in figure.axes), *(text.get_text() for text in figure.texts)]
    )


HEADINGS = {
    "curve": "Loss",
    "gradient": "Gradient norm of each W",
    "delta": "Delta norm of each layer",
    "ledger": "Log change of delta per layer",
    "gradients": "Gradient entries of each W",
    "activations": "Activations of each layer",
    "weights": "First-layer weights",
    "confusion": "Confusion matrix",
    "worst": "Largest losses",
}


def headings(figure: Figure) -> set[str]:
    """The panels of a page, by the keys of HEADINGS."""
    return {key for key, heading in HEADINGS.items() if heading in words(figure)}


def test_a_full_run_has_every_panel(figure: list[Figure], tmp_path: Path) -> None:
    run = Run(tmp_path)
    path = tmp_path / "figures.png"
    figure_page(
        run.series, path, network=run.network, histograms=run.histograms, samples=run.samples, title="a run, $1_2"
    )
    assert headings(figure[0]) == set(HEADINGS)
    assert "a run, $1_2" in words(figure[0])
    assert imread(path).shape[1] == 1200


@pytest.mark.parametrize("classes", [3, 13])
def test_nothing_outside_the_page_and_no_panel_over_another(classes: int, figure: list[Figure], tmp_path: Path) -> None:
    run = Run(tmp_path, hidden=8, classes=classes)
    page = tmp_path / "figures.png"
    figure_page(run.series, page, network=run.network, histograms=run.histograms, samples=run.samples)
    canvas = figure[0].canvas.get_renderer()  # type: ignore[attr-defined]
    width, height = figure[0].bbox.size
    boxes = [axes.get_tightbbox(canvas) for axes in figure[0].axes]
    for box in boxes:
        assert box is not None
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height
    overlaps = [(i, j) for i, a in enumerate(boxes) for j, b in enumerate(boxes[:i]) if a and b and a.overlaps(b)]
    assert not overlaps


def test_without_probes_only_the_learning_curve_is_left(figure: list[Figure], tmp_path: Path) -> None:
    run = Run(tmp_path)
    series = {name: points for name, points in run.series.items() if "train" in name}
    figure_page(series, tmp_path / "x.png", network=run.network)
    assert headings(figure[0]) == {"curve"}
    figure_page(series, tmp_path / "x.png", network=run.network, histograms=tmp_path / "none.npz")
    assert headings(figure[1]) == {"curve"}


def test_a_regression_has_no_classes_and_other_data_no_images(figure: list[Figure], tmp_path: Path) -> None:
    run = Run(tmp_path)
    full = run.samples
    values = Samples(None, full.outputs, full.costs, (), full.worst, full.X, SHAPE)
    points = Samples(full.labels, full.outputs, full.costs, full.classes, full.worst, full.X, None)
    for samples, expected in ((values, {"weights"}), (points, {"confusion"})):
        figure_page({}, tmp_path / "x.png", network=run.network, samples=samples)
        assert headings(figure[-1]) - {"curve"} == expected


@pytest.mark.parametrize(
    ("hidden", "steps", "classes", "factor"),
    [
        (0, 4, 3, 1.0),
        (1, 1, 3, 1.0),
        (1, 0, 3, 1.0),
        (12, 3, 13, 1.0),
        (3, 2, 2, 0.0),
        (3, 2, 3, NAN),
        (3, 2, 3, 1e-90),
    ],
    ids=["no hidden layer", "one step", "no step", "deep, many classes", "all zero", "broken", "vanished"],
)
def test_every_run_gives_a_page(hidden: int, steps: int, classes: int, factor: float, tmp_path: Path) -> None:
    with np.errstate(all="ignore"):
        run = Run(tmp_path, hidden, steps, classes, factor)
    page = tmp_path / "figures.png"
    figure_page(run.series, page, network=run.network, histograms=run.histograms, samples=run.samples)
    assert imread(page).shape[0] > 300


@pytest.mark.parametrize("value", [NAN, INF, -INF, 0.0, 1e-320, 1e308, -1e308])
def test_any_value_of_a_measure_gives_a_page(value: float, tmp_path: Path) -> None:
    run = Run(tmp_path)
    broken = {name: [(0, 1.0), (1, value), (2, value)] for name in run.series}
    for series in (broken, {name: [(3, value)] for name in run.series}):
        figure_page(series, tmp_path / "figures.png", network=run.network)


def test_measures_without_a_row_give_a_page(tmp_path: Path) -> None:
    run = Run(tmp_path)
    figure_page({name: [] for name in run.series}, tmp_path / "figures.png", network=run.network)


def test_the_line_of_the_ledger_is_the_delta_norm(tmp_path: Path) -> None:
    run = Run(tmp_path)
    *_, delta = _account(run.series, 3, 2)
    measured = [dict(run.series[f"delta_norm/layer_{l}"])[2] for l in (1, 2, 3)]
    assert delta == pytest.approx(np.log10(measured))


def test_layers_differ_without_colour() -> None:
    styles = [palette.depth_style(i, panels.MOST) for i in range(panels.MOST)]
    assert len({str(style["linestyle"]) for style in styles}) == len({style["marker"] for style in styles}) == 9


@pytest.mark.parametrize(("count", "most"), [(0, 9), (3, 9), (9, 9), (10, 9), (100, 9), (13, 12)])
def test_spread_keeps_the_ends(count: int, most: int) -> None:
    chosen = panels.spread(count, most)
    assert len(chosen) == len(set(chosen)) == min(count, most)
    assert count == 0 or (chosen[0], chosen[-1]) == (0, count - 1)


def test_columns_of_a_map_meet_half_way_between_the_steps() -> None:
    assert unit(np.array([0, 10, 40])).tolist() == pytest.approx([0, 5 / 40, 25 / 40, 1])
    assert unit(np.array([7])).tolist() == [0, 1]


def test_shares_of_a_step_add_up_and_empty_bins_are_masked() -> None:
    logs = share(np.array([[0, 5, 5], [0, 0, 0]]))
    assert np.power(10.0, logs[0].compressed()).sum() == pytest.approx(1)
    assert logs.mask.tolist() == [[True, False, False], [True, True, True]]


def test_a_mosaic_keeps_the_images_apart() -> None:
    sheet = mosaic(np.arange(3 * 4, dtype=float).reshape(3, 2, 2), 2)
    assert sheet.shape == (5, 5)
    assert sheet[:2, :2].tolist() == [[0, 1], [2, 3]]
    assert sheet[3:, :2].tolist() == [[8, 9], [10, 11]]
    assert np.isnan(sheet[2]).all()
    assert np.isnan(sheet[3:, 3:]).all()


def test_counts_are_printed_for_few_classes_only(figure: list[Figure], tmp_path: Path) -> None:
    def texts(classes: int) -> list[str]:
        run = Run(tmp_path, classes=classes)
        figure_page({}, tmp_path / "x.png", network=run.network, samples=run.samples)
        matrix: Axes = next(axes for axes in figure[-1].axes if axes.get_ylabel() == "true class")
        return [text.get_text() for text in matrix.texts]

    assert sum(map(int, texts(12))) == 40
    assert texts(13) == []
