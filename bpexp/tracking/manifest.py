"""What MLflow is to hold of a run or a sweep, tracked.json, and what of it was sent, delivery.json; in its folder.

tracked.json is written before anything is sent and holds a key, which MLflow gets as a tag: a run whose creation was
not answered is found again by it. delivery.json is written after each step of a delivery, and can be lost: what is
sent twice is the same, and MLflow keeps it once. Neither holds a password.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from bpexp.errors import BpexpError, RecordError
from bpexp.files.whole import write_whole
from bpexp.records.schema import read_record, typed

FACTS, SENT = "tracked.json", "delivery.json"
FORMAT = 1
KEY_TAG = "bpexp.key"

MODEL_NAME = "network"
"""The name of every model that was recorded before models had the name of their run, and of one without a name."""


@dataclass(slots=True, eq=False)
class Facts:
    """What is to be recorded of a run or a sweep beside its files.

    Args:
        kind: run or sweep.
        name: its name in MLflow.
        store: the address of the store, without credentials.
        experiment: name of the MLflow experiment.
        started: when it began, in ms since 1970.
        key: identifies it in the store, whatever was answered.
        tags, params: what MLflow gets of them is text.
        data: name, digest, source and profile of the data set; empty for a sweep.
        overrides: the command line of the run.
        parent: MLflow's id of the sweep's run, if it is known.
        every, points: which rows are sent, as in `TrackingSettings`.
        model: whether the network is recorded as a model.
        model_name: its name in MLflow.
        rows: metrics of a sweep, [name, step, ms, value].
        files: names of the files of a sweep.
        status, ended: MLflow's status of a sweep and when it ended; None while it runs.
    """

    kind: Literal["run", "sweep"]
    name: str
    store: str
    experiment: str
    started: int
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)
    parent: str | None = None
    every: int | str = "auto"
    points: int | None = None
    model: bool = False
    model_name: str = MODEL_NAME
    rows: list[list[Any]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    status: str | None = None
    ended: int | None = None


@dataclass(slots=True, eq=False)
class Sent:
    """What of a run or sweep is in MLflow.

    Args:
        run_id, experiment_id: of the run; None before it is created.
        doubtful: a creation was not answered, so that there may be a second run with this key.
        declared: parameters and data set are there.
        offset: bytes of the journal that were sent.
        stride: steps between two batch losses.
        series: by metric, the number of its rows up to the offset.
        held: by metric, the last row where it was left out: [step, ms, value].
        files: SHA-256 of the files, by name.
        model_asked, model_ready: whether the model may be there, and whether it is.
        summary: SHA-256 of the tags and metrics of the end.
        status, ended: as the run has them in MLflow; None while it is running.
        facts: hash of the facts that were delivered.
        refused: what the store refuses for good, with the reason.
        done: nothing is missing but what is refused.
    """

    run_id: str | None = None
    experiment_id: str | None = None
    doubtful: bool = False
    declared: bool = False
    offset: int = 0
    stride: int | None = None
    series: dict[str, int] = field(default_factory=dict)
    held: dict[str, list[Any]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    model_asked: bool = False
    model_ready: bool = False
    summary: str = ""
    status: str | None = None
    ended: int | None = None
    facts: str = ""
    refused: dict[str, str] = field(default_factory=dict)
    done: bool = False


def read_facts(directory: Path) -> Facts | None:
    """What is to be recorded of what lies in a folder; None where nothing is.

    Raises RecordError, naming file and entry, for a file that cannot be read.
    """
    path = directory / FACTS
    if not path.exists():
        return None
    facts = read_record(path, Facts, newest=FORMAT)
    for i, row in enumerate(facts.rows):
        typed(row, tuple[str, int, int, float], f"{str(path)!r}: rows[{i}]")
    return facts


def read_sent(directory: Path) -> Sent | None:
    """What was sent of it; None where nobody can say, in which case MLflow has to be asked."""
    path = directory / SENT
    try:
        sent = read_record(path, Sent, newest=FORMAT)
        for name, row in sent.held.items():
            typed(row, tuple[int, int, float], f"{str(path)!r}: held[{name!r}]")
    except RecordError:
        return None
    return sent


def write_facts(facts: Facts, directory: Path) -> None:
    """Write tracked.json atomically, and to the disk: the key has to be there before the run is created."""
    _write(directory / FACTS, facts, durable=True)


def write_sent(sent: Sent, directory: Path) -> None:
    """Write delivery.json atomically."""
    _write(directory / SENT, sent, durable=False)


def model_name(run_name: str) -> str:
    """The name of a run as one of its model, which stands in its address: without what MLflow or a shell takes apart.

    A decimal point becomes a comma, which a name of a model cannot hold: lr=0.3 seed=1 is lr=0,3_seed=1.
    """
    return re.sub(r"[^\w=,+-]+", "_", run_name.replace(".", ",")).strip("_-+,=")[:100] or MODEL_NAME


def digest(facts: Facts) -> str:
    """A hash of the facts, which tells whether they were added to."""
    return hashlib.sha256(json.dumps(asdict(facts), sort_keys=True, default=str).encode()).hexdigest()


def _write(path: Path, record: Facts | Sent, *, durable: bool) -> None:
    content = json.dumps({"format": FORMAT, **asdict(record)}, default=str, allow_nan=False)
    write_whole(path, content, durable=durable)


def sweep_of(directory: Path) -> Path | None:
    """The folder of the sweep that holds this one; None where no folder above is one that is recorded."""
    for folder in directory.parents:
        with suppress(BpexpError):
            facts = read_facts(folder)
            if facts is not None:
                return folder if facts.kind == "sweep" else None
    return None


def pending(directory: Path) -> bool:
    """Whether something of this folder is to be delivered; raises TrackingError where its tracked.json is broken."""
    facts, sent = read_facts(directory), read_sent(directory)
    return facts is not None and not (sent is not None and sent.done and sent.facts == digest(facts))
