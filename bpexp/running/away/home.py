"""The side of the sweep: what its workers are told, and what becomes of their answers.

The files of a run come back with its ending and are put into its folder, which is then as in a sweep on one machine. A
worker records live where the store is a server. A database file is opened by the process of the sweep alone, which
delivers what a run kept: its journal is the source of what MLflow gets.
"""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bpexp.errors import BpexpError, RecordError, warn
from bpexp.files.plain_json import parse_json
from bpexp.records.outcome import RESULT, Outcome
from bpexp.records.schema import as_record
from bpexp.running.away.introduction import introduction, named_data
from bpexp.running.away.parcel import files_in, opened, packed, write
from bpexp.running.away.shared import mark_of
from bpexp.running.job import Ending, Job
from bpexp.running.launchers.packing import pack
from bpexp.running.perform import write_declared
from bpexp.tracking.credentials import lent
from bpexp.tracking.delivery import Delivery
from bpexp.tracking.location import resolve, sqlite_path
from bpexp.tracking.manifest import read_facts, write_facts
from bpexp.tracking.open_runs import announce
from bpexp.tracking.run import facts_of
from bpexp.tracking.session import current
from bpexp.tracking.settings import TrackingSettings, tracking_settings
from bpexp.tracking.wants import EVERYTHING

LOGINS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
"""The variables in which MLflow looks for credentials."""

URI = "MLFLOW_TRACKING_URI"


class Home:
    """A sweep whose jobs are performed elsewhere; `first` is its first job, whose data set each worker must have."""

    def __init__(self, first: Job) -> None:
        settings: TrackingSettings = tracking_settings.from_config(first.config.tracking)
        self._tracking, self._first = settings, first
        self._store = resolve(settings.uri, Path.cwd()) if settings.mlflow else None
        self._data: dict[str, tuple[Any, str]] = {}
        self._told: set[str] = set()
        self._keys: dict[int, str] = {}

    def hello(self) -> str:
        """What a worker is asked before it gets a job; without credentials."""
        places = {"BPEXP_DATA": os.environ.get("BPEXP_DATA")}
        hello = {
            "introduction": asdict(introduction()),
            "data": self._data_of(self._first),
            "cwd": str(Path.cwd()),
            "places": {name: value for name, value in places.items() if value},
        }
        return json.dumps(hello)

    def refusal(self, worker: str, answer: str) -> str:
        """Why a worker that answered so to `hello` gets no job, in one line that names it; empty if it gets them."""
        told = json.loads(answer)
        if told["refusal"]:
            return f"the worker {worker} cannot take a job: {told['refusal']}"
        if told["rounding"] and told["rounding"] not in self._told:
            self._told.add(told["rounding"])
            warn(f"the last digits of a result may depend on the worker: {worker} has {told['rounding']}")
        return ""

    def credentials(self) -> str:
        """The credentials of the store, for the memory of workers alone."""
        found = {name: os.environ[name] for name in LOGINS if name in os.environ}
        if self._store is not None and URI in os.environ:
            found[URI] = self._store  # the public form
        return json.dumps({"credentials": lent(), "environment": found})

    def parcel(self, job: Job, *, files: bool = True) -> bytes:
        """A job on its way to a worker, with the `files` of an earlier attempt unless its folder is shared."""
        sweep = job.directory.parents[len(job.subdirectory.parts) - 1]
        live = self._store is not None and sqlite_path(self._store) is None and job.parent is not None
        key = self._keys[job.number] = uuid.uuid4().hex
        told = {
            "key": key,
            "job": pack(job, credentials=False),
            "data": self._data_of(job),
            "store": None if live else self._store,
            "sweep": str(sweep),
            "mark": mark_of(sweep),
        }
        earlier = files_in(job.directory) if files and job.again and job.directory.is_dir() else {}
        return packed(told, earlier)

    def _data_of(self, job: Job) -> tuple[Any, str]:
        """The config of the first job with this data set, as plain data, and its digest as it is found here."""
        if job.data not in self._data:
            self._data[job.data] = asdict(job.config), named_data(job.config)
        return self._data[job.data]

    def received(self, job: Job, answer: bytes) -> Ending:
        """The ending of a job, now that a worker has answered: its files are in its folder, and are being delivered."""
        try:
            parcel = opened(answer)
            told, reason = parcel.told, str(parcel.told["reason"])
            outcome = None if told["outcome"] is None else _outcome(told["outcome"])
            if not told.get("shared", True):
                files = dict(parcel.files)
                if RESULT in files:
                    files[RESULT] = _moved(bytes(files[RESULT]), job.directory)
                _put(job, files)
        except (BpexpError, KeyError, TypeError) as error:
            return Ending(job, None, f"the answer of its worker cannot be read: {error}")
        except OSError as error:
            return Ending(job, None, f"its files cannot be written here ({error.strerror or error})")
        if outcome is None:  # its sweep says how it ended, and has it delivered
            return Ending(job, None, reason)
        self._deliver(job)
        return Ending(job, replace(outcome, directory=str(job.directory)))

    def lost(self, job: Job, reason: str) -> Ending:
        """The ending of a job whose worker is gone: its folder says what it was, and by which key it is in MLflow."""
        try:
            write_declared(job)
            if self._store is not None and read_facts(job.directory) is None:
                facts = facts_of(self._tracking, job.info(), {}, {"mlflow.source.name": "bpexp"}, self._store)
                write_facts(replace(facts, key=self._keys[job.number]), job.directory)
        except (OSError, RecordError) as error:
            warn(f"nothing can be written to {str(job.directory)!r} ({error})")
        return Ending(job, None, reason)

    def _deliver(self, job: Job) -> None:
        """Have MLflow brought up to what lies in the folder, by this process."""
        try:
            facts = read_facts(job.directory)
        except RecordError as error:
            warn(str(error))
            return
        if facts is not None and facts.store == self._store:
            session = current()
            entry = announce(facts.key, job.directory, facts.store, "run", Path.cwd())
            session.send(session.parcel(Delivery(job.directory, facts), facts.store, entry), EVERYTHING)


def _outcome(text: str) -> Outcome:
    """The outcome that a worker told, its fields checked."""
    content = json.loads(text)
    metrics = {key: float(value) for key, value in content.pop("metrics").items()}
    return replace(as_record(content, Outcome, "the outcome of a worker"), metrics=metrics)


def _moved(result: bytes, directory: Path) -> bytes:
    """The content of result.json with the folder in which it lies now."""
    content = parse_json(result, RESULT, error=RecordError)
    return json.dumps({**content, "directory": str(directory)}, indent=1).encode()


def _put(job: Job, files: dict[str, Any]) -> None:
    """Put the files of a run into its folder; those of an earlier attempt that the worker has moved go."""
    write_declared(job)
    before = files_in(job.directory) if job.again else {}
    write(files, job.directory, gone=[name for name in before if name not in files])
