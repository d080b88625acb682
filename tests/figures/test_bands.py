"""Curves with bands: what the axes say."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from bpexp.figures.bands import Band, BandPoint, Scales, bands_figure, draw_bands


def test_ticks_are_short_enough_to_stand_side_by_side() -> None:
    """The root of 2 is 1.41 at its tick: with all its digits it ran into the ticks beside it."""
    ticks = [1, math.sqrt(2), 2, 20]
    band = Band([BandPoint(x, x, math.nan, math.nan) for x in ticks])
    drawn = draw_bands({"": {"all runs": band}}, Scales("sigma_w", "share", log_across=True, ticks=ticks)).decode()
    assert "<!-- 1.41 -->" in drawn
    assert "<!-- 1.414" not in drawn


@pytest.mark.parametrize("log", [False, True])
def test_labels_of_ticks_do_not_cover_one_another(log: bool) -> None:
    """A search tries rates that lie side by side."""
    ticks = sorted([0.001, 0.0011, 0.03, 0.0301, 0.0302, 0.1, 0.8, 0.81])
    bands = {"": {"a": Band([BandPoint(x, 1.0, 0.9, 1.1) for x in ticks], [])}}
    figure = bands_figure(bands, Scales("lr", "accuracy", log_across=log, ticks=ticks))
    axes = figure.axes[0]
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert len(boxes) >= 3
    assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))
