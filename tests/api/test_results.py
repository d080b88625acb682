"""What a result shows and draws, and what raises: read by a person, in a notebook above all."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
from matplotlib.figure import Figure

import bpexp
from bpexp.errors import BpexpError
from bpexp.training.callbacks import callbacks
from bpexp.training.events import Callback, Position

SMALL = ("tracking=none", "data=xor", "data.limit=60", "epochs=2", "model.hidden=[4]")
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m $x$"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def breaking(monkeypatch):
    """A callback that ends a run of an odd seed by an exception."""

    class Breaking(Callback):
        def after_step(self, at: Position) -> None:
            raise RuntimeError(HOSTILE)

    made = {**callbacks._factories, "breaking": Breaking}
    monkeypatch.setattr(callbacks, "_factories", made)
    return "+callbacks.breaking={}"


def test_a_run_without_a_result_raises_unless_told_not_to(breaking):
    with pytest.raises(bpexp.RunFailed, match=r"failed: .*RuntimeError.*; check=False returns it") as caught:
        bpexp.run(*SMALL, breaking)
    assert caught.value.result.outcome.status == "failed"
    assert isinstance(caught.value, BpexpError)
    assert "\x1b" not in str(caught.value)
    result = bpexp.run(*SMALL, breaking, check=False)
    assert result.outcome.status == "failed"
    with pytest.raises(bpexp.RunFailed, match="2 of 2 jobs have no result: job 0 failed") as caught:
        bpexp.sweep(*SMALL, breaking, seed=range(2))
    assert len(caught.value.result.runs) == 2
    assert not bpexp.sweep(*SMALL, breaking, seed=range(2), check=False).ok
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_run_that_diverged_has_a_result():
    """It is an answer of an experiment, and its weights, history and figures are there."""
    result = bpexp.run(*SMALL, "loss=mse", "output=identity", lr=1e9)
    assert result.outcome.status == "diverged"
    assert "diverged" in result._repr_html_()
    assert isinstance(result.plot(), Figure)


def test_check_is_also_the_key_of_the_config():
    assert bpexp.run(*SMALL, check="start").outcome.params["check"] == "start"
    assert bpexp.run(*SMALL, check={"name": "start"}).outcome.params["check"] == "start"


def test_a_run_as_html_is_escaped_and_names_no_folder_above():
    result = bpexp.run(*SMALL, run_name=HOSTILE)
    page = result._repr_html_()
    assert "<img" not in page
    assert "\x1b" not in page
    assert "&lt;img src=x" in page
    assert re.search(r"folder outputs/[-\d]+/[-\d]+<", page)
    for part in ("train", "validation", "test"):
        assert f"{result.metrics[f'final/loss_{part}']:.4g}" in page
    assert repr(result).startswith("Result(")


def test_a_sweep_as_html_has_what_varied_and_every_status(breaking):
    swept = bpexp.sweep(*SMALL, lr=[0.1, 0.04371829371], seed=range(12), run_name=HOSTILE)
    page = swept._repr_html_()
    assert "<b>24 jobs</b>: 24 &#10003; finished; best first by" in page
    assert page.count("<tr>") == 21
    assert "the best 20 of 24 rows" in page
    assert "<th" in page
    assert ">lr</th>" in page
    assert ">0.04372<" in page
    assert "0.04371829371" in set(swept.table["lr"].astype(str))
    failed = bpexp.sweep(*SMALL, breaking, seed=range(5), check=False)
    page = failed._repr_html_()
    assert "5 &#10007; failed" in page
    assert "<img" not in page
    assert "and 2 more such jobs" in page
    assert repr(failed).startswith("SweepResult(5 failed")


def test_figures_are_drawn_by_name_and_shown_by_a_notebook():
    result = bpexp.run(*SMALL)
    assert {"loss", "accuracy"} <= set(result.figures)
    figure = result.figures["loss"]
    assert isinstance(figure, Figure)
    assert figure._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(KeyError, match="no figure 'los'; did you mean 'loss'"):
        result.figures["los"]
    assert len(result.plot().axes) == 2


def test_a_sweep_is_drawn_by_what_varied_with_the_range_of_its_seeds():
    swept = bpexp.sweep(*SMALL, lr=[0.1, 0.2], seed=range(3))
    (axes,) = swept.plot("loss/train").axes
    mean = np.mean([r.history["loss/train"].dropna() for r in swept.runs if r.outcome.params["lr"] == 0.1], axis=0)
    drawn = [line.get_ydata() for line in axes.lines]
    assert any(np.allclose(mean, line) for line in drawn)
    labels = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert sorted(labels) == ["lr=0.1", "lr=0.2"]
    with pytest.raises(BpexpError, match=r"no run has 'los/train'; did you mean 'loss/train'"):
        swept.plot("los/train")


def test_the_title_of_a_sweep_says_what_is_not_drawn():
    """Names of arms have four digits, unless they are alike then."""
    rates = [0.1234567, 0.1234568, *(0.2 + i / 10 for i in range(7))]
    swept = bpexp.sweep(*SMALL, lr=rates)
    (swept.runs[-1].directory / "metrics.jsonl").write_text("")
    (axes,) = swept.plot("loss/train").axes
    assert axes.get_title() == "1 job left out"
    labels = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert len(labels) == len(set(labels)) == 8
    (axes,) = bpexp.sweep(*SMALL, lr=rates, seed=range(2)).plot("loss/train").axes
    assert axes.get_title() == "the best 8 of 9; mean and range of seeds"


def test_a_mean_has_a_gap_where_a_seed_diverged():
    """The mean of the seeds that are left would be that of another experiment."""
    swept = bpexp.sweep(*SMALL, lr=[0.1], seed=range(2))
    path = swept.runs[0].directory / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    last = max(i for i, line in enumerate(lines) if '"loss/train"' in line)
    path.write_text(
        "".join(re.sub(r'("loss/train": )[-\d.e]+', r'\1"nan"', s) if i == last else s for i, s in enumerate(lines))
    )
    (axes,) = swept.plot("loss/train").axes
    assert np.isnan(axes.lines[0].get_ydata()[-1])
    assert np.isfinite(axes.lines[0].get_ydata()[:-1]).all()


def test_a_sweep_has_its_charts_by_name():
    swept = bpexp.sweep(*SMALL, lr=[0.1, 0.2], seed=range(2))
    assert "accuracy_test_over_the_epochs" in swept.figures
    assert isinstance(swept.figures["accuracy_test_over_the_epochs"], Figure)


def test_a_figure_that_cannot_be_drawn_says_why():
    result = bpexp.run(*SMALL)
    assert "confusion" in result.figures
    assert "weights" not in result.figures
    with pytest.raises(KeyError, match="the figure 'weights' cannot be drawn: it needs images as inputs"):
        result.figures["weights"]
