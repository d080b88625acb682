"""Going on with one run that was killed, stopped or failed, or with a finished one to more epochs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bpexp.config.plugins import load_plugins, missing_named
from bpexp.config.schema import Config, construct
from bpexp.config.validation import validate
from bpexp.errors import CheckpointError
from bpexp.files.regular import read_text
from bpexp.records.checkpoint import Checkpoint, checkpoints, read_checkpoint, remove_unfinished
from bpexp.records.journal import JOURNAL
from bpexp.records.journal_tail import Tail, read_tail
from bpexp.records.lock import PATIENCE, Locked, RunLock, liveness, warn_unproven
from bpexp.records.outcome import Outcome, RunInfo, read_outcome
from bpexp.records.provenance import arithmetic
from bpexp.running.build import Experiment, build
from bpexp.running.execute import execute
from bpexp.running.job import ran, run_name
from bpexp.running.progress import tell
from bpexp.running.resuming.keeping import Resumed, hash_of, in_recorded_store, network_of
from bpexp.running.resuming.resume_words import MOST_TEXT, WORD, differences, first_refused, parsed, with_changes
from bpexp.running.writing import CONFIG, write_config
from bpexp.training.events import Callback

AGAIN = f"{WORD}.from=previous"

ENDS_AGAIN = {"stopped": "stop", "pruned": "be pruned", "diverged": "diverge"}
"""What a run with such a status would do again."""


def resume(
    directory: Path,
    changes: Mapping[str, Any] | None = None,
    *,
    previous: bool = False,
    callbacks: Sequence[Callback] = (),
    title: str = "",
) -> Outcome:
    """Go on with the run of a directory from its newest checkpoint, and return its outcome.

    Args:
        directory: of the run.
        changes: new values by dotted key: epochs, progress, checkpoint.every.
        previous: go on from the last checkpoint but one, because the newest is damaged.
        callbacks: what watches the run beside the callbacks of its config; they remember nothing in checkpoints.
        title: what the run is called where it tells from where it goes on, such as `job 3: `.

    Raises BpexpError, and changes nothing, for a run that cannot be resumed.
    """
    directory = directory.absolute()
    _refuse_folder(directory)
    path = _newest(directory, previous=previous)
    checkpoint = _read(path, directory, previous=previous)
    config = _config(directory, checkpoint, changes or {})
    _refuse_ended(directory, checkpoint, config, path)
    experiment = _fitting(config, checkpoint, path)
    if not checkpoint.run["one_of_many"]:
        warn_unproven(directory)
    if "tracking.uri" not in (changes or {}):
        experiment = in_recorded_store(experiment, directory)
    try:
        with RunLock(directory):
            if _newest(directory, previous=previous) != path:
                raise CheckpointError(f"the run {str(directory)!r} went on meanwhile; look at it, and try again")
            watched = replace(experiment, callbacks=[*experiment.callbacks, *callbacks])
            return _go_on(watched, directory, checkpoint, path, title)
    except Locked as error:
        raise CheckpointError(str(error)) from None
    except OSError as error:
        raise CheckpointError(f"cannot write to {str(directory)!r} ({error.strerror or error})") from error


def _go_on(experiment: Experiment, directory: Path, checkpoint: Checkpoint, path: Path, title: str) -> Outcome:
    config = experiment.config
    tail = read_tail(directory / JOURNAL, checkpoint.journal, checkpoint.journal_sha256)
    _refuse_shorter(experiment, tail)
    remove_unfinished(directory)
    note = _schedule_note(experiment, checkpoint)
    tell([f"{title}{line}" for line in (f"resumed from {path.name}", note) if line], config.progress)
    write_config(config, directory)
    said = {"checkpoint": path.name} | ({"note": note} if note else {})
    return execute(experiment, _info(config, directory, checkpoint, path), Resumed(checkpoint, path, tail, said))


def _refuse_shorter(experiment: Experiment, tail: Tail) -> None:
    """Raise CheckpointError where the run would end before the last step of which its journal tells."""
    trainer = experiment.trainer
    done = -(-max([tail.losses, *tail.metrics]) // len(trainer.batches))
    if done > trainer.epochs:
        raise CheckpointError(f"epochs={trainer.epochs} is less than the {done} epochs of which {JOURNAL} tells")


def _refuse_folder(directory: Path) -> None:
    """Raise CheckpointError for what is no folder of a run, or one in which a process is at work."""
    if not directory.is_dir():
        raise CheckpointError(
            f"{str(directory)!r} is no folder; {WORD}= takes the folder of a run, or its id in MLflow"
        )
    if not (directory / JOURNAL).is_file():
        raise CheckpointError(f"{str(directory)!r} holds no run: it has no {JOURNAL}")
    until = time.monotonic() + PATIENCE
    while (living := liveness(directory)).state == "alive":
        if time.monotonic() >= until:
            raise CheckpointError(f"the run {str(directory)!r} is still going on: {living.evidence}")
        time.sleep(0.02)


def _newest(directory: Path, *, previous: bool) -> Path:
    found = checkpoints(directory)
    if not found:
        raise CheckpointError(f"the run {str(directory)!r} has no checkpoint to go on from; start it again")
    if previous and len(found) < 2:
        raise CheckpointError(f"the run {str(directory)!r} has one checkpoint, {found[0].name}, and no previous one")
    return found[-2] if previous else found[-1]


def _read(path: Path, directory: Path, *, previous: bool) -> Checkpoint:
    try:
        return read_checkpoint(path)
    except CheckpointError as error:
        earlier = not previous and len(checkpoints(directory)) > 1
        raise CheckpointError(f"{error}; {AGAIN} goes on from the one before it" if earlier else str(error)) from None


def _config(directory: Path, checkpoint: Checkpoint, changes: Mapping[str, Any]) -> Config:
    """The config of the checkpoint, with what may change as config.yaml and the command line say."""
    if hash_of(checkpoint.config) != checkpoint.config_sha256:
        raise CheckpointError(f"the config in the checkpoint of {str(directory)!r} does not fit its hash")
    said, path = read_text(directory / CONFIG, MOST_TEXT, error=CheckpointError), str(directory / CONFIG)
    kept = parsed(checkpoint.config, f"the config in a checkpoint of {str(directory)!r}")
    lost = not said.strip("\0")  # a loss of power, before it had reached the disk
    found = [] if lost or said == checkpoint.config else differences(kept, parsed(said, repr(path)))
    if other := first_refused(found):
        key, was, now = other
        raise CheckpointError(
            f"{path!r} says {key}={now!r}, but the checkpoint {was!r}; put it back, or start a new run"
        )
    load_plugins()
    with missing_named(checkpoint.run.get("plugins", ())):
        config = construct(Config, with_changes(kept, {key: now for key, _, now in found} | dict(changes)))
        validate(config)
    return config


def _refuse_ended(directory: Path, checkpoint: Checkpoint, config: Config, path: Path) -> None:
    """Raise CheckpointError for a run that has nothing left to do, or that would end in the same way again."""
    at, outcome = checkpoint.state["at"], _outcome(directory)
    if config.epochs < at["epoch"]:
        raise CheckpointError(
            f"epochs={config.epochs} is less than the {at['epoch']} epochs that {path.name} has begun"
        )
    if outcome is not None and (again := ENDS_AGAIN.get(outcome.status)):
        raise CheckpointError(f"the run {str(directory)!r} {outcome.status}, and would {again} again: {outcome.reason}")
    if outcome is not None and outcome.status == "finished" and outcome.params.get("epochs") == config.epochs:
        raise CheckpointError(
            f"the run {str(directory)!r} is finished: {config.epochs} epochs are done; "
            f"add epochs=N with a larger number to go on"
        )


def _outcome(directory: Path) -> Outcome | None:
    """The outcome of a run; None where it has none that can be read."""
    try:
        return read_outcome(directory)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _fitting(config: Config, checkpoint: Checkpoint, path: Path) -> Experiment:
    """The objects of the run; raises CheckpointError, with both values, where they differ from the checkpoint's."""
    experiment = build(config)  # which says so where the engine is not installed
    now = arithmetic(config.threads, config.engine)
    for key, was in checkpoint.versions.items():
        if now.get(key) != was:
            raise CheckpointError(
                f"the checkpoint {str(path)!r} was written with {key} {was}, but this is {now.get(key)}: "
                "the digits of the run would be others"
            )
    if experiment.data.digest != checkpoint.data:
        raise CheckpointError(
            f"the data set has changed: its digest is {experiment.data.digest[:12]}..., but the run began with "
            f"{checkpoint.data[:12]}..."
        )
    for key, was, now in differences(checkpoint.network, network_of(experiment)):
        raise CheckpointError(f"the checkpoint {str(path)!r} is of a network with {key} {was!r}, not {now!r}")
    return experiment


def _schedule_note(experiment: Experiment, checkpoint: Checkpoint) -> str:
    """What is to be said where the factor of the learning rate depends on the number of all steps, which changes."""
    trainer = experiment.trainer
    before, now = int(checkpoint.state["steps"]), trainer.epochs * len(trainer.batches)
    steps = range(0, min(before, now), max(1, min(before, now) // 1000))
    if before == now or all(trainer.schedule(t, before) == trainer.schedule(t, now) for t in steps):
        return ""
    name = experiment.config.schedule["name"]
    return (
        f"schedule={name} depends on the number of all steps, which is now {now} and was {before}: from here on it is "
        "that of the longer run, so that the whole is not what a run of as many epochs would have been"
    )


def _info(config: Config, directory: Path, checkpoint: Checkpoint, path: Path) -> RunInfo:
    """Name, overrides and parent of the run; of a run that goes on to more epochs, with their number."""
    run = checkpoint.run
    overrides = [str(text) for text in run["overrides"]]
    name, params = str(run["name"]), ran(config)
    if config.epochs != parsed(checkpoint.config, path.name)["epochs"]:
        overrides = [text for text in overrides if not text.startswith("epochs=")] + [f"epochs={config.epochs}"]
        name = run_name(params, tuple(overrides))
    return RunInfo(name, directory, overrides, params, run["parent"], bool(run["one_of_many"]))
