"""One run in MLflow: created before training, updated during it, ended with summary, tags, files and model."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

from bpexp.errors import TrackingError
from bpexp.records.outcome import RESULT, Outcome, RunInfo, described_epochs
from bpexp.records.split_file import SPLIT
from bpexp.tracking.credentials import scrubbed
from bpexp.tracking.feed import DataCard, JournalFeed
from bpexp.tracking.settings import TrackingSettings
from bpexp.training.events import Callback
from bpexp.training.metrics import PARTS, headlines

STATUS = {"finished": "FINISHED", "stopped": "FINISHED", "killed": "KILLED"}
"""MLflow's status of an outcome; every other outcome, diverged too, maps to FAILED."""

PICTURES = ("figures.png", "learning_curve.png")
FILES = ("config.yaml", "metrics.jsonl", RESULT, SPLIT, "histograms.npz", "trace.md", "traceback.txt")
"""The files of a run's directory that are logged as artifacts if they exist; the network is logged as a model."""


class TrackedRun:
    """A run in MLflow; a no-op with tracking=none, or if the store cannot be opened.

    With `run_id` it is the run that an earlier process began, which keeps its parameters.
    """

    def __init__(
        self,
        settings: TrackingSettings,
        info: RunInfo,
        journal: Path,
        data: DataCard,
        tags: dict[str, str],
        run_id: str | None = None,
    ) -> None:
        self._settings, self._info = settings, info
        self._feed = self._open(journal, data, tags, run_id) if settings.mlflow else None
        self.callbacks: list[Callback] = [self._feed] if self._feed else []
        self.run_id = self._feed.run_id if self._feed else None
        self.experiment_id = self._feed.store.experiment_id if self._feed else None
        self.store_uri = self._feed.store.uri if self._feed else None

    def _open(self, journal: Path, data: DataCard, tags: dict[str, str], run_id: str | None) -> JournalFeed | None:
        from bpexp.tracking.store import open_store

        info, settings = self._info, self._settings
        try:
            store = open_store(settings.uri, settings.experiment)
            feed = JournalFeed(
                *(store, journal),
                name=info.name,
                parent=info.parent,
                every=settings.every,
                tags={**origin(info), **tags},
                run_id=run_id,
            )
        except Exception as error:  # a failing store must not end the run
            reason = str(error) if isinstance(error, TrackingError) else scrubbed(f"{type(error).__name__}: {error}")
            print(f"bpexp: warning: not recorded in MLflow ({reason}); kept in {info.directory}", file=sys.stderr)
            return None
        if run_id is None:
            feed.declare(info.params, data)
        return feed

    def log_model(self, outcome: Outcome) -> str | None:
        """Log the saved network as a model of the run; its address, None where there is none or the config says no."""
        if self._feed is None or not self._settings.model or outcome.status not in ("finished", "stopped"):
            return None
        logged: list[str] = []
        self._feed.attempt(lambda: logged.append(self._log_model()))
        return logged[0] if logged else None

    def finish(self, outcome: Outcome, step: int | None) -> None:
        """Log summary, tags and files, and end the run with the status of the outcome; pictures follow in `attach`.

        Args:
            outcome: the result of the run.
            step: number of updates, recorded as the step of divergence if the run diverged.
        """
        if self._feed is None:
            return
        tags = {key: getattr(outcome, key) for key in ("status", "reason", "theta_sha256", "weights")}
        tags = {f"bpexp.{key}": value for key, value in tags.items()} | {"mlflow.note.content": note(outcome)}
        if outcome.status == "diverged":
            tags["diverged_at_step"] = str(step)
        files = [self._info.directory / name for name in FILES]
        self._feed.finish(
            STATUS.get(outcome.status, "FAILED"),
            summary={**outcome.metrics, "final/seconds": outcome.seconds},
            tags=tags,
            files=[file for file in files if file.exists()],
        )

    def attach(self) -> None:
        """Log what was written after the end: pictures, and result.json with the address of the model."""
        if (feed := self._feed) is None:
            return
        for file in (self._info.directory / name for name in (RESULT, *PICTURES)):
            if file.exists():
                feed.attempt(lambda file=file: feed.store.client.log_artifact(feed.run_id, str(file)))  # type: ignore[misc]

    def end(self, status: str) -> None:
        """End the run with the status of its outcome and hand over nothing more."""
        if (feed := self._feed) is not None:
            feed.attempt(lambda: feed.store.client.set_terminated(feed.run_id, status=STATUS.get(status, "FAILED")))

    def _log_model(self) -> str:
        from bpexp.tracking.model import MODEL_NAME, log_model

        assert self._feed is not None
        log_model(self._feed.store, self._feed.run_id, self._info.directory)
        return f"runs:/{self._feed.run_id}/{MODEL_NAME}"


def origin(info: RunInfo) -> dict[str, str]:
    """Tags with the origin of a run: code, versions, machine, directory."""
    tags = {f"bpexp.{key}": value for key, value in _provenance().items()}
    tags["bpexp.directory"] = str(info.directory)
    tags["mlflow.source.name"] = "bpexp"
    if "bpexp.git_commit" in tags:
        tags["mlflow.source.git.commit"] = tags["bpexp.git_commit"]
    return tags


@lru_cache(maxsize=1)
def _provenance() -> dict[str, str]:
    """Computed once per process, because the running code was read when the process started."""
    from bpexp.records.provenance import provenance

    return provenance(Path.cwd())


def note(outcome: Outcome) -> str:
    """The run in a few lines of Markdown, for MLflow's description; the first lines are always visible there."""
    final = {key.removeprefix("final/"): value for key, value in outcome.metrics.items() if key.startswith("final/")}
    short = [f"{key.replace('_', ' ')} {final[key]:.4f}" for key in headlines("test") if key in final]
    command = f"python -m bpexp {' '.join(outcome.overrides)}".strip()
    head = f"**{'; '.join([outcome.status, *short])}**: {outcome.reason}"
    return f"{head}\n\n`{command}`\n\n{_figures(outcome)}\n"


def _figures(outcome: Outcome) -> str:
    """The summaries as a table: a column for the saved network, and one for the best epoch where it is another."""
    shown = described_epochs(outcome)
    names = [key.removeprefix("final/") for key in outcome.metrics if key.startswith("final/")]
    if shown:  # other figures, such as averages over the run, are of no epoch
        names = [name for name in names if name.rpartition("_")[2] in PARTS]
    shown = shown or {"final": ""}
    head = ["", *shown.values()]
    rows = [[name.replace("_", " "), *(_cell(outcome, when, name) for when in shown)] for name in names]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


def _cell(outcome: Outcome, when: str, name: str) -> str:
    value = outcome.metrics.get(f"{when}/{name}")
    return "" if value is None else f"{value:.4f}"
