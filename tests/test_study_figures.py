"""The figures that are drawn from the numbers of a page, or of its results.json: they say what stands there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from experiments.readme_tables import labelled  # noqa: E402
from experiments.reliability import figure as reliability  # noqa: E402
from experiments.scale import figure as scale  # noqa: E402
from experiments.statistics import figure as statistics  # noqa: E402
from experiments.trust import figure as trust  # noqa: E402


def results(study: str):
    return json.loads((ROOT / "experiments" / study / "results.json").read_text(encoding="utf-8"))


def rows(figure):
    """The labels of all rows, in the order of the panels."""
    return [label.get_text() for axes in figure.axes for label in axes.get_yticklabels()]


def marks(figure, series: str):
    """The numbers at which a series has a mark, of all panels."""
    colour = None
    for handle, name in zip(figure.legends[0].legend_handles, figure.legends[0].texts, strict=True):
        if name.get_text() == series:
            colour = handle.get_color()
    assert colour is not None
    lines = [line for axes in figure.axes for line in axes.lines if len(line.get_xdata()) == 1]
    return [float(line.get_xdata()[0]) for line in lines if line.get_color() == colour]


def test_errors_of_every_pairing_are_drawn():
    found = results("trust")
    figure = trust.figure(found)
    assert rows(figure) == [f"{row['output']} + {row['loss']}" for row in found["pairings"]]
    drawn = marks(figure, "float64, bpexp")
    assert drawn == [max(row["float64"]["delta"], trust.EXACT) for row in found["pairings"]]
    infinite = [row for row in found["pairings"] if row["through_a"] is None]
    assert marks(figure, "float64, the chain rule as it is written").count(trust.INFINITE) == len(infinite) > 0


def test_the_highest_of_our_rates_is_drawn():
    """The figure leaves out no kind of study in which bpexp says much that is false."""
    found = results("statistics")
    figure = statistics.figure(found)
    ours = marks(figure, statistics.NOW)
    assert max(ours) == pytest.approx(100 - 44.9)  # Student's interval where a run in ten lies far off
    assert len(ours) == len(rows(figure)) == 6 + 10 + 4 + 9
    before = {row["alone"] / row["studies"] for row in found["verdict_rates"] if row["truth"] == "null"}
    drawn = {round(rate, 6) for rate in marks(figure, statistics.BEFORE)}
    assert {round(100 * share, 6) for share in before} <= drawn


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ("320 of 320 first starts good; with MLflow alone 0 of 80", (0, 320)),
        ("28 of 30 true; the other two were RUNNING", (2, 30)),
        ("170 000 of 170 000; 0 other exceptions", (0, 170_000)),
        ("201 kills in 58 runs: 198 resumed, 3 before; 0 of the runs differ in theta", (0, 58)),
        ("203 kills in 90 runs, shared: 165 resumed; 0 differences, 0 rows lost", (0, 90)),
        ("100 kills, 14 of them within a write, 0 unreadable", (0, 100)),
    ],
)
def test_counts_are_read_from_the_page(said, counts):
    assert reliability.counted(said) == counts


def test_a_failure_is_not_drawn_as_none():
    with pytest.raises(ValueError, match="tells of failures"):
        reliability.dots("28 of 30 true")
    with pytest.raises(ValueError, match="no count of trials"):
        reliability.dots("33 ms of the processor")


def test_bounds_of_failures_are_those_of_the_page():
    figure = reliability.figure()
    assert len(rows(figure)) == sum(map(len, reliability.TRIALS.values()))
    bounds = dict(zip(rows(figure), marks(figure, reliability.NOW), strict=True))
    assert bounds["first starts of 16 processes, SQLite"] == pytest.approx(100 * (1 - 0.05 ** (1 / 320)))
    assert marks(figure, reliability.ALONE) == [100.0, 75.0]


def test_ratios_are_those_of_the_page():
    figure = scale.figure()
    assert len(rows(figure)) == len(set(rows(figure))) == 4 + 4 + 4 + 7
    measured = marks(figure, scale.PAIR)
    assert {13.7, 1.94, 0.54, 2.95} <= set(measured)
    assert {15.0, 4.0, 1.8} <= set(marks(figure, scale.AIM))


def test_a_row_that_is_not_there_is_no_row_of_a_figure(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("| what | figure |\n|---|---|\n| a | 1 |\n| a b | 2 |\n", encoding="utf-8")
    assert labelled(page, {"a |": "first", "a b": "second"}) == {"first": ["a", "1"], "second": ["a b", "2"]}
    for words in ("a", "c"):
        with pytest.raises(ValueError, match="expected one"):
            labelled(page, {words: "x"})
    with pytest.raises(ValueError, match="one label"):
        labelled(page, {"a |": "x", "a b": "x"})
