"""What a figure of a run is made of, and what such a figure declares: its name, what it needs, how it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bpexp.data.dataset import DataSet
from bpexp.errors import ConfigError
from bpexp.figures.page import Series
from bpexp.figures.sheet import Sheet, Wish, finish, scaled
from bpexp.insight.samples import Samples
from bpexp.nn.arrays import Array
from bpexp.nn.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The weights theta (P,) after an epoch and so many updates."""

    epoch: int
    step: int
    theta: Array


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What figures are made of.

    Args:
        title: name of the run.
        series: (step, value) pairs by metric name.
        network: with the weights that the figures of the run speak of; None where they are not there.
        data: on which it was trained; None where they are not there.
        samples: outputs and costs on one part of the data; None without network or data.
        histograms: the file that `Histograms.save` wrote; None for none.
        snapshots: weights during the training, in the order of their steps.
        absent: why network, data and samples are not there; empty where they are.
    """

    title: str
    series: Series
    network: Network | None = None
    data: DataSet | None = None
    samples: Samples | None = None
    histograms: Path | None = None
    snapshots: Sequence[Snapshot] = ()
    absent: str = ""


Size = tuple[float, float]
Draw = Callable[[Material, Sheet], "Figure"]
Need = Callable[[Material], str]
"""Why a figure cannot be made of some material, in words; empty where it can."""


def trained(material: Material) -> str:
    """It needs the trained network, and the data."""
    return material.absent


def moving(material: Material) -> str:
    """It needs weights of several moments of the training."""
    few = len(material.snapshots) < 2
    missing = "its folder holds no weights of earlier epochs; run it with checkpoint.snapshots=12 (MLflow gets none)"
    return missing if few else ""


@dataclass(frozen=True, slots=True, eq=False)
class RunFigure:
    """A figure of a run.

    Args:
        name: of the figure and of its file.
        shows: what it shows, in words.
        size: its own width and height in inches, or what tells it of the material.
        needs: what must be there, in the order in which it is told.
        paint: draws it on a sheet; what is not measured in parts of the sheet is measured by `pt`.
        frames: draws one picture for each snapshot; None for a figure that does not move.
        whole: whether it is laid out in inches, so that all of it is enlarged or shrunk.
    """

    name: str
    shows: str
    size: Size | Callable[[Material], Size]
    needs: Sequence[Need]
    paint: Draw
    frames: Callable[[Material, Sheet], Iterator[Figure]] | None = None
    whole: bool = False

    def missing(self, material: Material) -> str:
        """Why it cannot be drawn; empty where it can."""
        return next((reason for need in self.needs if (reason := need(material))), "")

    def draw(self, material: Material, wish: Wish | None = None) -> Figure:
        """The figure; raises ConfigError where the material lacks what it needs."""
        sheet = self._sheet(material, wish)
        with scaled(sheet.scale):
            return finish(self.paint(material, sheet))

    def animate(self, material: Material, wish: Wish | None = None) -> Iterator[Figure]:
        """The pictures of an animation, each drawn when it is asked for; raises ConfigError where there are none."""
        if self.frames is None:
            raise ConfigError(f"the figure {self.name!r} does not move; leave gif out, or choose a figure that does")
        sheet = self._sheet(material, wish)
        with scaled(sheet.scale):
            for frame in self.frames(material, sheet):
                yield finish(frame)

    def _sheet(self, material: Material, wish: Wish | None) -> Sheet:
        if reason := self.missing(material):
            raise ConfigError(f"the figure {self.name!r} cannot be drawn: {reason}")
        wish = wish or Wish()
        size = self.size(material) if callable(self.size) else self.size
        return wish.whole(size) if self.whole else wish.sheet(size)
