"""Measures: numbers that are computed from the recorded series of a run, named by a small language.

    final accuracy/test                          the last value
    best loss/test                               the lowest or highest, whichever is better
    first grad_norm/W1                           the first value
    mean saturation/layer_1                      the mean over the run
    epochs until accuracy/test >= 0.9            the first epoch that gets there; if none does, the last epoch + 1
    first delta_norm/layer_1 / delta_norm/layer_last       the ratio of two series, each read the same way

`layer_last` and `W_last` stand for the last layer that was recorded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bpexp.errors import ConfigError
from bpexp.training.metrics import better

Series = Mapping[str, Sequence[tuple[int, float]]]

READERS: dict[str, Callable[[Sequence[float], str], float]] = {
    "final": lambda values, name: values[-1],
    "first": lambda values, name: values[0],
    "mean": lambda values, name: float(np.mean(values)),
    "best": lambda values, name: float(np.min(values) if better(name) == "lower" else np.max(values)),
}

_READ = re.compile(rf"({'|'.join(READERS)}) (\S+)(?: / (\S+))?")
_UNTIL = re.compile(r"epochs until (\S+) (>=|<=) ([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a run. `text` names it; `read` computes it, NaN where the series is missing."""

    text: str
    read: Callable[[Series], float]

    @property
    def lower_is_better(self) -> bool:
        """Whether a lower value is better: of epochs, losses and errors."""
        words = self.text.split()
        return words[0] == "epochs" or better(words[1]) == "lower"

    @property
    def series(self) -> list[str]:
        """The names of the series that it reads."""
        return [word for word in self.text.split() if "/" in word and len(word) > 1]


def parse(text: str) -> Measure:
    """The measure that a text names; raises ConfigError, which lists the forms, where it names none."""
    if found := _READ.fullmatch(str(text)):
        how, name, below = found.groups()
        return Measure(text, lambda series: _read(series, how, name, below))
    if found := _UNTIL.fullmatch(str(text)):
        name, sign, bound = found.group(1), found.group(2), float(found.group(3))
        return Measure(text, lambda series: _until(series, name, sign, bound))
    raise ConfigError(
        f"{text!r} is no measure; use final, best, first or mean and a metric, as in 'final accuracy/test', "
        "or 'epochs until accuracy/test >= 0.9'"
    )


def _read(series: Series, how: str, name: str, below: str | None) -> float:
    value = READERS[how](_values(series, name), name)
    if below is None:
        return value
    divisor = READERS[how](_values(series, below), below)
    return value / divisor if divisor else math.nan


def _until(series: Series, name: str, sign: str, bound: float) -> float:
    points, epochs = series.get(resolve(series, name), ()), dict(series.get("time/epoch", ()))
    if not points:
        return math.nan
    for step, value in points:
        if value >= bound if sign == ">=" else value <= bound:
            return epochs.get(step, math.nan)
    return max(epochs.values(), default=math.nan) + 1


def _values(series: Series, name: str) -> list[float]:
    return [value for _, value in series.get(resolve(series, name), ())] or [math.nan]


def resolve(series: Series, name: str) -> str:
    """A name in which `layer_last` or `W_last` is replaced by the highest layer that was recorded."""
    if not name.endswith("_last"):
        return name
    stem = name.removesuffix("last") if name.endswith("layer_last") else name.removesuffix("_last")
    numbers = [int(key[len(stem) :]) for key in series if key.startswith(stem) and key[len(stem) :].isdigit()]
    return f"{stem}{max(numbers)}" if numbers else name
