"""The layout of a page of panels: places in inches, titles and grids, notes on what a panel cannot show."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bpexp.figures.palette import GRID, NOTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Points = Sequence[tuple[int, float]]
Series = Mapping[str, Points]

WIDTH = 12.0
"""Inches across the page; margins are set by hand, for a layout engine would draw every label once more."""

LEFT, MIDDLE, HALF = 0.85, 6.85, 5.0
"""Where the two columns of axes begin, and how wide they are."""

MOST = 9
"""Layers shown in one panel; of more, so many that are spread evenly over the depth."""

DRAWABLE = 1e200
"""What an axis can show with its margins; beyond it a value counts as not finite."""

SMALL = 8
STEP = "step (updates of the parameters)"


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """A band across the page from `bottom` inches up."""

    figure: Figure
    bottom: float

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """New axes, placed in inches from the band's lower left corner."""
        across, up = self.figure.get_size_inches()
        return self.figure.add_axes((left / across, (self.bottom + bottom) / up, width / across, height / up))

    def text(self, left: float, bottom: float, text: str, **style: Any) -> None:
        """Words, placed in inches from the band's lower left corner."""
        across, up = self.figure.get_size_inches()
        self.figure.text(left / across, (self.bottom + bottom) / up, text, **style)


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the page as wide as the page: its height in inches and who draws it."""

    height: float
    draw: Callable[[Room], None]


def tame(series: Series) -> Series:
    """The series with infinity for what lies beyond DRAWABLE."""
    return {
        name: [(step, value if abs(value) <= DRAWABLE else math.copysign(math.inf, value)) for step, value in points]
        for name, points in series.items()
    }


def spread(count: int, most: int) -> list[int]:
    """At most `most` of the numbers 0 to count - 1, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]


def dress(axes: Axes, *, title: str, across: str = "", up: str = "", lift: float = 6) -> None:
    """Title on the left, raised by `lift` points, labels, a light grid, no box."""
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", pad=lift)
    axes.set_xlabel(across, fontsize=9)
    axes.set_ylabel(up, fontsize=9)
    axes.tick_params(labelsize=SMALL)
    axes.grid(True, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def whole_steps(axes: Axes) -> None:
    """Few ticks, on whole steps; called when the lines are drawn, for a single step has one tick."""
    from matplotlib.ticker import MaxNLocator

    if axes.lines and axes.dataLim.width == 0:
        axes.set_xticks([axes.dataLim.x0])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def note(axes: Axes, text: str) -> None:
    """Say in the picture what it cannot show, which would otherwise look like an early end."""
    axes.text(0.995, 0.985, text, transform=axes.transAxes, ha="right", va="top", fontsize=SMALL, color=NOTE)


def plural(count: int, what: str) -> str:
    """1 value, 2 values."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def positive(value: float) -> float:
    """The value where a logarithmic axis can show it, else a gap."""
    return value if math.isfinite(value) and value > 0 else math.nan
