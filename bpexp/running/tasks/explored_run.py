"""What a recorded run has to show: the weights that it saved, and those of its checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpexp.config.schema import Config
from bpexp.errors import BpexpError, ConfigError, RecordError
from bpexp.insight.snapshots import Snapshot
from bpexp.records.checkpoint import checkpoints, read_checkpoint
from bpexp.records.journal import JOURNAL
from bpexp.records.network_file import WEIGHTS, load_network
from bpexp.records.network_spec import BEST, LAST
from bpexp.records.snapshots import read_snapshots
from bpexp.running.build import Experiment
from bpexp.running.drawing import experiment_of, outcome_of, refuse_other
from bpexp.running.tasks.explored import Explored

UNKNOWN = "has no result that can be read: it goes on, or its process died"
"""How a run ended without a result."""


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A recorded run: its folder, its name, and what the page tells of it."""

    directory: Path
    title: str
    experiment: Experiment
    explored: Explored


def recorded(directory: Path, config: Config) -> Recorded:
    """The run in a folder.

    Raises BpexpError for a folder that holds no run, for one that left no weights, whose data set is another now, and
    for a sample that it does not have.
    """
    if not (directory / JOURNAL).is_file():
        raise RecordError(f"{str(directory)!r} holds no run: it has no {JOURNAL}")
    experiment = experiment_of(directory)
    samples = len(experiment.data.train)
    if config.sample >= samples:
        raise ConfigError(f"sample must be below the {samples} training samples of the run, not {config.sample}")
    kept: dict[int, Snapshot] = {}
    for snapshot, digest in _kept(directory):
        refuse_other(experiment, snapshot.theta, digest, directory)
        kept.setdefault(snapshot.step, snapshot)
    if not kept:
        raise BpexpError(f"the run {str(directory)!r} left neither a network nor a checkpoint; start it again")
    theta = experiment.trainer.network.theta.copy()
    for epoch, step, weights in read_snapshots(directory, theta.size):
        kept.setdefault(step, Snapshot("", step, epoch, weights))
    kept.setdefault(0, Snapshot("the start, drawn again from the seed", 0, 0, theta))
    outcome = outcome_of(directory)
    name = outcome.name if outcome else directory.name
    verb = "was " if outcome and outcome.status in ("killed", "pruned") else ""
    ended = f"{verb}{outcome.status}: {outcome.reason}" if outcome else UNKNOWN
    snapshots = [kept[step] for step in sorted(kept)]
    return Recorded(directory, name, experiment, Explored(experiment, snapshots, ended))


def _kept(directory: Path) -> Iterator[tuple[Snapshot, str]]:
    """The weights that a run kept, and the digest of its data: of its network first, then of its checkpoints."""
    if (directory / WEIGHTS).exists():
        saved = load_network(directory)
        digest = str((saved.spec.get("data") or {}).get("digest", ""))
        for name, label in ((LAST, "the end"), (BEST, "the best epoch")):
            at: dict[str, Any] = (saved.spec.get("weights") or {}).get(name) or {}
            if name in saved.weights and at:
                yield Snapshot(label, int(at["step"]), int(at["epoch"]), saved.weights[name]), digest
    for path in checkpoints(directory):
        checkpoint = read_checkpoint(path)
        at = checkpoint.state["at"]
        yield Snapshot("a checkpoint", at["step"], at["epoch"], checkpoint.state["theta"]), checkpoint.data
