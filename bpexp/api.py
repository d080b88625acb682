"""bpexp from Python: the same declarations as on the command line, the results as arrays and data frames.

import bpexp
result = bpexp.run("model=mnist_relu", lr=0.1, epochs=3)
result.history["accuracy/test"].dropna()
result.predict(rows)
sweep = bpexp.sweep("model=mnist_sigmoid,mnist_relu", lr=[0.1, 0.3], seed=range(3))
sweep.table
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bpexp.errors import BpexpError, ConfigError
from bpexp.nn.arrays import Array
from bpexp.records.journal import JOURNAL
from bpexp.records.journal import history as series_of
from bpexp.records.outcome import Outcome, read_outcome
from bpexp.tracking.serving import WEIGHTS, Predictor, build_network, load_weights

if TYPE_CHECKING:
    from bpexp.config.composition import Plan
    from bpexp.nn.network import Network
    from bpexp.study.report import Report


class Result:
    """One run: its outcome, its history, its figures and the network that it left."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.outcome: Outcome = read_outcome(directory)

    def __repr__(self) -> str:
        return f"Result({self.outcome.name!r}, {self.outcome.status}, {str(self.directory)!r})"

    @cached_property
    def history(self) -> pd.DataFrame:
        """Every recorded metric by step: a row a step, a column a metric, NaN where it was not measured."""
        columns = {name: pd.Series(dict(points)) for name, points in series_of(self.directory / JOURNAL).items()}
        return pd.DataFrame(columns).sort_index().rename_axis("step")

    @property
    def metrics(self) -> dict[str, float]:
        """The summaries final/... and best/..."""
        return self.outcome.metrics

    @property
    def figures(self) -> list[Path]:
        """The pictures that the run drew."""
        return sorted(self.directory.glob("*.png"))

    @cached_property
    def network(self) -> Network:
        """The network as training left it."""
        if not (self.directory / WEIGHTS).exists():
            why = "it was recorded with tracking.model=false" if self.outcome.ok else self.outcome.reason
            raise BpexpError(f"{self!r} has no network: {why}")
        return build_network(*load_weights(self.directory))

    def predict(self, x: Any) -> Array:
        """a^L (N, n_L) for rows x (N, n_0), scaled as the training data were."""
        return Predictor(self.network, {}).predict(x)


@dataclass(frozen=True, slots=True, eq=False)
class SweepResult:
    """The runs of a sweep, best first, the table of them, and the report where it was a study."""

    runs: list[Result]
    table: pd.DataFrame
    directory: Path
    ok: bool
    report: Report | None = None


def run(*overrides: str, **settings: Any) -> Result:
    """One run, declared as on the command line: `run("model=mnist_relu", "loss.factor=0.5", lr=0.1)`.

    Silent unless progress=True. A run that fails is a Result whose outcome says so; a mistake raises ConfigError.
    """
    from bpexp.running.launch import launch_run

    with _planned([], overrides, settings) as plan:
        if plan.multirun:
            raise ConfigError("these overrides are a sweep; call bpexp.sweep with them")
        return Result(Path(launch_run(plan).directory))


def sweep(*overrides: str, **settings: Any) -> SweepResult:
    """Every combination of the levels given, as `-m` on the command line; lists and ranges are levels."""
    from bpexp.running.launch import launch_sweep

    with _planned(["--multirun"], overrides, settings) as plan:
        swept, report = launch_sweep(plan, [*overrides, *_words(settings)])
    ranking = swept.ranking
    assert ranking is not None
    table = pd.DataFrame(ranking.rows, columns=ranking.columns)
    for column in table:
        table[column] = _numbers(table[column])
    folders = [swept.directory / number for number in table["job"].astype(str)]
    runs = [Result(folder) for folder in folders if (folder / "result.json").exists()]
    return SweepResult(runs, table, swept.directory, swept.ok, report)


def load(run_id: str, *, uri: str | None = None, experiment: str = "bpexp", into: str | Path | None = None) -> Result:
    """A recorded run out of MLflow; its files are put into the folder `into`, or into a temporary one."""
    from bpexp.tracking.fetch import fetch_run
    from bpexp.tracking.store import open_store

    return Result(fetch_run(open_store(uri, experiment), run_id, None if into is None else Path(into)))


@contextmanager
def _planned(flags: list[str], overrides: Iterable[str], settings: Mapping[str, Any]) -> Iterator[Plan]:
    from hydra import version
    from hydra._internal.utils import get_args_parser

    from bpexp.config.composition import composed

    said = [*overrides, *_words(settings)]
    if not any(word.startswith("progress=") for word in said):
        said.append("progress=false")
    version.setbase("1.3")
    with composed(get_args_parser().parse_args([*flags, *said])) as plan:
        yield plan


def _words(settings: Mapping[str, Any]) -> list[str]:
    """Keyword settings as overrides; a list, tuple or range is a comma list of levels."""
    return [f"{key}={_word(value)}" for key, value in settings.items()]


def _word(value: Any) -> str:
    if isinstance(value, list | tuple | range):
        return ",".join(_word(level) for level in value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _numbers(column: Any) -> Any:
    """A column of text as numbers where it holds nothing else; empty cells become NaN."""
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers if (numbers.notna() | (column == "")).all() else column


__all__ = ["Result", "SweepResult", "load", "run", "sweep"]
