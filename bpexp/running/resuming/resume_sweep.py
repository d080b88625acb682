"""`resume=FOLDER` and `resume=true` of a sweep: from the record in its folder to the plan of what is to be done.

The command is planned again and held against the record. A sweep goes on only as it was declared: with the same jobs,
data and version of bpexp. What changes no result may be said anew: launcher, sweep, progress and tracking.uri.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bpexp.config.composition import CommandLine
from bpexp.config.plugins import missing_named
from bpexp.errors import BpexpError, ConfigError, RecordError
from bpexp.records.lock import liveness, warn_unproven
from bpexp.records.sweep_file import SWEEP, SweepRecord, read_sweep
from bpexp.running.directories import MARKS
from bpexp.running.plan import Plan, plan
from bpexp.running.resuming.resume_words import Wanted, found
from bpexp.running.resuming.sweep_record import differences, told
from bpexp.tracking.copies import original

RESUME = "resume"

FREE = (
    *("launcher", "sweep", "progress", "tracking.uri", "hydra/launcher", "hydra.launcher"),
    *("search.trials", "search.confirm"),
)
"""Keys, and roots of keys, that change no result; of a search, no trial that was decided already."""


def resumed_sweep(line: CommandLine) -> Plan | None:
    """The plan of the sweep that a command line resumes; None where it resumes no sweep.

    Raises BpexpError for a sweep that cannot be resumed, or that has another declaration.
    """
    wanted = [_unquoted(word.partition("=")[2]) for word in line.overrides if word.partition("=")[0] == RESUME]
    line = replace(line, overrides=tuple(word for word in line.overrides if word.partition("=")[0] != RESUME))
    if not wanted:
        return None
    if len(wanted) > 1:
        raise ConfigError(f"{RESUME} is given {len(wanted)} times; give it once")
    if wanted[0] == "true":
        return _newest(plan(line))
    uri = {key: value for key, _, value in (word.partition("=") for word in line.overrides) if key == "tracking.uri"}
    folder = found(Wanted(wanted[0], changes=uri))
    if not any((folder / mark).exists() for mark in (SWEEP, MULTIRUN)):
        return None
    return _of_folder(folder, line)


MULTIRUN = MARKS[1]


def _of_folder(folder: Path, line: CommandLine) -> Plan:
    _refuse_running(folder)
    record = read_sweep(folder)
    _refuse_elsewhere(folder, record)
    said = [word for word in line.overrides if not _free(word)]
    if said and said != _fixed(record.words):
        other = next((word for word in said if word not in record.words), said[0])
        raise ConfigError(f"{other} cannot change when the sweep in {str(folder)!r} is resumed; leave it out")
    given = [word for word in line.overrides if _free(word)]
    roots = {_root(word) for word in given}
    words = [*(word for word in record.words if not (_free(word) and _root(word) in roots)), *given]
    with missing_named(record.plugins):
        planned = plan(
            CommandLine(tuple(words), record.multirun, record.config_path, record.config_name, record.config_dir)
        )
    if changed := differences(record, planned.jobs):
        raise ConfigError(f"the sweep in {str(folder)!r} cannot be resumed: {told(changed)}; {REMEDY}")
    return _continued(planned, folder, record)


REMEDY = "put it back as it was, or begin a new sweep"


def _newest(planned: Plan) -> Plan:
    """The plan in the folder of the newest sweep of the same command."""
    if not planned.multirun:
        raise ConfigError(f"{RESUME}=true goes on with a sweep, and this is one run; name its folder, {RESUME}=FOLDER")
    root, same = _root_of(planned), list(_same_command(planned))
    for folder, record in same:
        if not differences(record, planned.jobs):
            _refuse_running(folder)
            _refuse_elsewhere(folder, record)
            return _continued(planned, folder, record)
    if same:
        folder, record = same[0]
        why = told(differences(record, planned.jobs))
        raise ConfigError(f"the sweep in {str(folder)!r} cannot be resumed: {why}; {REMEDY}")
    raise ConfigError(f"no sweep of this command is below {str(root)!r}; leave {RESUME}=true out to begin it")


def _root_of(planned: Plan) -> Path:
    """The folder below which the sweeps of a command lie: `multirun` unless the command or a config says otherwise."""
    directory = planned.directory
    return directory if planned.named or len(directory.parts) < 2 else Path(*directory.parts[: -2 or None])


def _same_command(planned: Plan) -> Iterator[tuple[Path, SweepRecord]]:
    """The folders of sweeps that were begun by the same words, the newest first."""
    pattern, line = SWEEP if planned.named else f"*/*/{SWEEP}", planned.line
    flags = (line.multirun, line.config_path, line.config_name, line.config_dir)
    begun = []
    for file in _root_of(planned).glob(pattern):
        try:
            record = read_sweep(file.parent)
        except RecordError:  # of another version, or damaged: by its folder's name it would be refused with the reason
            continue
        same = (record.multirun, record.config_path, record.config_name, record.config_dir) == flags
        if same and _fixed(record.words) == _fixed(line.overrides):
            begun.append((file.parent, record))
    yield from sorted(begun, key=lambda pair: (pair[1].started_at, str(pair[0])), reverse=True)


def _continued(planned: Plan, folder: Path, record: SweepRecord) -> Plan:
    """The plan with the folder, and the folders of its jobs, as they were recorded."""
    places = [Path(job.subdirectory) for job in record.jobs]
    for place in places:
        if not place.parts or place.is_absolute() or ".." in place.parts:
            raise RecordError(f"{str(folder / SWEEP)!r}: the folder {str(place)!r} of a job does not lie below it")
    jobs = [replace(job, subdirectory=place, again=True) for job, place in zip(planned.jobs, places, strict=True)]
    return replace(planned, jobs=jobs, directory=folder.absolute(), resumed=record)


def _refuse_running(folder: Path) -> None:
    alive = liveness(folder)
    if alive.state == "alive":
        raise BpexpError(f"the sweep in {str(folder)!r} is running: {alive.evidence}; wait until it ends, or end it")
    warn_unproven(folder)


def _refuse_elsewhere(folder: Path, record: SweepRecord) -> None:
    """Raise ConfigError for a copy of another sweep's folder, whose runs in MLflow it would feed.

    And in another working directory: relative paths and the store would be others.
    """
    if copied := original(folder):
        raise ConfigError(
            f"the sweep in {str(folder)!r} is a copy of that in {str(copied)!r}; {RESUME}={copied}, or remove one"
        )
    if Path(record.folder) != Path.cwd() and Path(record.folder).is_dir():
        raise ConfigError(f"the sweep in {str(folder)!r} was begun in {record.folder!r}; go there to resume it")


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _fixed(words: Sequence[str]) -> list[str]:
    return [word for word in words if not _free(word)]


def _free(word: str) -> bool:
    return _root(word) in FREE


def _root(word: str) -> str:
    """The key of a word as far as `FREE` names it."""
    key = word.partition("=")[0].lstrip("+")
    return next((root for root in FREE if key == root or key.startswith(f"{root}.")), key)
