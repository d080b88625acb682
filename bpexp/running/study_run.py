"""What a study adds to a sweep: its declaration before, its looks between the stages, and its report after."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpexp.errors import ConfigError, RecordError, say, warn
from bpexp.files.whole import write_whole
from bpexp.running.job import Job
from bpexp.running.plan import Plan
from bpexp.study.declaration import STUDY_FILE, STUDY_TAG, Record, declaration, read_record, record
from bpexp.study.design import Study
from bpexp.study.earlier import earlier_sweeps
from bpexp.tracking.parent import ParentRun

if TYPE_CHECKING:
    from bpexp.study.report import Report  # only a study needs the statistics that it imports


def declare(plan: Plan, study: Study, directory: Path, parent: ParentRun) -> None:
    """Record what a study declares, in its folder and on its parent run, before the first job.

    A study that is resumed keeps the record that it has; `refuse_other_study` holds it against the declaration.
    """
    file = directory / STUDY_FILE
    if plan.resumed is not None and file.exists():
        declared = _recorded(file)
    else:
        content = _content(plan, study)
        earlier = parent.ask(lambda store: earlier_sweeps(content, store, directory))
        if earlier is None:  # without the store, what the folders tell
            earlier = earlier_sweeps(content, None, directory)
        declared = record({**content, "earlier": earlier}, parent.run_id)
        try:
            write_whole(file, declared.text())
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(f"cannot write to the directory {str(directory)!r} ({reason})") from error
    parent.declare(declared.params(), {STUDY_TAG: study.name}, [file])


def refuse_other_study(plan: Plan, study: Study, directory: Path) -> None:
    """Raise ConfigError where the record of a study that is resumed is not the declaration as it is now.

    Without a record, no job may have begun: it would come after a result.
    """
    file = directory / STUDY_FILE
    if not file.exists():
        begun = [job.number for job in plan.jobs if (directory / job.subdirectory).exists()]
        if begun:
            raise ConfigError(f"{str(file)!r} is gone, so that nothing tells what was declared before job {begun[0]}")
        return
    recorded, now = _recorded(file), _content(plan, study)
    if not recorded.whole:
        raise ConfigError(f"{str(file)!r} was changed: its content does not fit its SHA-256")
    for key, value in now.items():
        if key != "code" and recorded.content.get(key) != value:
            raise ConfigError(
                f"the study in {str(directory)!r} was declared with {_short(key, recorded.content.get(key))}, and now "
                f"there is {_short(key, value)}; put it back as it was, or begin a new sweep"
            )


def _content(plan: Plan, study: Study) -> dict[str, Any]:
    params = [job.params for job in plan.jobs]
    return declaration(study, plan.first.config.study, params, plan.data, _settings(plan, study))


def _recorded(file: Path) -> Record:
    try:
        return read_record(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RecordError(f"{str(file)!r} cannot be read: {reason}") from None


def _short(key: str, value: Any) -> str:
    text = str(value)
    return f"{key} {text if len(text) < 100 else text[:100] + '...'}"


UNTOLD = (
    *("hydra", "experiment", "study", "tracking", "progress", "run_name", "task", "objective"),
    *("launcher", "sweep", "limits"),
)
"""Roots of the overrides that change no run of a study; `study.repeats` is told by its seeds."""


def _settings(plan: Plan, study: Study) -> list[str]:
    """What the command line set for all runs, beside levels and seeds."""
    keys = {text: text.partition("=")[0].lstrip("+") for text in plan.said}
    return [text for text, key in keys.items() if key not in study.grid() and re.split("[./]", key)[0] not in UNTOLD]


def stages(study: Study, jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """The jobs of each stage: the plan has those of the first stage first."""
    each, start = len(jobs) // len(study.seeds), 0
    for seeds in study.stages:
        yield list(jobs[start : each * seeds])
        start = each * seeds


def goes_on(study: Study, folders: Sequence[Path], parent: ParentRun, *, told: bool) -> bool:
    """Look at a study after a stage: whether claims are undecided, and no run is missing, so that seeds are added."""
    from bpexp.study.looks import undecided
    from bpexp.study.sources import from_folders

    runs = from_folders(folders)
    seeds, left = len({run.params.get("seed") for run in runs}), undecided(study, runs)
    if left is None:
        warn("runs of this stage are missing; it is not looked at, and no seeds are added")
        return False
    parent.look(seeds, left)
    if told:
        say(f"looked at {seeds} seeds: {left} of {len(study.claims)} claims undecided")
    return left > 0


def report(study: Study, folders: Sequence[Path], directory: Path, parent: ParentRun, command: Sequence[str]) -> Report:
    """Write the report of a study, and put it on the parent run."""
    from bpexp.study.conclude import conclude
    from bpexp.study.sources import from_folders

    written = conclude(study, from_folders(folders), directory, command, parent.params())
    parent.attach(written.files, written.note)
    return written
