"""What a call returns: one run, or the runs of a sweep, with tables, networks and figures."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bpexp.api.pages import place, run_page, sweep_page
from bpexp.api.pictures import Pictures, run_figure, sweep_figure
from bpexp.data import Dataset
from bpexp.data.memory import holding
from bpexp.errors import BpexpError, RecordError
from bpexp.nn.arrays import Array
from bpexp.records.journal import JOURNAL
from bpexp.records.journal import history as series_of
from bpexp.records.network_file import WEIGHTS
from bpexp.records.outcome import RESULT, WITH_RESULT, Outcome, read_outcome
from bpexp.records.predictor import PARAM, Predictor, load_predictor
from bpexp.records.split_file import Split, load_split
from bpexp.study.ranking import Ranking

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bpexp.nn.network import Network
    from bpexp.running.sweep import Sweep
    from bpexp.search.confirmation import Confirmation
    from bpexp.search.found import Found
    from bpexp.study.report import Report

LOG_MODEL = "python -m bpexp task=sync tracking.model=true hydra.run.dir=FOLDER"


class Result:
    """One run: its outcome, its history, its figures and its trained network."""

    def __init__(self, directory: Path, data: Dataset | None = None) -> None:
        self.directory = directory
        self.outcome: Outcome = read_outcome(directory)
        self._data = data

    def __repr__(self) -> str:
        return f"Result({self.outcome.name!r}, {self.outcome.status}, {place(self.directory)!r})"

    @cached_property
    def _series(self) -> Mapping[str, Sequence[tuple[int, float]]]:
        return series_of(self.directory / JOURNAL)

    def history_of(self, name: str) -> Sequence[tuple[int, float]]:
        """(step, value) of one metric; empty where the run has none of this name."""
        return self._series.get(name, ())

    @cached_property
    def history(self) -> pd.DataFrame:
        """Every recorded metric by step: one row per step, one column per metric, NaN where it was not measured."""
        columns = {name: pd.Series(dict(points)) for name, points in self._series.items()}
        return pd.DataFrame(columns).sort_index().rename_axis("step")

    @property
    def metrics(self) -> dict[str, float]:
        """The summaries: final/... of the saved network, best/... of the best epoch."""
        return self.outcome.metrics

    def _repr_html_(self) -> str:
        return run_page(self.outcome, self.directory)

    def plot(self) -> Figure:
        """A figure of matplotlib: the learning curves, a panel each for the loss and the other metrics."""
        return run_figure(self._series)

    @cached_property
    def figures(self) -> Pictures:
        """Figures of matplotlib by name, such as `figures["loss"]`; each is drawn when it is asked for."""
        from bpexp.running.tasks.draw_task import figures_of  # which needs the statistics of studies

        with holding(self._data):
            return Pictures(figures_of(self.directory))

    @property
    def pictures(self) -> list[Path]:
        """The PNG files in the folder. Those of a job of a sweep are drawn when they are first asked for."""
        drawn = sorted(self.directory.glob("*.png"))
        if drawn or self.outcome.params.get("tracking.figures") != "auto" or not self.outcome.ok:
            return drawn
        from bpexp.running.tasks.figures_task import draw_again

        with holding(self._data):
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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SweepResult:
    """The runs of a sweep, best first, their table, and the report of a study, or what a search found.

    `ok` tells whether every job has a result; `ranking` is the table as text, with what varied.
    """

    runs: list[Result]
    table: pd.DataFrame
    directory: Path
    ok: bool
    ranking: Ranking
    report: Report | None = None
    found: Found | None = None
    confirmed: Confirmation | None = None

    @classmethod
    def of(cls, swept: Sweep, data: Dataset | None = None) -> SweepResult:
        """The result of a sweep that has ended."""
        ranking = swept.ranking
        table = pd.DataFrame(ranking.rows, columns=ranking.columns)
        for column in table:
            table[column] = _numbers(table[column])
        folders = {ending.job.number: ending.job.directory for ending in swept.endings}
        ordered = [folders[int(number)] for number in table["job"]]
        runs = [Result(folder, data) for folder in ordered if (folder / RESULT).exists()]
        return cls(runs, table, swept.directory, swept.ok, ranking, swept.report, swept.found, swept.confirmed)

    @property
    def statuses(self) -> dict[str, int]:
        """The number of jobs by status, the most frequent first."""
        return dict(Counter(self.table["status"]).most_common())

    def __repr__(self) -> str:
        told = ", ".join(f"{count} {status}" for status, count in self.statuses.items())
        return f"SweepResult({told or 'no jobs'}, {place(self.directory)!r})"

    def _repr_html_(self) -> str:
        return sweep_page(self)

    def plot(self, measure: str | None = None) -> Figure:
        """A figure of matplotlib: one measure against the step, for what varied the mean and the range of the seeds.

        Args:
            measure: a column of a run's history, such as accuracy/test; None for that by which the runs are ranked.

        Raises BpexpError for a measure that no run has.
        """
        return sweep_figure(self, measure)

    @property
    def figures(self) -> Pictures:
        """Figures of matplotlib by name: the charts of the study, or of what varied."""
        from bpexp.running.tasks.draw_task import figures_of

        return Pictures(figures_of(self.directory))


class RunFailed(BpexpError):
    """A run has no result, because it failed or was killed; `result` is the Result, or the SweepResult of its sweep."""

    def __init__(self, message: str = "", result: Result | SweepResult | None = None) -> None:
        super().__init__(message)
        self.result = result


def checked_run(result: Result, raising: bool) -> Result:
    """The run; raises RunFailed for one without a result, if it is to."""
    outcome = result.outcome
    if raising and not outcome.ok:
        verb = "was killed" if outcome.status == "killed" else outcome.status
        raise RunFailed(f"the run {outcome.name!r} {verb}: {outcome.reason}; check=False returns it", result)
    return result


def checked_sweep(result: SweepResult, raising: bool) -> SweepResult:
    """The sweep; raises RunFailed for one of which a run has no result, if it is to."""
    if raising and not result.ok:
        table, problems = result.table, result.ranking.problems
        lost = [f"job {number} " for number in table["job"][~table["status"].isin(WITH_RESULT)]]
        first = next((problem for problem in problems if problem.startswith(tuple(lost))), "no trial is complete")
        told = f"{len(lost)} of {len(table)} jobs have no result: {first}"
        raise RunFailed(f"{told}; check=False returns the sweep", result)
    return result


def _numbers(column: Any) -> Any:
    """A column of text as numbers where it holds nothing else; empty cells become NaN."""
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers if (numbers.notna() | (column == "")).all() else column
