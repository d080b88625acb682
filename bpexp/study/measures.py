"""Measures: numbers that are computed from the recorded series of a run, named by a small language.

    final accuracy/test                          the last value; of the best epoch where its weights were restored
    best loss/test                               the lowest or highest, whichever is better
    first grad_norm/W1                           the first value
    mean saturation/layer_1                      the mean over the run
    epochs until accuracy/test >= 0.9            the first epoch that gets there; if none does, the last epoch + 1
    first delta_norm/layer_1 / delta_norm/layer_last       the ratio of two series, each read the same way
    log10 first delta_norm/layer_1 / delta_norm/layer_last  the decimal logarithm of any of these but epochs

`layer_last` and `W_last` stand for the last layer that was recorded. A measure on a log scale is averaged, tested and
shared out as a logarithm: a mean of logarithms is the logarithm of a geometric mean.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bpexp.errors import ConfigError
from bpexp.training.metrics import PENALTY, SHARE, SIZE, Bounds, better, metrics

Series = Mapping[str, Sequence[tuple[int, float]]]

READERS: dict[str, Callable[[Sequence[float], str], float]] = {
    "final": lambda values, name: values[-1],
    "first": lambda values, name: values[0],
    "mean": lambda values, name: float(np.mean(values)),
    "best": lambda values, name: float(np.min(values) if better(name) == "lower" else np.max(values)),
}

UNTIL = "epochs until"

NO_BOUNDS: Bounds = (-math.inf, math.inf)
PROBED: dict[str, Bounds] = {
    **dict.fromkeys(("saturation", "dead", "fixed/saturation", "fixed/dead"), SHARE),
    **dict.fromkeys(("grad_norm", "delta_norm", "weight_norm", "update_ratio", "check"), SIZE),
}
"""The bounds of what the probes measure: shares and norms."""

PREDICTION = "mean_field/"
"""What the name of a series begins with that mean-field theory predicts; the rest names what is measured."""

_READ = re.compile(rf"(log10 )?({'|'.join(READERS)}) (\S+)(?: / (\S+))?")
_UNTIL = re.compile(rf"{UNTIL} (\S+) (>=|<=) ([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a run.

    `text` names it, `how` is the word of its reader, `names` are one series or the two of a ratio, `linear` computes it
    without the logarithm, `log` says whether it is one.
    """

    text: str
    how: str
    names: tuple[str, ...]
    linear: Callable[[Series], float]
    log: bool = False

    def read(self, series: Series) -> float:
        """The number; NaN where a series is missing, and for the logarithm of what is not above 0."""
        return self.scaled(self.linear(series))

    def scaled(self, value: float) -> float:
        """The value, or its logarithm for a measure on a log scale."""
        if not self.log:
            return value
        return math.log10(value) if value > 0 else math.nan

    @property
    def lower_is_better(self) -> bool:
        """Whether a lower value is better: of epochs, losses and errors."""
        return self.discrete or better(self.names[0]) == "lower"

    @property
    def judged(self) -> bool:
        """Whether a value is better than another one; that of a norm or a saturation is only larger."""
        return self.discrete or self.names[0].split("/")[0] in (*metrics, PENALTY.split("/")[0])

    @property
    def discrete(self) -> bool:
        """Whether it counts: the seeds of an arm then often have equal values."""
        return self.how == UNTIL

    @property
    def bounds(self) -> Bounds:
        """The smallest and largest value that it can take."""
        if self.discrete:
            return SIZE
        low, high = bounds_of(self.names[0])
        if len(self.names) > 1:
            low, high = (0.0, math.inf) if low == bounds_of(self.names[1])[0] == 0 else NO_BOUNDS
        if not self.log:
            return low, high
        return -math.inf, math.log10(high) if high > 0 else math.inf

    @property
    def predicted(self) -> str:
        """The text of the measure of what mean-field theory predicts for it."""
        return re.sub(r"\S+/\S+", lambda name: predicted(name[0]), self.text)

    @property
    def series(self) -> list[str]:
        """The names of the series that it reads."""
        return list(self.names)


def bounds_of(series: str) -> Bounds:
    """The smallest and largest value that a recorded series can take, such as 0 and 1 of an accuracy."""
    name = series.rpartition("/")[0] or series
    return metrics[name].bounds if name in metrics else PROBED.get(name, NO_BOUNDS)


def difference_bounds(bounds: Bounds) -> Bounds:
    """The smallest and largest difference of two values that lie within bounds."""
    low, high = bounds
    return low - high, high - low


def predicted(series: str) -> str:
    """The series that holds what mean-field theory predicts for a series, if it predicts it."""
    return PREDICTION + series


def parse(text: str) -> Measure:
    """The measure that a text names; raises ConfigError, which lists the forms, where it names none."""
    if found := _READ.fullmatch(str(text)):
        log, how, name, below = found.groups()
        names = (name,) if below is None else (name, below)
        return Measure(text, how, names, lambda series: _read(series, how, name, below), log is not None)
    if found := _UNTIL.fullmatch(str(text)):
        name, sign, bound = found.group(1), found.group(2), float(found.group(3))
        return Measure(text, UNTIL, (name,), lambda series: _until(series, name, sign, bound))
    raise ConfigError(
        f"{text!r} is no measure; use final, best, first or mean and a metric, as in 'final accuracy/test', "
        "or 'epochs until accuracy/test >= 0.9'; 'log10 ' before it takes the logarithm"
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


def layer_stems(name: str) -> tuple[str, ...]:
    """What comes before the number of a layer in the series of `name`, and in that of its prediction.

    It is delta_norm/layer_1 and mean_field/delta_norm/layer_1, or ledger/slope_layer_1.
    """
    return f"{name}/layer_", f"{name}_layer_", f"{predicted(name)}/layer_"


def resolve(series: Series, name: str) -> str:
    """A name in which `layer_last` or `W_last` is replaced by the highest layer that was recorded."""
    if not name.endswith("_last"):
        return name
    stem = name.removesuffix("last") if name.endswith("layer_last") else name.removesuffix("_last")
    numbers = [int(key[len(stem) :]) for key in series if key.startswith(stem) and key[len(stem) :].isdigit()]
    return f"{stem}{max(numbers)}" if numbers else name
