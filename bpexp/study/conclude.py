"""The report of a study, from the folders of its jobs, or again from a folder or from MLflow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from bpexp.errors import BpexpError, ConfigError, RecordError, TrackingError
from bpexp.files.plain_json import MOST_BYTES
from bpexp.files.regular import read_text
from bpexp.records.escaping import typed
from bpexp.records.journal import JOURNAL
from bpexp.records.journal_lines import last_line
from bpexp.records.lock import liveness
from bpexp.records.sweep_file import read_sweep
from bpexp.study.analysis import RunRecord, frame_of
from bpexp.study.declaration import STUDY_FILE, moment
from bpexp.study.design import Study
from bpexp.study.evidence import BROKEN, Evidence, weigh
from bpexp.study.looks import begun
from bpexp.study.origin import Origin, commands, this_code
from bpexp.study.report import Report, write_report
from bpexp.study.revision import Today, asked, changes, narrowing
from bpexp.study.sources import from_folder, from_mlflow, recorded_sweep
from bpexp.study.standing import Standings, standings
from bpexp.tracking.query import first_start, run_params
from bpexp.tracking.store import Store


def conclude(
    study: Study, runs: Sequence[RunRecord], folder: Path, command: Sequence[str], params: Mapping[str, str] | None
) -> Report:
    """Analyse the runs of a study and write its report to `folder`, which holds its declaration.

    Args:
        study: the study as it ran.
        runs: its runs.
        folder: the folder of its sweep.
        command: the arguments of the command, as they were typed.
        params: the parameters of the parent run; None without one.
    """
    found = weigh(_read(folder / STUDY_FILE), params)
    told = standings(found, study, None, narrowing=narrowing(found.content) if found.content else ())
    facts = [f"command: {typed(command)}", _counted(runs), *_record(found), *this_code()]
    again = commands(command, _code(found), study.name, folder)
    return write_report(study, runs, folder, Origin(facts, again, _elapsed(folder)), told)


def rebuild(name: str, store: Store, folder: Path, today: Today | None = None) -> Report:
    """Write the report of the newest recorded sweep of a study to `folder`, from the runs in MLflow.

    A sweep that was broken off is reported with the runs that it has, where none came to its end. `today` is the
    declaration as it is now, None to ask what was asked when it ran. Raises TrackingError where no sweep is recorded,
    or where nothing says what was asked.
    """
    parent, text, newer = recorded_sweep(store, name)
    found = weigh(text, parent.params, first_start(store, parent.run_id))
    if newer is not None:
        found.problems.append(
            f"a newer sweep of this study, the parent run {newer.run_id}, is {newer.status} and has not come to its "
            "end; this report is of the newest that has"
        )
    study, told = _question(found, today, f"the parent run {parent.run_id!r}")
    runs = from_mlflow(store, parent.run_id, study)
    facts = [f"parent run {parent.run_id}: {parent.name}", _counted(runs), *_record(found), *this_code()]
    again = commands(parent.tags.get("bpexp.sweep", ""), _code(found), name, None)
    unfinished = _unfinished(study, runs, parent.tags.get("bpexp.directory"))
    return write_report(study, runs, folder, Origin(facts, again, parent.seconds, unfinished), told)


def rebuild_from_folder(sweep: Path, store: Store | None, folder: Path, today: Today | None = None) -> Report:
    """The same from the folder of a sweep; `store` may hold its parent run, whose record is compared.

    Raises ConfigError where the folder holds no study.
    """
    text = _read(sweep / STUDY_FILE)
    found = weigh(text, None)
    parent = str(found.parent) if found.parent else None
    if store is not None and parent is not None:
        try:
            found = weigh(text, run_params(store, parent), first_start(store, parent))
        except BpexpError as error:
            found.problems.append(f"the record on the parent run cannot be compared: {error}")
    study, told = _question(found, today, f"the folder {str(sweep)!r}")
    runs = from_folder(sweep)
    facts = [f"folder {sweep}", _counted(runs), *_record(found), *this_code()]
    again = commands(_command(sweep), _code(found), study.name, sweep)
    place = Origin(facts, again, _elapsed(sweep), _unfinished(study, runs, str(sweep)))
    return write_report(study, runs, folder, place, told)


def _unfinished(study: Study, runs: Sequence[RunRecord], folder: str | None) -> str:
    """That runs have no result, because the sweep was interrupted or still goes on; empty where all have one."""
    begun_study = begun(study, frame_of(study, runs)) if study.stages else study
    ended = {(*study.levels(run.params).values(), run.params.get("seed")) for run in runs if run.status not in UNDONE}
    expected = math.prod(len(levels) for levels in begun_study.grid().values())
    if len(ended) >= expected:
        return ""
    alive = folder is not None and liveness(Path(folder)).state == "alive"
    state = "This study is still running" if alive else "This study was interrupted"
    goes_on = "" if alive or folder is None else f"; the others are done by: {typed([f'resume={folder}'])}"
    counted = f"{len(ended)} of {expected} runs have a result, and this report is of those"
    return f"{state}: {counted}; its verdicts hold only if its results were no reason to stop it{goes_on}"


UNDONE = ("running", "killed", "scheduled")
"""The statuses of a run that has not come to its end."""


def _elapsed(folder: Path) -> float | None:
    """Seconds from the beginning of a sweep to the last line of its journals; None where either is not known."""
    try:
        began = datetime.fromisoformat(read_sweep(folder).started_at).timestamp()
    except (RecordError, ValueError):
        return None
    times = []
    for journal in folder.glob(f"[0-9]*/{JOURNAL}"):
        with suppress(RecordError):
            times += [line["time"]] if (line := last_line(journal)) else []
    return max(times) - began if times and max(times) > began else None


def _command(folder: Path) -> Sequence[str]:
    """The arguments of the command that began a sweep, as its folder tells them."""
    try:
        return read_sweep(folder).command
    except RecordError:
        return ()


def _code(found: Evidence) -> Mapping[str, str]:
    """The code that ran, as the declaration recorded it."""
    return (found.content or {}).get("code") or {}


def _counted(runs: Sequence[RunRecord]) -> str:
    """The number of runs, and of those whose last digits are not those of a run alone in NumPy."""
    fused = sum(run.fused for run in runs)
    compiled = sum(run.params.get("engine") == "numba" for run in runs)
    told = [f"runs: {len(runs)}"]
    if fused:
        told.append(f"{fused} of them trained together with others (launcher.fuse), which may change their last digits")
    if compiled:
        told.append(f"{compiled} of them by compiled steps (engine=numba), equal to those of NumPy to rounding")
    return ", ".join(told)


def _question(found: Evidence, today: Today | None, place: str) -> tuple[Study, Standings]:
    """The study that a report answers, and the standing of its claims."""
    if found.content is None and today is not None:
        return today.study, standings(found, today.study, today.study)
    try:
        content = found.content or {}
        study, unanswered = asked(content, today)
        now = today.study if today else None
        edited = [*unanswered, *changes(content, today)]
        return study, standings(found, study, now, edited, narrowing(content))
    except (ConfigError, *BROKEN) as error:
        reason = " ".join(str(error).split())[:200]
        raise TrackingError(f"{place} has no readable {STUDY_FILE}: {reason}") from error


def _read(file: Path) -> str | None:
    try:
        return read_text(file, MOST_BYTES, error=RecordError)
    except RecordError:
        return None


def _record(found: Evidence) -> list[str]:
    """The record of the declaration."""
    return [f"declaration: SHA-256 {found.sha256}, recorded {moment(found.at)}"] if found.sha256 else []
