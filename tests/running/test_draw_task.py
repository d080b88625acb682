"""`task=figures run=RUN` draws any figure of a record, from the record alone, as the run drew it."""

from __future__ import annotations

import io
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from command_line import command
from PIL import Image

from bpexp.errors import ConfigError, RecordError
from bpexp.figures.catalogue import catalogue
from bpexp.figures.material import Material, RunFigure
from bpexp.figures.output import png
from bpexp.figures.sheet import Wish
from bpexp.records.network_file import load_network
from bpexp.records.snapshots import read_snapshots
from bpexp.running.drawing import material_of
from bpexp.running.resuming.resume import resume
from bpexp.running.tasks.draw_task import draw_wanted, figures_of
from bpexp.running.tasks.figures_words import FigureSettings, Wanted, figures_wanted

QUIET = ["progress=false", "tracking=none"]
MOONS = ["data=two_moons", "data.n=80", "model.hidden=[4]", "epochs=4", "checkpoint.snapshots=2", *QUIET]


@pytest.fixture(scope="module")
def moons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was not recorded in MLflow."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path_factory.mktemp("moons"))
        assert command([*MOONS, "hydra.run.dir=run"], patched) == 0
        return Path("run").absolute()


def drawn(folder: Path, *formats: str, **settings: object) -> dict[str, bytes]:
    """The files of the figures, by name."""
    wanted = Wanted(str(folder), formats or ("png",), FigureSettings(**settings))  # type: ignore[arg-type]
    return {path.name: path.read_bytes() for path in draw_wanted(wanted)}


def test_every_format_is_one_file_a_figure(moons: Path, tmp_path: Path) -> None:
    only = ["loss", "confusion", "boundary_over_training"]
    files = drawn(moons, "png", "svg", "pdf", "gif", dpi=20, into=str(tmp_path), only=only)
    moving = "boundary_over_training.gif"
    assert set(files) == {*(f"{name}.{ending}" for name in only for ending in ("png", "svg", "pdf")), moving}
    for name, content in files.items():
        if name.endswith("svg"):
            assert ET.fromstring(content.decode()).tag.endswith("svg")
        else:
            assert content.startswith({"png": b"\x89PNG", "pdf": b"%PDF", "gif": b"GIF89a"}[name[-3:]])
    assert Image.open(io.BytesIO(files[moving])).n_frames == 3  # type: ignore[attr-defined]


def test_why_the_others_are_not(moons: Path) -> None:
    missing = {name: figure.missing for name, figure in figures_of(moons).items() if figure.missing}
    assert missing["curve"] == "it needs a regression of one input, and this is a classification of 2"
    assert missing["weights"] == "it needs images as inputs"
    assert missing["r2"] == "the run did not measure r2"
    assert "probe=full" in missing["ledger"]
    with pytest.raises(ConfigError, match="'curve' cannot be drawn: it needs a regression"):
        drawn(moons, only=["curve"])
    with pytest.raises(ConfigError, match=r"no figure 'los'; did you mean 'loss'.*choose from: loss, accuracy"):
        drawn(moons, only=["los"])
    with pytest.raises(ConfigError, match="'loss' does not move; as gif there are: boundary_over_training"):
        drawn(moons, "gif", only=["loss"])
    assert not (moons / "figures").exists()


def test_what_is_drawn_from_the_record_is_what_the_run_drew(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page, byte for byte; its panels alone are drawn by the same functions from the same material."""
    words = ["data=digits", "data.limit=100", "model.hidden=[8]", "epochs=1", "probe=full", "hydra.run.dir=run"]
    assert command([*words, "progress=false", "tracking.patience=100", "tracking.model=false"], monkeypatch) == 0
    assert drawn(Path("run"), only=["page"], dpi=100)["page.png"] == Path("run/figures.png").read_bytes()
    found = set(applying(material_of(Path("run"))))
    assert {"ledger", "gradient_histogram", "activation_histogram", "weights", "confusion", "worst"} < found


def applying(material: Material) -> dict[str, RunFigure]:
    return {name: figure for name, figure in catalogue().items() if not figure.missing(material)}


@pytest.mark.parametrize("style", ["paper", "slides"])
@pytest.mark.parametrize("size", [{}, {"width": 3.3}, {"width": 6, "height": 2}])
def test_a_figure_has_the_size_that_is_wanted(moons: Path, style: str, size: dict[str, float]) -> None:
    material = material_of(moons)
    for name in ("loss", "delta", "delta_by_depth", "confusion", "boundary"):
        made = catalogue()[name].draw(material, Wish(style, dpi=20, **size))  # type: ignore[arg-type]
        width, height = made.get_size_inches()
        wanted = {"width": 40 / 3, "height": 7.5} if style == "slides" and not size else size
        assert wanted.get("width", width) == pytest.approx(width), name
        assert wanted.get("height", height) == pytest.approx(height), name
        png(made)  # warnings are errors: nothing is too small to be laid out


def test_type_is_larger_on_slides(moons: Path) -> None:
    """Relative to the height of the figure, and on larger slides larger."""
    loss, material = catalogue()["loss"], material_of(moons)
    made = [loss.draw(material, wish) for wish in (Wish(), Wish("slides"), Wish("slides", width=26.66))]
    paper, slide, double = (figure.axes[0].xaxis.label.get_fontsize() for figure in made)
    assert slide / made[1].get_figheight() > 0.8 * paper / made[0].get_figheight()
    assert (slide, double) == (pytest.approx(2 * paper), pytest.approx(4 * paper, rel=0.01))


def test_snapshots_are_the_weights_of_the_training(moons: Path) -> None:
    kept = read_snapshots(moons, len(load_network(moons).weights["last"]))
    assert [one.epoch for one in kept] == [0, 2, 4]
    np.testing.assert_array_equal(kept[-1].theta, load_network(moons).weights["last"])
    assert not np.array_equal(kept[0].theta, kept[1].theta)


def test_a_resumed_run_goes_on_with_its_snapshots(moons: Path, tmp_path: Path) -> None:
    """Those of later steps than its checkpoint are of another training, and are gone."""
    run = shutil.copytree(moons, tmp_path / "run")
    last = max((run / "snapshots").iterdir())
    shutil.copy(last, last.with_name("step-000999.npz"))
    resume(run, {"epochs": 6, "progress": False, "checkpoint.snapshots": 3})
    kept = read_snapshots(run, len(load_network(run).weights["last"]))
    assert [one.epoch for one in kept] == [0, 2, 4, 6]
    np.testing.assert_array_equal(kept[-1].theta, load_network(run).weights["last"])


def test_series_are_drawn_where_network_or_data_are_gone(moons: Path, tmp_path: Path) -> None:
    run = shutil.copytree(moons, tmp_path / "run", ignore=shutil.ignore_patterns("network.*", "checkpoints"))
    missing = {name: figure.missing for name, figure in figures_of(run).items()}
    assert not missing["loss"]
    assert not missing["delta_by_depth"]
    assert "left neither a network nor a checkpoint" in missing["boundary"]
    assert "left neither a network nor a checkpoint" in missing["page"]
    with pytest.raises(RecordError, match="holds no run and no sweep"):
        figures_of(run / "snapshots")
    with pytest.raises(RecordError, match="there is no folder"):
        figures_of(run / "nowhere")


def test_a_regression_has_its_curve_and_its_predictions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["data=polynomial", "data.n=60", "data.test=0", "loss=mse", "output=identity", "lr=0.01", "model.hidden=[]"]
    assert command([*words, "epochs=2", "checkpoint.snapshots=2", "hydra.run.dir=run", *QUIET], monkeypatch) == 0
    files = drawn(Path("run"), "png", "gif", dpi=20)
    assert {"r2.png", "curve.png", "prediction.png", "curve_over_training.png", "curve_over_training.gif"} < set(files)
    assert not {"boundary.png", "accuracy.png", "confusion.png"} & set(files)


def test_a_run_that_diverged_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["data=polynomial", "data.n=60", "loss=mse", "output=identity", "lr=1e30", "model.hidden=[4,4]"]
    assert command([*words, "checkpoint.snapshots=2", "hydra.run.dir=run", *QUIET], monkeypatch) == 0
    assert {"loss.png", "curve.png", "prediction.png", "delta_by_depth.png"} < set(drawn(Path("run"), dpi=20))


def test_a_sweep_is_drawn_by_its_factors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["-m", *MOONS, "activation=tanh,relu", "lr=0.1,0.3", "seed=0,1", "launcher=serial", "hydra.sweep.dir=all"]
    assert command(words, monkeypatch) == 0
    files = drawn(Path("all"), "svg", style="slides")
    assert {"loss_test_over_the_epochs.svg", "delta_norm_by_layer_at_the_first_step.svg"} < set(files)
    assert {"final_accuracy_test_over_lr.svg", "final_accuracy_test_by_activation_and_lr.svg"} < set(files)
    told = files["loss_test_over_the_epochs.svg"].decode()
    assert "<!-- activation=tanh, lr=0.3 -->" in told
    assert "seed=" not in told


def test_the_command_prints_files_and_names(
    moons: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["task=figures", f"run={moons}", "figures.only=loss,delta", "format=svg,pdf", f"figures.into={tmp_path}"]
    assert command(words, monkeypatch) == 0
    assert capfd.readouterr().out.split() == [
        str(tmp_path / f"{name}.{ending}") for name in ("loss", "delta") for ending in ("svg", "pdf")
    ]
    assert command(["task=figures", f"run={moons}", "figures.list=true"], monkeypatch) == 0
    listed = capfd.readouterr().out
    assert "  boundary: the class at each point of two inputs" in listed
    assert "  weights: it needs images as inputs" in listed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run=x", "format=bmp"], "format must be some of png, svg, pdf, gif, not 'bmp'"),
        (["run=x", "figures.width=0"], r"figures.width must be a number in \[1.5, 100\] or null, not 0"),
        (["run=x", "figures.dpi=1e9"], "figures.dpi must be"),
        (["run=x", "figures.styl=paper"], r"unknown key 'figures.styl'; did you mean 'style'"),
        (["run=x", "figures.style=beamer"], r"figures.style must be one of paper, slides, not 'beamer'"),
        (["run=x", "lr=0.1"], r"lr=0.1 has no effect with task=figures run=...; leave it out"),
        (["run=x", "run=y"], "run is given more than once"),
        (["run="], "run= needs the folder"),
        (["figures.only=loss"], r"figures.only needs the run to draw"),
    ],
)
def test_words_that_cannot_stand_are_refused(words: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        figures_wanted(["task=figures", *words])


def test_settings_without_the_task_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"figures.only=loss belongs to task=figures run=FOLDER; add both"):
        figures_wanted(["lr=0.1", "figures.only=loss"])
    assert figures_wanted(["lr=0.1"]) is None
    assert figures_wanted(["task=figures", "hydra.run.dir=run"]) is None


def test_more_pixels_than_can_be_drawn_are_refused() -> None:
    with pytest.raises(ConfigError, match="more than 20,000 pixels a side; choose a smaller"):
        Wish(width=100, dpi=1200).sheet((5, 3))
