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
        raise ConfigError(
            "task=figures draws the figures of a run, one file each: add run=FOLDER; for the page that the run was to "
            "draw, name its folder: hydra.run.dir=FOLDER"
        )
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
        outcome = outcome_of(directory)
        experiment = trained_experiment(directory, outcome)
        name = outcome.name if outcome else directory.name
        draw(experiment, RunInfo(name, directory, [], {}), history(directory / JOURNAL))
        return [path for path, drawn in _pictures(directory).items() if before.get(path) != drawn]


def _pictures(directory: Path) -> dict[Path, int]:
    """The pictures of a run, with the time when each was drawn."""
    return {path: path.stat().st_mtime_ns for path in sorted(directory.glob("*.png"))}
