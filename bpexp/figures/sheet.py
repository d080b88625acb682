"""The sheet that a figure is drawn on: its size, and the scale of everything that is measured in points and inches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bpexp.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST = 0.85
"""A figure is laid out on at least this share of its own width and height; on a smaller sheet everything shrinks."""

SLIDE = (20 / 3, 3.75)
"""Inches of the sheet that becomes a slide: whatever the size of a slide, it is this sheet, enlarged."""

PIXELS = 20_000
"""Largest width and height of a picture in pixels; matplotlib draws up to 65 536."""

_scale: ContextVar[float] = ContextVar("scale", default=1.0)


def pt(length: float) -> float:
    """A length in points or inches, at the scale of the sheet that is drawn on."""
    return length * _scale.get()


@contextmanager
def scaled(factor: float) -> Iterator[None]:
    """Draw everything so many times as large."""
    token = _scale.set(_scale.get() * factor)
    try:
        yield
    finally:
        _scale.reset(token)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of paper or a slide.

    Args:
        width: in inches.
        height: in inches.
        scale: of type, strokes and markers: 1 is type of 8 to 10 points.
        dpi: dots per inch of a picture.
    """

    width: float
    height: float
    scale: float = 1.0
    dpi: int = 300

    def blank(self) -> Figure:
        """An empty figure whose axes make room for labels and legends."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(self.width, self.height), dpi=self.dpi, layout="constrained")
        engine = figure.get_layout_engine()
        assert engine is not None
        engine.set(w_pad=pt(0.05), h_pad=pt(0.05))  # type: ignore[call-arg]
        return figure

    def bare(self) -> Figure:
        """An empty figure in which every place is said."""
        from matplotlib.figure import Figure

        return Figure(figsize=(self.width, self.height), dpi=self.dpi)

    @property
    def canvas(self) -> tuple[float, float]:
        """Width and height in inches before they are scaled: the room that type of 8 to 10 points has."""
        return self.width / self.scale, self.height / self.scale


@dataclass(frozen=True, slots=True)
class Wish:
    """How a figure is wanted.

    Args:
        style: paper, of the figure's own size; or slides, 16 to 9 with large type, and larger type on larger slides.
        width: in inches; None for that of the style.
        height: in inches; None for the one in proportion.
        dpi: dots per inch; None for 300 on paper and 150 on slides.
    """

    style: str = "paper"
    width: float | None = None
    height: float | None = None
    dpi: int | None = None

    def sheet(self, size: tuple[float, float]) -> Sheet:
        """The sheet of a figure whose own size on paper is `size`; raises ConfigError for more pixels than PIXELS."""
        slides = self.style == "slides"
        sheet = self._sized((2 * SLIDE[0], 2 * SLIDE[1]) if slides else size)
        type_size = min(sheet.width / SLIDE[0], sheet.height / SLIDE[1]) if slides else 1.0
        return replace(sheet, scale=min(type_size, sheet.width / size[0] / LEAST, sheet.height / size[1] / LEAST))

    def whole(self, size: tuple[float, float]) -> Sheet:
        """The sheet of a figure that is laid out on `size` alone, and enlarged or shrunk to what is wanted.

        A figure that is higher than wide is no slide, and keeps its proportions.
        """
        slide = self.style == "slides" and size[0] >= size[1]
        sheet = self._sized((2 * SLIDE[0], 2 * SLIDE[1]) if slide else size)
        return replace(sheet, scale=min(sheet.width / size[0], sheet.height / size[1]))

    def _sized(self, own: tuple[float, float]) -> Sheet:
        width = self.width or (own[0] if self.height is None else self.height * own[0] / own[1])
        height = self.height or width * own[1] / own[0]
        sheet = Sheet(width, height, 1.0, self.dpi or (150 if self.style == "slides" else 300))
        if max(width, height) * sheet.dpi > PIXELS:
            raise ConfigError(
                f"a figure of {width:g} x {height:g} inches at {sheet.dpi} dpi has more than {PIXELS:,} pixels a side; "
                "choose a smaller figures.width, figures.height or figures.dpi"
            )
        return sheet


def finish(figure: Figure) -> Figure:
    """The figure with ticks and frames at the scale of its sheet; what was drawn explicitly has it already."""
    factor = pt(1.0)
    if factor != 1.0:
        for axes in figure.axes:
            axes.tick_params(which="major", length=3.5 * factor, width=0.8 * factor, pad=3.5 * factor)
            axes.tick_params(which="minor", length=2.0 * factor, width=0.6 * factor, pad=3.4 * factor)
            for axis in (axes.xaxis, axes.yaxis):
                axis.labelpad = 4.0 * factor
            for spine in axes.spines.values():
                spine.set_linewidth(0.8 * factor)
    return figure
