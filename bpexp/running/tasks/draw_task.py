"""`task=figures run=RUN`: any figure of a recorded run, sweep or study, one file a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bpexp.errors import ConfigError, RecordError
from bpexp.figures.catalogue import catalogue, named
from bpexp.figures.output import STILLS, gif
from bpexp.figures.sheet import Wish
from bpexp.files.whole import write_whole
from bpexp.records.journal import JOURNAL
from bpexp.records.sweep_file import SWEEP
from bpexp.running.drawing import material_of
from bpexp.running.tasks.figures_words import Wanted
from bpexp.running.tasks.record_folder import record_folder
from bpexp.study.declaration import STUDY_FILE
from bpexp.study.sweep_charts import sweep_charts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GIF_DPI = 100
"""Dots per inch of an animation that declares none: with as many as a still picture it would be a large file."""

FOLDER = "figures"
"""The folder of a run or a sweep in which its figures are put."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawable:
    """A figure of a record.

    Args:
        name: of the figure and of its file.
        shows: what it shows, in words.
        missing: why it cannot be drawn; empty where it can.
        draw: draws it, as large as it is wanted.
        animate: draws the pictures of its animation; None for a figure that does not move.
    """

    name: str
    shows: str
    missing: str
    draw: Callable[[Wish | None], Figure]
    animate: Callable[[Wish | None], Iterator[Figure]] | None = None


def figures_of(directory: Path) -> dict[str, Drawable]:
    """Every figure of the run, the sweep or the study in a folder, by name, also those that cannot be drawn.

    Raises RecordError where the folder holds none of them.
    """
    if (directory / JOURNAL).is_file():
        return _of_run(directory)
    if (directory / SWEEP).is_file() or (directory / STUDY_FILE).is_file():
        return {chart.name: Drawable(chart.name, chart.caption, "", chart.draw) for chart in sweep_charts(directory)}
    if not directory.is_dir():
        raise RecordError(f"there is no folder {str(directory)!r}; name that of a run, a sweep or a study")
    raise RecordError(f"{str(directory)!r} holds no run and no sweep: it has neither {JOURNAL} nor {SWEEP}")


def _of_run(directory: Path) -> dict[str, Drawable]:
    material = material_of(directory)
    found = {}
    for name, one in catalogue().items():
        animate = partial(one.animate, material) if one.frames is not None else None
        found[name] = Drawable(name, one.shows, one.missing(material), partial(one.draw, material), animate)
    return found


def draw_wanted(wanted: Wanted) -> Iterator[Path]:
    """Draw what the command line wants, and yield each file when it is written."""
    with _record(wanted) as (directory, into):
        known = figures_of(directory)
        chosen = _chosen(wanted, known)
        folder = Path(wanted.figures.into).expanduser() if wanted.figures.into else into
        made = False
        for figure in chosen:
            for ending in wanted.format:
                if ending == "gif" and figure.animate is None:
                    continue
                content = _content(figure, ending, wanted.wish)
                folder.mkdir(parents=True, exist_ok=True)
                path = folder / f"{figure.name}.{ending}"
                write_whole(path, content)
                made = True
                yield path
        if not made:
            raise ConfigError(f"nothing to draw as {', '.join(wanted.format)}; figures.list=true says why")


def listed(wanted: Wanted) -> list[Drawable]:
    """The figures of a record, also those that cannot be drawn."""
    with _record(wanted) as (directory, _):
        return list(figures_of(directory).values())


def _content(figure: Drawable, ending: str, wish: Wish) -> bytes:
    if ending != "gif":
        return STILLS[ending](figure.draw(wish))
    assert figure.animate is not None
    return gif(figure.animate(replace(wish, dpi=wish.dpi or GIF_DPI)))


def _chosen(wanted: Wanted, known: Mapping[str, Drawable]) -> Sequence[Drawable]:
    """The figures that are named, else all that can be drawn; raises ConfigError for those that cannot."""
    if wanted.figures.only is None:
        return [figure for figure in known.values() if not figure.missing]
    names = named(wanted.figures.only, known)
    for name in names:
        if known[name].missing:
            raise ConfigError(f"the figure {name!r} cannot be drawn: {known[name].missing}")
        if list(wanted.format) == ["gif"] and known[name].animate is None:
            moving = [other for other, figure in known.items() if figure.animate and not figure.missing]
            raise ConfigError(f"the figure {name!r} does not move; as gif there are: {', '.join(moving) or 'none'}")
    return [known[name] for name in names]


@contextmanager
def _record(wanted: Wanted) -> Iterator[tuple[Path, Path]]:
    """The folder of the record, and the one for its figures."""
    with record_folder(wanted.run, wanted.uri) as (directory, fetched):
        yield directory, Path(FOLDER) / wanted.run if fetched else directory / FOLDER
