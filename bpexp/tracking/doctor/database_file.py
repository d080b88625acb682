"""The SQLite file of a store: whole, free, of this MLflow, and with nothing left beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import version as version_of
from pathlib import Path

from bpexp.errors import TrackingError
from bpexp.tracking.creation import COMPANIONS, create_database, free_name, leftovers
from bpexp.tracking.doctor.finding import Finding, barrier, mended, note, person, refusal, unmended, well
from bpexp.tracking.doctor.settings import Doctor
from bpexp.tracking.schema import age, refuse_other_version, sqlite_version
from bpexp.tracking.sqlite_file import Damaged, connected, is_new, tables, wait_until_free
from bpexp.tracking.upkeep import is_out_of_date, keep_statistics

SHOWN = 3
"""Problems of a damaged database that are listed."""

SCARCE = 50 << 20
"""Bytes of free space below which a store may soon not grow any more: it gains 0.1 MB or less a run."""

FILL = "`python -m bpexp task=sync hydra.run.dir=outputs` (and =multirun) fills one from the journals of the runs"


def examine_file(path: Path, doctor: Doctor) -> Iterator[Finding]:
    """Findings about the file at `path`, the worst first: after one that keeps MLflow out, the others are not asked."""
    try:
        if is_new(path):
            yield (
                barrier(f"there is no store at {str(path)!r}", FILL)
                if _recorded(path)
                else well(f"there is no store at {str(path)!r} yet; the first run makes it", bars=True)
            )
            return
        wait_until_free(path)
        problems = _problems(path)
        if problems:
            raise Damaged(f"the store {str(path)!r} is damaged: {'; '.join(problems[:SHOWN])}")
    except Damaged as error:
        yield _damaged(path, error, doctor)
        return
    except TrackingError as error:
        yield refusal(error)
        return
    yield well("the file is whole (integrity check of SQLite), and no process holds it")
    yield from _surroundings(path, doctor)
    yield from _schema(path, doctor)


def _recorded(path: Path) -> bool:
    """Whether runs lie beside a store that is gone."""
    return any(next((path.parent / name).rglob("tracked.json"), None) for name in ("outputs", "multirun"))


def _problems(path: Path) -> list[str]:
    """What SQLite finds: pages, indexes and references to rows that are not there."""
    with connected(path) as database:
        try:
            found = [str(row[0]) for row in database.execute("pragma integrity_check(10)")]
            lost = database.execute("select count(*) from pragma_foreign_key_check").fetchone()[0]
        except sqlite3.DatabaseError as error:
            return [str(error)]
    found = [line for text in found for line in text.splitlines() if line != "ok" and not line.startswith("***")]
    return found + ([f"{lost} rows refer to rows that are not there"] if lost else [])


def _damaged(path: Path, error: TrackingError, doctor: Doctor) -> Finding:
    """Move a damaged database away, if that is wanted, with what belongs to it."""
    if not doctor.move_away:
        return barrier(
            str(error).partition("; `python")[0],
            "`python -m bpexp task=doctor doctor.move_away=true` moves it away and makes a new one, which task=sync "
            "fills from the journals of the runs",
        )
    aside = free_name(path, "damaged")
    try:
        path.rename(aside)
        for suffix in COMPANIONS:
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
        create_database(path)
    except (OSError, TrackingError) as failure:
        return barrier(f"the damaged store {str(path)!r} cannot be replaced ({failure})", "move it away by hand")
    return barrier(
        f"the damaged store was moved to {aside.name}, and there is a new one",
        f"{FILL}; what was written into MLflow by hand is in {aside.name} alone, and `sqlite3 {aside.name} .recover` "
        "may show it",
    )


def _surroundings(path: Path, doctor: Doctor) -> Iterator[Finding]:
    """Permissions, room, the way in which it is written, and files left beside it."""
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        yield person(f"{str(path)!r} or its folder cannot be written", f"get the right to write in {path.parent}")
    if (free := shutil.disk_usage(path.parent).free) < SCARCE:
        yield person(f"only {free >> 20} MB are free beside the store", "make room on the disk")
    yield from _journal_mode(path, doctor)
    yield from _statistics(path, doctor)
    left = [file for file in leftovers(path) if file.exists()]
    if left and doctor.mend:
        create_database(path)
        still = [file.name for file in left if file.exists()]
        yield (
            note(f"{still[0]} is in use by another process, or cannot be removed")
            if still
            else mended(
                f"{', '.join(file.name for file in left)}, left behind by a process that was killed, is removed"
            )
        )
    elif left:
        yield unmended(f"{', '.join(file.name for file in left)} was left behind")
    for orphan in sorted(path.parent.glob(f"{path.name}*.orphan*")) + sorted(path.parent.glob(f"{path.name}.damaged*")):
        yield note(f"{orphan.name} was moved aside earlier; remove it when you do not need it any more")


def _statistics(path: Path, doctor: Doctor) -> Iterator[Finding]:
    with suppress(sqlite3.OperationalError), connected(path) as database:
        if is_out_of_date(database):
            told = "the database had no statistics of its many runs, without which it sorts them slowly"
            yield mended(f"{told}; now it has") if doctor.mend and keep_statistics(path) else unmended(told)


def _journal_mode(path: Path, doctor: Doctor) -> Iterator[Finding]:
    """A write-ahead log, which MLflow does not use: SQLite before 3.51.3 can lose what is in one."""
    with connected(path) as database:
        if database.execute("pragma journal_mode").fetchone()[0] != "wal":
            return
        if not doctor.mend:
            yield unmended("the database keeps a write-ahead log, which MLflow does not use")
            return
        try:
            now = database.execute("pragma journal_mode = delete").fetchone()[0]
        except sqlite3.OperationalError:
            now = "wal"
    if now == "wal":
        yield person("the database keeps a write-ahead log, and is in use", "end what uses it, and run this again")
    else:
        yield mended("the database kept a write-ahead log, in which SQLite before 3.51.3 has a fault; now a journal")


def _schema(path: Path, doctor: Doctor) -> Iterator[Finding]:
    """The version of MLflow's tables; those of others."""
    version = sqlite_version(path)
    if age(version) == "unfinished":
        yield _unfinished(path, doctor)
        return
    try:
        refuse_other_version(f"sqlite:///{path}", version)
    except TrackingError as error:
        yield refusal(error)
        return
    yield from tables_of_others(tables(path) or frozenset(), f"schema {version}")


def tables_of_others(here: frozenset[str], version: str) -> Iterator[Finding]:
    """What a database has beside the tables of MLflow, and what it lacks of them."""
    ours = _tables_of_mlflow()
    if missing := sorted(ours - here):
        yield barrier(f"the database lacks the tables {', '.join(missing)} of MLflow", "move it away, as a damaged one")
    else:
        yield well(f"its tables are those of MLflow {version_of('mlflow')} ({version})")
    if foreign := sorted(here - ours - {"alembic_version", "sqlite_stat1", "sqlite_stat4"}):
        yield note(f"tables of another program are in the database, too: {', '.join(foreign)}; they do no harm")


def _unfinished(path: Path, doctor: Doctor) -> Finding:
    """A database whose creation was broken off, by `mlflow ui` say, holds nothing; a new one takes its place."""
    with connected(path) as database:
        try:
            runs = database.execute("select count(*) from runs").fetchone()[0]
        except sqlite3.OperationalError:
            runs = 0
    if runs:
        return barrier(f"the database has {runs} runs and no version of its tables", "move it away, as a damaged one")
    if not doctor.mend:
        return unmended("the creation of the database was broken off, and it holds no run", bars=True)
    aside = free_name(path, "unfinished")
    path.rename(aside)
    create_database(path)
    return mended(f"it was broken off while it was made, and held no run: now {aside.name}, beside a new one")


@cache
def _tables_of_mlflow() -> frozenset[str]:
    """The tables of a fresh store."""
    with tempfile.TemporaryDirectory(prefix="bpexp-doctor-", ignore_cleanup_errors=True) as scratch:
        fresh = Path(scratch, "fresh.db")
        create_database(fresh)
        return (tables(fresh) or frozenset()) - {"alembic_version"}
