"""The palette of all figures: colours for colour-blind readers; strokes and markers differ as well, for print in grey.

Source of the colours: Okabe, Ito (2008), Color Universal Design.
"""

from __future__ import annotations

from typing import Any

BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
BLACK, ORANGE, SKY, GREY = "#000000", "#e69f00", "#56b4e9", "#7f7f7f"

COLOURS = [BLUE, VERMILION, GREEN, PURPLE, BLACK, ORANGE, SKY, GREY]
"""Colours of items without an order, such as the arms of a study."""

PREDICTED: dict[str, Any] = {"linestyle": ":"}
"""Line style of what a theory predicts; nothing that was measured is dotted."""

STROKES: list[Any] = [
    *("-", "--", "-.", (0, (2, 1)), (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 2))),
    *((0, (8, 2, 2, 2)), (0, (4, 3))),
]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*", "<"]

PARTS: dict[str, dict[str, Any]] = {
    "train": {"color": BLUE, "linestyle": "-", "marker": "o"},
    "validation": {"color": VERMILION, "linestyle": "--", "marker": "s"},
    "test": {"color": BLACK, "linestyle": "-.", "marker": "^"},
}
"""Line styles of the parts of the data."""

BATCH: dict[str, Any] = {"color": "#c8c8c8", "zorder": 1}
"""Line style of batch losses, drawn behind the other lines."""

GRID, NOTE, SOFT = "#e6e6e6", "#a03000", "#707070"
"""Colours of grid lines, of notes on missing values, and of secondary text."""

WEIGHTS, SLOPE = "#9cc9e8", "#e8a06a"
"""Colours of the two entries of the ledger."""

MAP = "cividis"
"""The colour map of ordered values."""


def arm_style(number: int) -> dict[str, Any]:
    """Colour, stroke and marker of the arm of this number; after eight the colours come back with other strokes."""
    turn, colour = divmod(number, len(COLOURS))
    other = (colour + turn) % len(STROKES)
    return {"color": COLOURS[colour], "linestyle": STROKES[other], "marker": MARKERS[other]}


def depth_style(index: int, count: int) -> dict[str, Any]:
    """The style of layer `index` of `count`: dark near the input, light near the output, with own stroke and marker."""
    from matplotlib import colormaps

    shade = colormaps[MAP](0.85 * index / max(1, count - 1))
    return {"color": shade, "linestyle": STROKES[index % len(STROKES)], "marker": MARKERS[index % len(MARKERS)]}
