"""bpexp from Python: the same declarations as on the command line, with results as arrays and data frames.

import bpexp
result = bpexp.run("model=mnist_relu", lr=0.1, epochs=3)
result.history["accuracy/test"].dropna()
result.predict(rows)
sweep = bpexp.sweep("model=mnist_sigmoid,mnist_relu", lr=[0.1, 0.3], seed=range(3))
sweep.table

A call restores BLAS threads, logging, environment, signal handlers, working directory and Hydra's state. Several
threads may call at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bpexp.config.composition import CommandLine
from bpexp.config.logins import without_credentials
from bpexp.config.spelling import spelled
from bpexp.errors import BpexpError, ConfigError, RecordError
from bpexp.nn.arrays import Array
from bpexp.records.journal import JOURNAL
from bpexp.records.journal import history as series_of
from bpexp.records.network_file import WEIGHTS
from bpexp.records.outcome import Outcome, read_outcome
from bpexp.records.predictor import PARAM, Predictor, load_predictor
from bpexp.records.split_file import Split, load_split
from bpexp.running.collector import collecting_seldom
from bpexp.running.plan import ONCE, Plan, plan
from bpexp.running.resuming.resume_sweep import resumed_sweep

if TYPE_CHECKING:
    from bpexp.nn.network import Network
    from bpexp.search.confirmation import Confirmation
    from bpexp.search.found import Found
    from bpexp.study.report import Report

LOG_MODEL = "python -m bpexp task=sync tracking.model=true hydra.run.dir=FOLDER"


class Result:
    """One run: its outcome, its history, its figures and its trained network."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.outcome: Outcome = read_outcome(directory)

    def __repr__(self) -> str:
        return f"Result({self.outcome.name!r}, {self.outcome.status}, {str(self.directory)!r})"

    @cached_property
    def history(self) -> pd.DataFrame:
        """Every recorded metric by step: one row per step, one column per metric, NaN where it was not measured."""
        columns = {name: pd.Series(dict(points)) for name, points in series_of(self.directory / JOURNAL).items()}
        return pd.DataFrame(columns).sort_index().rename_axis("step")

    @property
    def metrics(self) -> dict[str, float]:
        """The summaries: final/... of the saved network, best/... of the best epoch."""
        return self.outcome.metrics

    @property
    def figures(self) -> list[Path]:
        """The PNG files of the run. Those of a job of a sweep are drawn when they are first asked for."""
        drawn = sorted(self.directory.glob("*.png"))
        if drawn or self.outcome.params.get("tracking.figures") != "auto" or not self.outcome.ok:
            return drawn
        from bpexp.running.tasks.figures_task import draw_again

        draw_again(self.directory)
        return sorted(self.directory.glob("*.png"))

    @cached_property
    def _predictor(self) -> Predictor:
        if not (self.directory / WEIGHTS).exists():
            gone = f"it was recorded without a model, which `{LOG_MODEL}` adds, or {WEIGHTS} was removed"
            raise BpexpError(f"{self!r} has no network: {gone if self.outcome.ok else self.outcome.reason}")
        predictor = load_predictor(self.directory)
        theta, told = predictor.saved.weights[predictor.saved.reported], self.outcome.theta_sha256
        found = hashlib.sha256(np.ascontiguousarray(theta).tobytes()).hexdigest()
        if told and found != told:
            path = str(self.directory / WEIGHTS)
            raise RecordError(f"{path!r} is of another run: theta has the SHA-256 {found[:12]}..., not {told[:12]}...")
        return predictor

    @property
    def network(self) -> Network:
        """The network that the figures final/... speak of; raises BpexpError if none was saved."""
        return self._predictor.network

    @property
    def networks(self) -> dict[str, Network]:
        """The network with the weights of the `last` epoch and, where one was chosen, with those of the `best` one."""
        return self._predictor.networks

    @cached_property
    def split(self) -> Split:
        """The rows of the data in each part, numbered from 0 as in the file, its header not counted."""
        return load_split(self.directory)

    def predict(self, rows: Any, weights: str | None = None) -> pd.DataFrame:
        """The answer for each raw row: the predicted class and the output of each class, or the values of a regression.

        Args:
            rows: a data frame, array or list (N, n_0) as the data set has them: neither scaled nor encoded. Of a table,
                a data frame is read by the names of its columns, and further columns are ignored.
            weights: last or best; None for those that the figures final/... speak of.

        Returns a table of N rows. Its first column, named as the target of the data or `class`, holds the names of the
        predicted classes; each further one is named as its class. Of a regression it holds the targets in their own
        units. Raises BpexpError without a network, and for rows that it cannot take.
        """
        return self._predictor.predict(rows, None if weights is None else {PARAM: weights})

    def outputs(self, rows: Any, weights: str | None = None) -> Array:
        """a^L (N, n_L) for raw rows, arguments as in `predict`; of a regression in the units of the data."""
        return self._predictor.outputs(rows, weights)


@dataclass(frozen=True, slots=True, eq=False)
class SweepResult:
    """The runs of a sweep, best first, their table, and the report of a study, or what a search found."""

    runs: list[Result]
    table: pd.DataFrame
    directory: Path
    ok: bool
    report: Report | None = None
    found: Found | None = None
    confirmed: Confirmation | None = None


@collecting_seldom()
def run(*overrides: str, **settings: Any) -> Result:
    """One run, declared as on the command line: `run("model=mnist_relu", "loss.factor=0.5", lr=0.1)`.

    Keyword values may be any text, number, list or mapping. Nothing is printed unless progress=True. A run that fails
    returns a Result with the status `failed`; an invalid declaration raises ConfigError or DataError.
    """
    from bpexp.running.sweep import run_single

    words = [f"{key}={spelled(value)}" for key, value in settings.items()]
    planned = _planned([*overrides, *words], multirun=False)
    if planned.multirun:
        raise ConfigError("these overrides are a sweep; call bpexp.sweep with them")
    return Result(Path(run_single(planned).directory))


@collecting_seldom()
def sweep(*overrides: str, **settings: Any) -> SweepResult:
    """Every combination of the levels given, as `-m` on the command line; a list, tuple or range holds levels.

    A level that is itself a list is one value: `sweep(**{"model.hidden": [[32], [64, 64]]})` has two levels.
    `sweep("search=tpe", "lr=interval(0.01,1)")` is a search, whose `found` has its best trial and what mattered.
    `sweep(resume=FOLDER)`, or resume=True beside the same levels, goes on with a sweep that was broken off.
    """
    from bpexp.running.sweep import run_sweep

    words = without_credentials([*overrides, *(f"{key}={_levels(value)}" for key, value in settings.items())])
    swept = run_sweep(_planned(words, multirun=True), words)
    table = pd.DataFrame(swept.ranking.rows, columns=swept.ranking.columns)
    for column in table:
        table[column] = _numbers(table[column])
    folders = {ending.job.number: ending.job.directory for ending in swept.endings}
    ordered = [folders[int(number)] for number in table["job"]]
    runs = [Result(folder) for folder in ordered if (folder / "result.json").exists()]
    return SweepResult(runs, table, swept.directory, swept.ok, swept.report, swept.found, swept.confirmed)


@collecting_seldom()
def resume(run: str | Path, *, epochs: int | None = None, previous: bool = False, uri: str | None = None) -> Result:
    """Go on with a run that was killed, stopped or failed, or with a finished one to more epochs.

    Args:
        run: its folder, or MLflow's id of it.
        epochs: of the whole run; None for as many as it was to have.
        previous: go on from the last checkpoint but one, because the newest is damaged.
        uri: address of the store in which the id is looked up; None as in `load`.

    Raises BpexpError, and changes nothing, for a run that cannot be resumed.
    """
    from bpexp.running.resuming.resume import resume as go_on
    from bpexp.running.resuming.resume_words import Wanted, found

    changes = {} if epochs is None else {"epochs": epochs}
    folder = found(Wanted(str(run), changes={"tracking.uri": uri} if uri else {}))
    return Result(Path(go_on(folder, {"progress": False, **changes}, previous=previous).directory))


@collecting_seldom()
def load(run_id: str, *, uri: str | None = None, experiment: str = "bpexp", into: str | Path | None = None) -> Result:
    """Load a recorded run from MLflow; its files are written to the folder `into`, or to a temporary one.

    Args:
        run_id: MLflow's id of the run.
        uri: address of the store; None for MLFLOW_TRACKING_URI, else sqlite:///mlflow.db in the working directory.
        experiment: name of the MLflow experiment.
        into: folder for the files.

    Raises TrackingError if the run cannot be read.
    """
    from bpexp.tracking.environment import mlflow_environment
    from bpexp.tracking.fetch import fetch_run, refuse_id
    from bpexp.tracking.store import recorded_store

    refuse_id(run_id)

    with mlflow_environment():
        store = recorded_store(uri, experiment, required=False)
        return Result(fetch_run(store, run_id, None if into is None else Path(into)))


def _planned(said: Iterable[str], *, multirun: bool) -> Plan:
    words = without_credentials(list(said))
    if not any(word.startswith("progress=") for word in words):
        words.append("progress=false")
    for word in words:
        key, _, task = word.partition("=")
        if key == "task" and task in ONCE:
            raise ConfigError(f"task={task} is a command, not a run: python -m bpexp task={task}")
    line = CommandLine(tuple(words), multirun)
    return (resumed_sweep(line) if multirun else None) or plan(line)


def _levels(value: Any) -> str:
    """The value of a keyword of `sweep` in Hydra's grammar."""
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        return ",".join(spelled(level) for level in value)
    return spelled(value)


def _numbers(column: Any) -> Any:
    """A column of text as numbers where it holds nothing else; empty cells become NaN."""
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers if (numbers.notna() | (column == "")).all() else column


__all__ = ["Result", "SweepResult", "load", "resume", "run", "sweep"]
