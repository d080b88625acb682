"""What a run counts as: its measures, also those of a run that diverged, and which runs count at all.

To leave out the runs that diverged is to compare the lucky seeds of one arm with all seeds of another. Unless a study
declares `diverged: survivors`, such a run counts as one that learned nothing:

    first ...             as measured, since it was measured before the run diverged
    epochs until ...      never: the declared epochs + 1
    final, best, mean     the chance level of the metric: the number that `study.chance` gives, or what the same network
                          scored before its first step; no value for what is no score, such as a norm or a ratio
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from bpexp.study.design import Study
from bpexp.study.measures import Measure, Series
from bpexp.training.metrics import metrics

ENDED = ["finished", "stopped"]
"""The status of runs that ended well."""

DIVERGED = "diverged"

DECLARED = "epochs declared"
"""The column of a frame that holds the epochs that a run was to train; a larger `epochs until` means never."""

SECONDS = "seconds"
"""The column of a frame that holds how long a run took."""


@dataclass(frozen=True, slots=True, eq=False)
class RunRecord:
    """One run of a study, read from a folder or from the tracking store. `series` maps metrics to (step, value).

    `restored` is the epoch whose weights were restored over the last ones; None where the last ones were kept. `final`
    holds what the run recorded of the weights that it ended with, such as final/accuracy_test. `fused` tells whether it
    was trained together with others; `seconds` is how long it took, NaN where nothing says so.
    """

    params: Mapping[str, Any]
    status: str
    series: Series
    run_id: str | None = None
    restored: float | None = None
    final: Mapping[str, float] = field(default_factory=dict)
    fused: bool = False
    seconds: float = math.nan

    @property
    def reported(self) -> Series:
        """The series up to the weights that the run ended with: the final figures are of them, not of later ones.

        MLflow may lack the rows of the restored epoch, but not those figures; a series without either is empty.
        """
        if self.restored is None:
            return self.series
        steps = [step for step, epoch in self.series.get("time/epoch", ()) if epoch == self.restored]
        upto = steps[0] if steps else -1
        names = {name: f"final/{name.replace('/', '_')}" for name in self.series}
        return {
            name: [(upto, self.final[names[name]])]
            if names[name] in self.final
            else [p for p in points if p[0] <= upto]
            for name, points in self.series.items()
        }


def frame_of(study: Study, runs: Sequence[RunRecord]) -> pd.DataFrame:
    """One row for each run: levels as text, seed, status, and every measure that the study reads."""
    wanted = {measure.text: measure for measure in study.every_measure}
    rows = []
    for run in runs:
        row: dict[str, Any] = dict(study.levels(run.params))
        row |= {"seed": int(run.params.get("seed", 0)), "status": run.status, "run_id": run.run_id}
        row |= {DECLARED: _epochs(run), SECONDS: run.seconds}
        rows.append(row | {text: float(value(study, measure, run)) for text, measure in wanted.items()})
    columns = [*study.factors, "seed", "status", "run_id", DECLARED, SECONDS, *wanted]
    return pd.DataFrame(rows, columns=columns)


def counted(study: Study, frame: pd.DataFrame) -> pd.DataFrame:
    """The runs behind means and verdicts: those that ended well and, unless only survivors count, that diverged."""
    statuses = ENDED if study.diverged == "survivors" else [*ENDED, DIVERGED]
    return frame[frame["status"].isin(statuses)]


def value(study: Study, measure: Measure, run: RunRecord) -> float:
    """The measure of a run, or what stands for it if the run diverged; NaN where there is neither."""
    if run.status != DIVERGED or study.diverged == "survivors" or measure.how == "first":
        return _never(measure, run, measure.read(run.reported if measure.how == "final" else run.series))
    if measure.discrete:
        return _epochs(run) + 1
    metric = measure.names[0].split("/")[0]
    if len(measure.names) > 1:
        return math.nan
    if metric in study.chance:
        return measure.scaled(study.chance[metric])
    return measure.scaled(_untrained(run.series, measure.names[0])) if metric in metrics else math.nan


def _never(measure: Measure, run: RunRecord, found: float) -> float:
    """`found`, or the declared epochs + 1 where `epochs until` was never reached, also by a run that stopped early."""
    if not measure.discrete or math.isnan(found):
        return found
    last = max((epoch for _, epoch in run.series.get("time/epoch", ())), default=math.nan)
    declared = _epochs(run)
    return declared + 1 if found > last and declared > last else found


def _epochs(run: RunRecord) -> float:
    try:
        return float(run.params.get("epochs", math.nan))
    except (TypeError, ValueError):
        return math.nan


def _untrained(series: Series, name: str) -> float:
    """The value before the first step: at epoch 0."""
    start = {step for step, epoch in series.get("time/epoch", ()) if epoch == 0}
    return next((found for step, found in series.get(name, ()) if step in start), math.nan)
