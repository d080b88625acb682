"""Curves with bands: what the axes say."""

from __future__ import annotations

import math

from bpexp.figures.bands import Band, BandPoint, Scales, draw_bands


def test_ticks_are_short_enough_to_stand_side_by_side() -> None:
    """The root of 2 is 1.41 at its tick: with all its digits it ran into the ticks beside it."""
    ticks = [1, math.sqrt(2), 2, 20]
    band = Band([BandPoint(x, x, math.nan, math.nan) for x in ticks])
    drawn = draw_bands({"": {"all runs": band}}, Scales("sigma_w", "share", log_across=True, ticks=ticks)).decode()
    assert "<!-- 1.41 -->" in drawn
    assert "<!-- 1.414" not in drawn
