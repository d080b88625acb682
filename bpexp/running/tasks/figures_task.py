"""`task=figures`: the pictures of a run that ended without them, drawn from what lies in its folder."""

from __future__ import annotations

from pathlib import Path

from bpexp.errors import ConfigError, RecordError
from bpexp.records.journal import JOURNAL, history
from bpexp.records.lock import RunLock
from bpexp.records.outcome import RunInfo
from bpexp.running.drawing import outcome_of, trained_experiment
from bpexp.running.ending.pictures import draw
from bpexp.running.ending.signals import Signals
from bpexp.running.plan import Plan


def draw_planned(plan: Plan) -> list[Path]:
    """Draw for the run that the command line names."""
    if not plan.named:
        raise ConfigError("task=figures draws the pictures of a run; name its folder: hydra.run.dir=FOLDER")
    return draw_again(plan.directory.absolute())


def draw_again(directory: Path) -> list[Path]:
    """Draw the page of figures of a run, with the weights that it saved, and return the pictures that changed.

    A run that was left in haste, without saving its network, is drawn with the weights of its newest checkpoint.

    Raises BpexpError for a folder that holds no run, whose run goes on, or whose data set is another now.
    """
    if not (directory / JOURNAL).is_file():
        raise RecordError(f"{str(directory)!r} holds no run: it has no {JOURNAL}")
    with Signals() as signals, signals.raised(), RunLock(directory):
        before = _pictures(directory)
<<<<<<< HEAD
        experiment = experiment_of(directory)
        outcome = _outcome(directory)
        theta, digest = saved_weights(directory)
        refuse_other(experiment, theta, digest, directory)
        experiment.trainer.network.theta[...] = theta
=======
        outcome = outcome_of(directory)
        experiment = trained_experiment(directory, outcome)
>>>>>>> 0b300a34ae20d0ab827b753364a908ebb775037b
        name = outcome.name if outcome else directory.name
        draw(experiment, RunInfo(name, directory, [], {}), history(directory / JOURNAL))
        return [path for path, drawn in _pictures(directory).items() if before.get(path) != drawn]


def _pictures(directory: Path) -> dict[Path, int]:
    """The pictures of a run, with the time when each was drawn."""
    return {path: path.stat().st_mtime_ns for path in sorted(directory.glob("*.png"))}
<<<<<<< HEAD


def experiment_of(directory: Path) -> Experiment:
    """The objects of the run, which draws figures, whatever its config said."""
    path = directory / CONFIG
    content = parsed(read_text(path, MOST_TEXT, error=RecordError), repr(str(path)))
    load_plugins()
    config = construct(Config, content)
    validate(config)
    return build(replace(config, tracking={**config.tracking, "figures": True}))


def saved_weights(directory: Path) -> tuple[Array, str]:
    """The weights (P,) that a run saved, and the digest of its data; raises BpexpError where it saved none."""
    return _weights(directory, _outcome(directory))


def _weights(directory: Path, outcome: Outcome | None) -> tuple[Array, str]:
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
    """Raise BpexpError for weights (P,) of another network, or of another data set, than those of the experiment."""
    data, network = experiment.data, experiment.trainer.network
    if data.digest != digest:
        raise BpexpError(
            f"the data set {data.name!r} is not that of the run {str(directory)!r}: its digest is "
            f"{data.digest[:12]}..., but was {digest[:12]}..."
        )
    if theta.shape != network.theta.shape:
        raise BpexpError(f"{str(directory / CONFIG)!r} is of another network than the weights beside it")


def _outcome(directory: Path) -> Outcome | None:
    try:
        return read_outcome(directory)
    except (OSError, RecordError):
        return None
=======
>>>>>>> 0b300a34ae20d0ab827b753364a908ebb775037b
