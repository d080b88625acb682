"""Curves with bands: what the axes say."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from bpexp.figures.bands import Band, BandPoint, Scales, bands_figure, draw_bands
from bpexp.figures.palette import MARKERS, STROKES, arm_style


def test_ticks_are_short_enough_to_stand_side_by_side() -> None:
    """The root of 2 is 1.41 at its tick: with all its digits it ran into the ticks beside it."""
    ticks = [1, math.sqrt(2), 2, 20]
    band = Band([BandPoint(x, x, math.nan, math.nan) for x in ticks])
    drawn = draw_bands({"": {"all runs": band}}, Scales("sigma_w", "share", log_across=True, ticks=ticks)).decode()
    assert "<!-- 1.41 -->" in drawn
    assert "<!-- 1.414" not in drawn


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("log", [False, True])
def test_labels_of_ticks_do_not_cover_one_another(log: bool, count: int) -> None:
    """A search tries rates that lie side by side, and a label may be long."""
    ticks = sorted([0.001, 0.00159, 0.00298, 0.0045, 0.03, 0.0301, 0.0302, 0.1, 0.8, 0.81])
    band = {"a": Band([BandPoint(x, 1.0, 0.9, 1.1) for x in ticks], [])}
    panels = {f"panel {number}": band for number in range(count)}
    figure = bands_figure(panels, Scales("lr", "accuracy", log_across=log, ticks=ticks))
    axes = figure.axes[0]
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert len(boxes) >= 2 + (count == 1)
    assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))


def test_only_what_is_predicted_is_dotted() -> None:
    """The fourth arm was dotted too, which the caption says of the prediction alone."""
    points = [BandPoint(x, 1.0 + x, math.nan, math.nan) for x in (1.0, 2.0)]
    names = [f"arm {number}" for number in range(len(STROKES))]
    figure = bands_figure({"": {name: Band(points, points) for name in names}}, Scales("layer", "delta"))
    dotted = [line for line in figure.axes[0].lines if line.get_linestyle() == ":"]
    assert len(dotted) == len(names)
    assert all(line.get_marker() not in MARKERS for line in dotted)
    assert all(on >= 2 or off >= 2 for on, off, *_ in (stroke[1] for stroke in STROKES if not isinstance(stroke, str)))


def test_an_arm_without_points_keeps_the_styles_of_those_behind_it() -> None:
    points = [BandPoint(x, 1.0 + x, math.nan, math.nan) for x in (1.0, 2.0)]
    panels = {"a": {"first": Band([]), "second": Band(points)}, "b": {"first": Band(points), "second": Band(points)}}
    left, right = bands_figure(panels, Scales("layer", "delta")).axes
    colours = [line.get_color() for line in (*left.lines, *right.lines)]
    assert colours == [arm_style(number)["color"] for number in (1, 0, 1)]
