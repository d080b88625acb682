"""Evaluation metrics: each is one function that declares its name, its direction and its labels.

History, summary, ranking, figures, terminal and MLflow read these declarations, so a new metric is one function. The
names of recorded series are `metric/part`, such as accuracy/test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bpexp.data.dataset import Task
from bpexp.errors import ConfigError
from bpexp.nn.arrays import Array
from bpexp.registry import redefined

PARTS = ("validation", "test", "train")
"""The parts of the data. The first one present determines the best epoch: never the test part if there is a validation
part."""

PENALTY = "penalty/weights"
Direction = Literal["lower", "higher"]
Bounds = tuple[float, float]

SHARE: Bounds = (0.0, 1.0)
SIZE: Bounds = (0.0, math.inf)
"""The bounds of a share, and those of a size: a cost or an error."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """Outputs on N samples: costs C_k (N,), outputs a and targets y (n_L, N), class numbers (N,) or None.

    Costs are those of the targets that the network is trained on. Where these are scaled, a and y are in the units of
    the data again, in float64: a loss is one of scaled targets, an error is one in the units of the data.
    """

    costs: Array
    a: Array
    y: Array
    labels: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One number of an evaluation.

    Args:
        name: the part before the slash in the names of its series.
        measure: computes the number.
        better: whether lower or higher values are better.
        label: axis label of a figure, in matplotlib's notation.
        title: title of its panel.
        task: the task for which it is defined; None for both.
        least_outputs: smallest n_L for which it is defined.
        drawn: whether it has a panel on the page of a run.
        chooses: whether it may determine the best epoch and rank a sweep.
        headline: whether tables and summaries of a run show it.
        bounds: the smallest and largest value that it can take.
    """

    name: str
    measure: Callable[[Evaluated], float]
    better: Direction
    label: str
    title: str
    task: Task | None = None
    least_outputs: int = 1
    drawn: bool = True
    chooses: bool = False
    headline: bool = True
    bounds: Bounds = (-math.inf, math.inf)

    def applies(self, task: Task, n_outputs: int) -> bool:
        """Whether the metric is defined for this task and number of outputs."""
        return self.task in (None, task) and n_outputs >= self.least_outputs


class Metrics(Mapping[str, Metric]):
    """The metrics by name, in the order of their declaration."""

    def __init__(self) -> None:
        self._metrics: dict[str, Metric] = {}

    def __getitem__(self, name: str) -> Metric:
        return self._metrics[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    def add(self, metric: Metric) -> None:
        """Add one; raises ConfigError for a name that is taken, or that no series can have."""
        if not metric.name.isidentifier():
            raise ConfigError(f"metric {metric.name!r}: a name has letters, digits and underscores only")
        if metric.name in self and not redefined(self[metric.name].measure, metric.measure):
            raise ConfigError(f"metric {metric.name!r} is declared already; choose another name")
        self._metrics[metric.name] = metric


metrics = Metrics()


def metric(
    name: str,
    *,
    better: Direction,
    label: str | None = None,
    title: str | None = None,
    task: Task | None = None,
    least_outputs: int = 1,
    drawn: bool = True,
    chooses: bool = False,
    headline: bool = True,
    bounds: Bounds = (-math.inf, math.inf),
) -> Callable[[Callable[[Evaluated], float]], Callable[[Evaluated], float]]:
    """Declare the decorated function as a metric; see `Metric` for the arguments."""

    def declare(measure: Callable[[Evaluated], float]) -> Callable[[Evaluated], float]:
        words = name.replace("_", " ")
        shown = label or words, title or words.capitalize()
        metrics.add(Metric(name, measure, better, *shown, task, least_outputs, drawn, chooses, headline, bounds))
        return measure

    return declare


@metric("loss", better="lower", bounds=SIZE)
def loss(e: Evaluated) -> float:
    """Mean of the costs C_k."""
    return float(e.costs.mean())


@metric("accuracy", better="higher", task="classification", chooses=True, bounds=SHARE)
def accuracy(e: Evaluated) -> float:
    """Share of samples with argmax a = class; for a single output, of samples with (a > 0.5) = (class 1).

    Outputs that are not finite name no class, here and in `top3_accuracy`, as in a prediction.
    """
    right = (e.a[0] > 0.5) == (e.labels == 1) if e.a.shape[0] == 1 else e.a.argmax(axis=0) == e.labels
    return float(np.mean(right & np.isfinite(e.a).all(axis=0)))


@metric(
    "top3_accuracy", better="higher", label="top-3 accuracy", task="classification", least_outputs=4, drawn=False,
    headline=False, bounds=SHARE,
)  # fmt: skip
def top3_accuracy(e: Evaluated) -> float:
    """Share of samples whose class is among the three largest outputs; of equal outputs the first come first."""
    assert e.labels is not None
    own = e.a[e.labels, np.arange(len(e.labels))]
    earlier = np.arange(len(e.a))[:, None] < e.labels
    ahead = (e.a > own) | ((e.a == own) & earlier)
    return float(np.mean((ahead.sum(axis=0) < 3) & np.isfinite(e.a).all(axis=0)))


@metric(
    "r2",
    better="higher",
    label="$R^2$",
    title="Variance explained",
    task="regression",
    chooses=True,
    bounds=(-math.inf, 1.0),
)
def r2(e: Evaluated) -> float:
    """R^2 = 1 - sum (a - y)^2 / sum (y - mean y)^2 over all outputs; NaN if the targets are constant."""
    spread = np.square(e.y - e.y.mean(axis=1, keepdims=True), dtype=np.float64).sum()
    if not (spread > 0 and np.ptp(e.y, axis=1).any()):  # equal float32 numbers have a spread: their mean is rounded
        return float("nan")
    return float(1 - np.square(e.a - e.y, dtype=np.float64).sum() / spread)


@metric(
    "rmse", better="lower", label="root mean squared error", title="Error", task="regression", drawn=False, bounds=SIZE
)
def rmse(e: Evaluated) -> float:
    """sqrt(mean (a - y)^2) over all outputs."""
    return float(np.sqrt(np.square(e.a - e.y, dtype=np.float64).mean()))


def measured(task: Task, n_outputs: int, parts: Sequence[str], *, penalty: bool = False) -> list[str]:
    """The names of the series that the evaluations of a run emit, such as accuracy/test."""
    applying = [name for name, m in metrics.items() if m.applies(task, n_outputs)]
    names = [f"{name}/{part}" for part in parts for name in applying]
    return [*names, PENALTY] if penalty else names


def better(series: str) -> Direction:
    """Whether lower or higher values of a recorded series are better; higher if no metric declares it."""
    name = series.split("/")[0]
    if name in metrics:
        return metrics[name].better
    return "lower" if name == PENALTY.split("/")[0] else "higher"


def chooser(series: Iterable[str]) -> str | None:
    """The recorded series that determines the best epoch: accuracy or r2 on validation, else on test, else on train."""
    names = [f"{metric.name}/{part}" for part in PARTS for metric in metrics.values() if metric.chooses]
    known = set(series)
    return next((name for name in names if name in known), None)


def headlines(part: str) -> list[str]:
    """Names, in summaries, of the numbers that tables show: accuracy_test, loss_test, ..."""
    ordered = sorted(metrics.values(), key=lambda m: not m.chooses)
    return [f"{m.name}_{part}" for m in ordered if m.headline]
