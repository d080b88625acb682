"""The layout of a page of panels: positions in inches, titles, grids, and notes on values that are not drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bpexp.figures.palette import GRID, NOTE
from bpexp.figures.sheet import pt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Points = Sequence[tuple[int, float]]
Series = Mapping[str, Points]

WIDTH = 12.0
"""Width of the page in inches; margins are fixed, because a layout engine would draw every label twice."""

LEFT, MIDDLE, HALF = 0.85, 6.85, 5.0
"""Left edges of the two columns of axes, and their width, in inches."""

MOST = 9
"""Largest number of layers in one panel; of a deeper network, this many, evenly spaced."""

DRAWABLE = 1e200
"""Largest absolute value that is drawn; a larger one overflows the margins and counts as not finite."""

SMALL = 8
STEP = "step (updates of the parameters)"


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """A band across the page, whose lower edge is `bottom` inches above that of the page; inches are scaled."""

    figure: Figure
    bottom: float
    width: float = WIDTH

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """New axes, placed in inches from the band's lower left corner."""
        across, up = self.figure.get_size_inches() / pt(1)
        return self.figure.add_axes((left / across, (self.bottom + bottom) / up, width / across, height / up))

    def text(self, left: float, bottom: float, text: str, **style: Any) -> None:
        """Text, placed in inches from the band's lower left corner."""
        across, up = self.figure.get_size_inches() / pt(1)
        self.figure.text(left / across, (self.bottom + bottom) / up, text, **style)


@dataclass(frozen=True, slots=True)
class Band:
    """A strip as wide as the page: its height in inches, and the function that draws it."""

    height: float
    draw: Callable[[Room], None]


def tame(series: Series) -> Series:
    """The series with infinity in place of values beyond DRAWABLE."""
    return {
        name: [(step, value if abs(value) <= DRAWABLE else math.copysign(math.inf, value)) for step, value in points]
        for name, points in series.items()
    }


def spread(count: int, most: int) -> list[int]:
    """At most `most` of the numbers 0 to count - 1, evenly spaced, with the first and the last."""
    if count <= most:
        return list(range(count))
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]


def few_of(most: int, count: int) -> str:
    """What a title says where only `most` of so many layers are drawn; empty where all are."""
    return f" ({most} of {count})" if count > most else ""


def dress(axes: Axes, *, title: str, across: str = "", up: str = "", lift: float = 6) -> None:
    """Set a left-aligned title, `lift` points above the axes, labels, a light grid, and no box."""
    axes.set_title(title, loc="left", fontsize=pt(10), fontweight="bold", pad=pt(lift))
    axes.set_xlabel(across, fontsize=pt(9))
    axes.set_ylabel(up, fontsize=pt(9))
    axes.tick_params(labelsize=pt(SMALL))
    axes.grid(True, color=GRID, linewidth=pt(0.7))
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def whole_steps(axes: Axes) -> None:
    """Set few ticks, on whole steps, and one tick for a single step; call it after drawing the lines."""
    from matplotlib.ticker import MaxNLocator

    if axes.lines and axes.dataLim.width == 0:
        axes.set_xticks([axes.dataLim.x0])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def note(axes: Axes, text: str) -> None:
    """Print which values are missing; without it, a gap at the end would look like an early stop."""
    axes.text(0.995, 0.985, text, transform=axes.transAxes, ha="right", va="top", fontsize=pt(SMALL), color=NOTE)


def plural(count: int, what: str) -> str:
    """1 value, 2 values."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def positive(value: float) -> float:
    """The value if a logarithmic axis can show it, else NaN, which leaves a gap."""
    return value if math.isfinite(value) and value > 0 else math.nan
