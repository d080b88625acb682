"""What `task=report` lists where it gets no name: the studies in MLflow, and those that folders alone hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bpexp.errors import RecordError
from bpexp.files.plain_json import MOST_BYTES
from bpexp.files.regular import read_text
from bpexp.records.escaping import typed
from bpexp.records.outcome import RESULT
from bpexp.records.sweep_file import read_sweep
from bpexp.running.resuming.results import read
from bpexp.study.declaration import STUDY_FILE, STUDY_TAG, read_record
from bpexp.study.sources import MOST
from bpexp.tracking.query import RecordedRun, children, runs_with
from bpexp.tracking.store import Store

FOLDERS = "multirun/*/*"
"""Where the folders of sweeps are looked for."""


GOOD = ("finished", "stopped", "pruned", "diverged")
"""The statuses of a run that has a result."""

UNDONE = ("running", "killed")
"""MLflow's statuses of a sweep that has not come to its end."""


@dataclass(frozen=True, slots=True)
class RecordedStudy:
    """A recorded sweep of a study.

    Args:
        name: of the study.
        began: in UTC as ISO 8601.
        runs: that have a result.
        declared: number of runs that it was to have; None where nothing says so.
        command: writes its report.
        folder: of the sweep.
    """

    name: str
    began: str
    runs: int
    declared: int | None
    command: str
    folder: Path


def recorded_studies(store: Store | None) -> list[RecordedStudy]:
    """The recorded sweeps, the newest first: those in MLflow, and in the folders below `multirun` the others.

    At most MOST of MLflow's are listed.
    """
    found = list(_in_store(store)) if store is not None else []
    known = {study.folder for study in found}
    found += [study for study in _in_folders() if study.folder not in known]
    return sorted(found, key=lambda study: study.began, reverse=True)


def _in_store(store: Store) -> Iterator[RecordedStudy]:
    """Those in MLflow; of each name one is reported by the name, the others by their folders."""
    sweeps = runs_with(store, STUDY_TAG, MOST, everywhere=False)
    ended = [sweep for sweep in sweeps if sweep.status not in UNDONE]
    by_name = {sweep.tags[STUDY_TAG]: sweep.run_id for sweep in [*reversed(sweeps), *reversed(ended)]}
    for sweep in sweeps:
        name, folder = sweep.tags[STUDY_TAG], Path(sweep.tags.get("bpexp.directory", "")).absolute()
        words = ["task=report", f"study={name}"]
        words += [] if by_name[name] == sweep.run_id else [f"hydra.sweep.dir={folder}"]
        yield RecordedStudy(name, sweep.started, _with_result(store, sweep), _declared(folder), typed(words), folder)


def _with_result(store: Store, sweep: RecordedRun) -> int:
    """How many runs of a sweep have a result; a sweep counts its jobs when it ends, unless its process was killed."""
    if any(name.startswith("jobs/") for name in sweep.metrics):
        return int(sum(sweep.metrics.get(f"jobs/{status}", 0) for status in GOOD))
    return sum(run.tags.get("bpexp.status") in GOOD for run in children(store, sweep.run_id))


def _in_folders() -> Iterator[RecordedStudy]:
    for file in Path().glob(f"{FOLDERS}/{STUDY_FILE}"):
        with suppress(RecordError):  # damaged, or none of bpexp
            record = read_record(read_text(file, MOST_BYTES, error=RecordError), repr(str(file)))
            folder, name = file.parent.absolute(), str(record.content.get("name"))
            outcomes = [read(result.parent) for result in folder.glob(f"[0-9]*/{RESULT}")]
            runs = sum(outcome is not None and outcome.status in GOOD for outcome in outcomes)
            line = typed(["task=report", f"study={name}", f"hydra.sweep.dir={folder}"])
            yield RecordedStudy(name, record.at, runs, _declared(folder), line, folder)


def _declared(folder: Path) -> int | None:
    """The number of jobs that a sweep declared."""
    try:
        return len(read_sweep(folder).jobs)
    except RecordError:
        return None
