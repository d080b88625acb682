"""The MLflow side of one run: opened before training, fed while it goes on, closed with everything it left."""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from bpexp.errors import TrackingError
from bpexp.records.outcome import RESULT, Order, Outcome
from bpexp.running.build import Experiment
from bpexp.training.events import Callback

if TYPE_CHECKING:
    from bpexp.tracking.feed import Recorder

STATUS = {"finished": "FINISHED", "stopped": "FINISHED", "killed": "KILLED"}
"""How an outcome stands in MLflow. Diverged runs are results, but stand as FAILED where people look for trouble."""

PICTURES = ("figures.png", "learning_curve.png", "histograms.npz")
FILES = ("config.yaml", "metrics.jsonl", RESULT, *PICTURES, "trace.md", "traceback.txt")
"""What MLflow gets of a run's directory, where it is there; the network goes as a model."""

HEADLINE = ("accuracy_test", "r2_test", "loss_test")
"""What the first line of a run's description tells, where it was measured."""


class Recording:
    """A run in MLflow, or nothing at all with tracking=none or where no store answers; the caller need not know."""

    def __init__(self, experiment: Experiment, order: Order, journal: Path) -> None:
        self._experiment, self._order = experiment, order
        self._recorder = self._open(journal) if experiment.tracking.name == "mlflow" else None
        self.callbacks: list[Callback] = [self._recorder] if self._recorder else []
        self.run_id = self._recorder.run_id if self._recorder else None
        self.experiment_id = self._recorder.store.experiment_id if self._recorder else None
        self.store_uri = self._recorder.store.uri if self._recorder else None

    def _open(self, journal: Path) -> Recorder | None:
        from bpexp.tracking.feed import DataCard, Recorder
        from bpexp.tracking.store import open_store

        order, tracking, data = self._order, self._experiment.tracking, self._experiment.data
        try:
            store = open_store(tracking.uri, tracking.experiment)
            recorder = Recorder(
                store, journal, name=order.name, parent=order.parent, every=tracking.every, tags=self._origin()
            )
        except Exception as error:  # a store of results that fails is no reason to lose the results
            reason = str(error) if isinstance(error, TrackingError) else f"{type(error).__name__}: {error}"
            print(f"bpexp: warning: not recorded in MLflow ({reason}); kept in {order.directory}", file=sys.stderr)
            return None
        parts = {"train": data.train, "validation": data.validation, "test": data.test}
        sizes = {f"num_{name}": len(part) for name, part in parts.items() if part is not None}
        recorder.declare(order.params, DataCard(data.name, data.digest, data.source, json.dumps(sizes)))
        return recorder

    def _origin(self) -> dict[str, str]:
        """Where the run comes from: code, versions, machine, directory."""
        tags = {f"bpexp.{key}": value for key, value in _provenance().items()}
        tags["bpexp.directory"] = str(self._order.directory)
        tags["bpexp.threads"] = str(self._experiment.config.threads)
        tags["mlflow.source.name"] = "bpexp"
        if "bpexp.git_commit" in tags:
            tags["mlflow.source.git.commit"] = tags["bpexp.git_commit"]
        return tags

    def finish(self, outcome: Outcome, step: int | None) -> None:
        """Hand over summary, tags, files and the trained network, and end the run with its true status."""
        if self._recorder is None:
            return
        tags = {key: getattr(outcome, key) for key in ("status", "reason", "theta_sha256")}
        tags = {f"bpexp.{key}": value for key, value in tags.items()} | {"mlflow.note.content": note(outcome)}
        if outcome.status == "diverged":
            tags["diverged_at_step"] = str(step)
        trained = (self._order.directory / "network.npz").exists() and outcome.status in ("finished", "stopped")
        if self._experiment.tracking.model and trained:
            self._recorder.attempt(self._log_model)
        files = [self._order.directory / name for name in FILES]
        self._recorder.finish(
            STATUS.get(outcome.status, "FAILED"),
            summary={**outcome.metrics, "final/seconds": outcome.seconds},
            tags=tags,
            files=[file for file in files if file.exists()],
        )

    def _log_model(self) -> None:
        from bpexp.tracking.model import log_model

        assert self._recorder is not None
        train = self._experiment.data.train
        x, _ = train.batch(train.rows[:1])
        log_model(self._recorder.store, self._recorder.run_id, self._order.directory, x.T)


@lru_cache(maxsize=1)
def _provenance() -> dict[str, str]:
    """The code that this process runs, asked once: it was read when the process began."""
    from bpexp.records.provenance import provenance

    return provenance(Path.cwd())


def note(outcome: Outcome) -> str:
    """The run in a few lines of Markdown, for MLflow's description, which shows the first few unfolded."""
    final = {key.removeprefix("final/"): value for key, value in outcome.metrics.items() if key.startswith("final/")}
    short = [f"{key.replace('_', ' ')} {final[key]:.4f}" for key in HEADLINE if key in final]
    rows = "\n".join(f"| {key.replace('_', ' ')} | {value:.4f} |" for key, value in final.items())
    command = f"python -m bpexp {' '.join(outcome.overrides)}".strip()
    head = f"**{'; '.join([outcome.status, *short])}**: {outcome.reason}"
    return f"{head}\n\n`{command}`\n\n| after the last epoch | |\n|---|---|\n{rows}\n"
