"""The words of `task=figures run=RUN`: what is drawn, in which formats, how large, and where to.

They are read before Hydra sees the command line, as those of a resume are: a recorded run has its config already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import yaml

from bpexp.config.schema import construct
from bpexp.config.yaml_events import values_of
from bpexp.errors import ConfigError
from bpexp.figures.output import STILLS
from bpexp.figures.sheet import Wish
from bpexp.registry import Place, Range

FORMATS = (*STILLS, "gif")
TASK = "task=figures"
OURS = ("run", "format")
LISTS = ("format", "figures.only")

Inches = Annotated[float, Range(least=1.5, most=100)]
Dots = Annotated[int, Range(least=20, most=1200)]
Style = Annotated[str, Literal["paper", "slides"]]


@dataclass(frozen=True)
class FigureSettings:
    """How figures are drawn again.

    Args:
        only: names of figures, such as loss,delta; null for all that the record allows. An unknown one lists the names.
        style: paper, each figure of its own size; or slides, 16 to 9 with large type.
        width: width of a figure in inches; null for that of the style.
        height: height of a figure in inches; null for the one in proportion.
        dpi: dots per inch of png and gif; null for 300 on paper, 150 on slides, and 100 of a gif.
        into: folder for the files; null for the folder figures of the run or sweep.
        list: print the names of the figures, what each shows, and why some cannot be drawn; draw nothing.
    """

    only: list[str] | None = None
    style: Style = "paper"
    width: Inches | None = None
    height: Inches | None = None
    dpi: Dots | None = None
    into: Annotated[str, Place()] | None = None
    list: bool = False


@dataclass(frozen=True)
class Wanted:
    """Figures of a recorded run or sweep.

    Args:
        run: folder of a run, a sweep or a study, or MLflow's id of it.
        format: endings of the files: svg, pdf, png, and gif of figures that move.
        figures: how they are drawn.
        uri: address of the store in which an id is looked up; None for the usual one.
    """

    run: str
    format: Sequence[str] = ("png",)
    figures: FigureSettings = field(default_factory=FigureSettings)
    uri: str | None = None

    @property
    def wish(self) -> Wish:
        """How each figure is wanted."""
        return Wish(self.figures.style, self.figures.width, self.figures.height, self.figures.dpi)


def figures_wanted(words: Sequence[str]) -> Wanted | None:
    """What a command line wants drawn; None without task=figures, or where it names no run by `run`.

    Raises ConfigError for words that cannot stand beside it or without it, and values that are out of range.
    """
    if TASK not in words:
        if alone := next((word for word in words if word.startswith("figures.")), None):
            raise ConfigError(f"{alone} belongs to {TASK} run=FOLDER; add both, or leave it out")
        return None
    values: dict[str, Any] = {}
    for word in words:
        key, _, text = word.partition("=")
        if key in values:
            raise ConfigError(f"{key} is given more than once; give it once")
        values[key] = text
    del values["task"]
    if "run" not in values:
        if extra := next((key for key in values if key in OURS or key.startswith("figures.")), None):
            raise ConfigError(f"{extra} needs the run to draw: add run=FOLDER, or run=ID with MLflow's id of it")
        return None
    if not values["run"]:
        raise ConfigError("run= needs the folder of a run, a sweep or a study, or MLflow's id of it")
    return _wanted(values)


def _wanted(values: dict[str, Any]) -> Wanted:
    uri = values.pop("tracking.uri", None)
    settings = {key.removeprefix("figures."): text for key, text in values.items() if key.startswith("figures.")}
    if other := next((key for key in values if key not in OURS and not key.startswith("figures.")), None):
        raise ConfigError(f"{other}={values[other]} has no effect with {TASK} run=...; leave it out")
    formats = _names(values.get("format", "png"))
    if unknown := next((name for name in formats if name not in FORMATS), None):
        raise ConfigError(f"format must be some of {', '.join(FORMATS)}, not {unknown!r}")
    read = {key: _read(key, text) for key, text in settings.items()}
    return Wanted(_unquoted(values["run"]), formats, construct(FigureSettings, read, "figures."), uri)


def _names(text: str) -> list[str]:
    """A list with or without its brackets."""
    names = [_unquoted(name.strip()) for name in text.strip().removeprefix("[").removesuffix("]").split(",")]
    return list(dict.fromkeys(name for name in names if name))


def _read(key: str, text: str) -> Any:
    if key == "into":
        return _unquoted(text)
    if key == "only" and text != "null":
        return _names(text)
    try:
        return values_of(text)
    except (ConfigError, yaml.YAMLError):
        raise ConfigError(f"figures.{key}={text} cannot be read") from None


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
