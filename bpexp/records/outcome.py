"""The description of a run before it starts, and its outcome, which is printed and written to result.json."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from bpexp.files.whole import write_whole
from bpexp.records.journal import plain
from bpexp.records.schema import FORMAT, read_record

RESULT = "result.json"

EARLIER = {RESULT: "result.earlier.json", "traceback.txt": "traceback.earlier.txt"}
"""The files that tell of the end of a run, and their names when the run goes on after it."""

NEWEST = 1
"""The format of result.json; the files of earlier versions state none, and are read."""

Status = Annotated[str, Literal["finished", "stopped", "pruned", "diverged", "failed", "killed"]]
WITH_RESULT = ("finished", "stopped", "pruned", "diverged")
"""The statuses of a run that has a result."""

Weights = Literal["last", "best", "unevaluated"]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Name and directory of a run, its overrides and parameters, and the MLflow run of its sweep, if any."""

    name: str
    directory: Path
    overrides: list[str]
    params: dict[str, Any]
    parent: str | None = None
    one_of_many: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, what was declared and what was measured.

    status is finished, stopped (by a callback), pruned (by a search), diverged, failed or killed; metrics are the
    final/... and best/... summaries; chosen_by is the metric that determined the best epoch.

    weights says which ones network.npz holds, those after `step` updates: last, of the last epoch; best, of the best
    epoch, restored over the last ones; unevaluated, where the run ended within an epoch, so that the figures final/...
    are those of an earlier one. model is the address of the network in MLflow.
    """

    name: str
    directory: str
    status: Status
    reason: str
    overrides: list[str]
    params: dict[str, Any]
    seconds: float
    metrics: dict[str, float] = field(default_factory=dict)
    chosen_by: str | None = None
    theta_sha256: str = ""
    weights: Weights = "last"
    step: int | None = None
    run_id: str | None = None
    experiment_id: str | None = None
    store: str | None = None
    model: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the run has a result: finished, stopped, pruned or diverged, not failed or killed."""
        return self.status in WITH_RESULT

    @property
    def objective(self) -> float:
        """The declared objective, else accuracy or r2 on the validation part, of the saved network; NaN without one."""
        wanted = self.params.get("objective") or self.chosen_by
        return self.metrics.get(f"final/{str(wanted).replace('/', '_')}", math.nan)


def described_epochs(outcome: Outcome) -> dict[str, str]:
    """What the figures final/... and best/... are of, such as `last epoch (10)` and `best epoch (7)`.

    Only `final` where both are the same epoch, or where there is no best one.
    """
    epochs = {when: outcome.metrics.get(f"{when}/epoch") for when in ("final", "best")}
    words = {"last": "last epoch", "best": "restored best epoch", "unevaluated": "last evaluated epoch"}
    told = {"final": words[outcome.weights], "best": "best epoch"}
    shown = {when: f"{told[when]} ({epoch:.0f})" for when, epoch in epochs.items() if epoch is not None}
    if epochs["final"] is not None and epochs["final"] == epochs["best"]:
        del shown["best"]
    return shown


def write_outcome(outcome: Outcome, directory: Path) -> Path:
    """Write result.json atomically and return its path."""
    path = directory / RESULT
    content = (
        {FORMAT: NEWEST} | asdict(outcome) | {"metrics": {key: plain(value) for key, value in outcome.metrics.items()}}
    )
    write_whole(path, json.dumps(content, indent=1, default=str))
    return path


def read_outcome(directory: Path) -> Outcome:
    """Read result.json back; raises RecordError for a file that is missing, damaged or of a newer format."""
    return read_record(directory / RESULT, Outcome, newest=NEWEST)
