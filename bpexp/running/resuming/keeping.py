"""The journal and the checkpoints of a run, of a new one and of one that is resumed."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bpexp.config.plugins import plug_ins
from bpexp.errors import TrackingError
from bpexp.files.whole import sync_folder
from bpexp.records.checkpoint import Checkpoint
from bpexp.records.checkpointing import Checkpointing
from bpexp.records.journal import Journal
from bpexp.records.journal_tail import Tail
from bpexp.records.outcome import EARLIER, RunInfo
from bpexp.records.provenance import arithmetic
from bpexp.running.build import Experiment
from bpexp.running.writing import config_text
from bpexp.tracking.location import resolve, sqlite_path
from bpexp.tracking.manifest import read_facts


@dataclass(frozen=True, slots=True, eq=False)
class Resumed:
    """Where a run goes on.

    Args:
        checkpoint: its state.
        path: file of the checkpoint.
        tail: what an earlier process wrote into the journal afterwards.
        said: of the resume, in the journal.
    """

    checkpoint: Checkpoint
    path: Path
    tail: Tail
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Seconds of training before the checkpoint."""
        return float(self.checkpoint.state["at"]["seconds"])

    @property
    def run_id(self) -> str | None:
        """MLflow's id of the run; None where it was not recorded there."""
        found = self.checkpoint.run.get("run_id")
        return None if found is None else str(found)


def set_end_aside(directory: Path) -> None:
    """Rename what tells of an end after which the run goes on: result.json is of its last end, or is not there."""
    for name, earlier in EARLIER.items():
        with suppress(FileNotFoundError):
            (directory / name).replace(directory / earlier)
    sync_folder(directory)


def open_journal(experiment: Experiment, info: RunInfo, resumed: Resumed | None) -> Journal:
    """The journal of a run, which is appended to if the run is resumed."""
    checkpointed = experiment.config.checkpoint.every is not None
    if resumed is None:
        return Journal(info.directory, checkpointed=checkpointed)
    return Journal(info.directory, checkpointed=checkpointed, tail=resumed.tail, resumed=resumed.said)


def checkpointing(
    experiment: Experiment, info: RunInfo, journal: Journal, run_id: str | None, resumed: Resumed | None
) -> list[Checkpointing]:
    """The writer of checkpoints; none with checkpoint.every=null. BLAS has the threads of the run already."""
    if experiment.config.checkpoint.every is None:
        return []
    text = config_text(experiment.config, info.directory)
    about = {
        "config": text,
        "config_sha256": hash_of(text),
        "data": experiment.data.digest,
        "network": network_of(experiment),
        "versions": arithmetic(experiment.config.threads, experiment.config.engine),
        "run": {
            "name": info.name,
            "overrides": info.overrides,
            "parent": info.parent,
            "one_of_many": info.one_of_many,
            "run_id": run_id,
            "plugins": list(plug_ins()),
        },
    }
    previous = None if resumed is None else resumed.path
    return [Checkpointing(info.directory, experiment.config.checkpoint, journal, about, previous)]


def hash_of(text: str) -> str:
    """SHA-256 of a composed config as config.yaml has it."""
    return hashlib.sha256(text.encode()).hexdigest()


def network_of(experiment: Experiment) -> dict[str, Any]:
    """The architecture: sizes, hidden activations, output and dtype."""
    return {key: experiment.spec[key] for key in ("sizes", "hidden", "output", "dtype")}


def in_recorded_store(experiment: Experiment, directory: Path) -> Experiment:
    """The experiment with the store in which the run was recorded: in another working directory its config may mean
    another one. A database that is gone was moved, or is made again.
    """
    facts = None
    with suppress(TrackingError):
        facts = read_facts(directory)
    if facts is None or not experiment.tracking.mlflow:
        return experiment
    if resolve(experiment.tracking.uri, Path.cwd()) == facts.store:  # the environment may hold its password
        return experiment
    path = sqlite_path(facts.store)
    if path is not None and not path.is_file():
        return experiment
    return replace(experiment, tracking=replace(experiment.tracking, uri=facts.store))
