"""What the figures of a recorded run are made of, read from its folder alone."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bpexp.config.plugins import load_plugins
from bpexp.config.schema import Config, construct
from bpexp.config.validation import validate
from bpexp.data import DataSet, Part
from bpexp.errors import BpexpError, RecordError
from bpexp.figures.material import Material, Snapshot
from bpexp.files.regular import read_text
from bpexp.insight.histograms import FILE as HISTOGRAMS
from bpexp.insight.samples import Samples, collect_samples
from bpexp.nn.arrays import Array
from bpexp.records.checkpoint import checkpoints, read_checkpoint
from bpexp.records.journal import JOURNAL, history
from bpexp.records.network_file import WEIGHTS, load_network
from bpexp.records.outcome import Outcome, read_outcome
from bpexp.records.snapshots import read_snapshots
from bpexp.running.build import Experiment, build
from bpexp.running.resuming.resume_words import MOST_TEXT, parsed
from bpexp.running.writing import CONFIG


def material_of(directory: Path) -> Material:
    """What the figures of the run in a folder are made of; of a run that goes on, what there is so far.

    Where network or data cannot be read, or are not those of the run, `absent` says why, and the series are there.
    Raises RecordError for a folder that holds no run, or a journal that cannot be read.
    """
    if not (directory / JOURNAL).is_file():
        raise RecordError(f"{str(directory)!r} holds no run: it has no {JOURNAL}")
    outcome, histograms = outcome_of(directory), directory / HISTOGRAMS
    bare = Material(
        title=outcome.name if outcome else directory.name,
        series=history(directory / JOURNAL),
        histograms=histograms if histograms.exists() else None,
    )
    try:
        experiment = trained_experiment(directory, outcome)
        return _whole(bare, experiment, directory, outcome)
    except (BpexpError, OSError) as error:
        return replace(bare, absent=" ".join(str(error).split()))


def _whole(bare: Material, experiment: Experiment, directory: Path, outcome: Outcome | None) -> Material:
    network, data = experiment.trainer.network, experiment.data
    kept = [Snapshot(*one) for one in read_snapshots(directory, len(network.theta))]
    shown = [one for one in kept if outcome is None or outcome.step is None or one.step <= outcome.step]
    return replace(bare, network=network, data=data, samples=samples_of(experiment), snapshots=shown)


def samples_of(experiment: Experiment) -> Samples:
    """Outputs and costs on the test part, or on the training part where there is no test part."""
    name, part = drawn_part(experiment.data)
    trainer, data = experiment.trainer, experiment.data
    return collect_samples(trainer.network, trainer.head, part, data.classes, data.image_shape, name=name)


def drawn_part(data: DataSet) -> tuple[str, Part]:
    """The part of the data whose samples are shown, with its name."""
    return ("training", data.train) if data.test is None else ("test", data.test)


def trained_experiment(directory: Path, outcome: Outcome | None) -> Experiment:
    """The objects of a run with the weights that it saved, or those of its newest checkpoint.

    Raises BpexpError where neither is there, or where the data set is another now.
    """
    experiment = experiment_of(directory)
    theta, digest = saved_weights(directory, outcome)
    refuse_other(experiment, theta, digest, directory)
    experiment.trainer.network.theta[...] = theta
    return experiment


def experiment_of(directory: Path) -> Experiment:
    """The objects of a run, which draws figures, whatever its config said."""
    path = directory / CONFIG
    content = parsed(read_text(path, MOST_TEXT, error=RecordError), repr(str(path)))
    load_plugins()
    config = construct(Config, content)
    validate(config)
    return build(replace(config, tracking={**config.tracking, "figures": True}))


def saved_weights(directory: Path, outcome: Outcome | None) -> tuple[Array, str]:
    """The weights (P,) that result.json speaks of, else of the newest checkpoint, and the digest of their data."""
    found = checkpoints(directory)
    if (directory / WEIGHTS).exists():
        saved = load_network(directory)
        theta = saved.weights[saved.reported]
        if not found or (outcome and outcome.theta_sha256 == hashlib.sha256(theta.tobytes()).hexdigest()):
            return theta, str((saved.spec.get("data") or {}).get("digest", ""))
    if not found:
        raise BpexpError(f"the run {str(directory)!r} left neither a network nor a checkpoint; start it again")
    checkpoint = read_checkpoint(found[-1])
    return checkpoint.state["theta"], checkpoint.data


def refuse_other(experiment: Experiment, theta: Array, digest: str, directory: Path) -> None:
    """Raise BpexpError for data or weights that are not those of the run."""
    data, network = experiment.data, experiment.trainer.network
    if data.digest != digest:
        raise BpexpError(
            f"the data set {data.name!r} is not that of the run {str(directory)!r}: its digest is "
            f"{data.digest[:12]}..., but was {digest[:12]}..."
        )
    if theta.shape != network.theta.shape:
        raise BpexpError(f"{str(directory / CONFIG)!r} is of another network than the weights beside it")


def outcome_of(directory: Path) -> Outcome | None:
    """The outcome of a run; None without one that can be read."""
    with suppress(OSError, RecordError):
        return read_outcome(directory)
    return None
