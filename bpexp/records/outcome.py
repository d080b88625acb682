"""What is known of a run: its info before it begins, and its outcome, which is printed and kept as result.json."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bpexp.records.journal import plain

RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The name of a run, where it writes, what was declared, and the MLflow run of the sweep that it belongs to."""

    name: str
    directory: Path
    overrides: list[str]
    params: dict[str, Any]
    parent: str | None = None
    one_of_many: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, what was declared and what it measured.

    status is finished, stopped (by a callback), diverged, failed or killed; metrics are the final/... and best/...
    summaries; chosen_by is the metric that chose the best epoch.
    """

    name: str
    directory: str
    status: str
    reason: str
    overrides: list[str]
    params: dict[str, Any]
    seconds: float
    metrics: dict[str, float] = field(default_factory=dict)
    chosen_by: str | None = None
    theta_sha256: str = ""
    run_id: str | None = None
    experiment_id: str | None = None
    store: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the run came to a result: a diverged run did, a failed or interrupted one did not."""
        return self.status in ("finished", "stopped", "diverged")

    @property
    def objective(self) -> float:
        """The declared objective after the last epoch, else accuracy or r2 on the validation part; NaN without one."""
        wanted = self.params.get("objective") or self.chosen_by
        return self.metrics.get(f"final/{str(wanted).replace('/', '_')}", math.nan)


def write_outcome(outcome: Outcome, directory: Path) -> Path:
    """Write result.json, whole or not at all."""
    path = directory / RESULT
    temporary = path.with_suffix(".tmp")
    content = asdict(outcome) | {"metrics": {key: plain(value) for key, value in outcome.metrics.items()}}
    try:
        temporary.write_text(json.dumps(content, indent=1, default=str), encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def read_outcome(directory: Path) -> Outcome:
    """Read result.json back."""
    content = json.loads((directory / RESULT).read_text(encoding="utf-8"))
    return Outcome(**content | {"metrics": {key: float(value) for key, value in content["metrics"].items()}})
