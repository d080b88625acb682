"""Earlier sweeps that hold runs of a study: what they showed could be known when its claims were declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bpexp.errors import RecordError, TrackingError
from bpexp.files.plain_json import MOST_BYTES
from bpexp.files.regular import read_text
from bpexp.study.declaration import STUDY_FILE, STUDY_TAG, Record, claims_of, read_record
from bpexp.tracking.query import RecordedRun, artifact_text, runs_with
from bpexp.tracking.store import Store

NEWEST = 200
"""Largest number of recorded sweeps that are looked at, the newest."""

GOOD = ("finished", "stopped", "pruned", "diverged")
"""Ends of a run that show something."""


def earlier_sweeps(content: Mapping[str, Any], store: Store | None, directory: Path) -> list[dict[str, Any]]:
    """The recorded sweeps that hold some of the jobs of a declaration, the newest first.

    A sweep is looked for in all experiments of the store, also if it was deleted there, and in the folders beside
    `directory` and below `multirun`. Each has the name of its study, its time, the number of common runs, and the
    hashes of its claims.
    """
    jobs = set(content["jobs"])
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for record in (*_in_store(store), *_in_folders(directory)):
        common = len(jobs & set(record.content.get("jobs", ())))
        if common:
            about = {"study": record.content.get("name"), "declared_at": record.at, "runs": common}
            found[record.sha256, record.at] = {**about, "claims": claims_of(record.content)}
    return sorted(found.values(), key=lambda sweep: str(sweep["declared_at"]), reverse=True)


def _in_store(store: Store | None) -> Iterator[Record]:
    try:
        sweeps = runs_with(store, STUDY_TAG, NEWEST) if store else []
    except Exception:  # a failing store must not prevent a study
        sweeps = []
    for sweep in sweeps:
        assert store is not None
        try:
            if _shows(sweep):
                yield read_record(artifact_text(store, sweep.run_id, STUDY_FILE))
        except TrackingError:  # recorded by an earlier version, or still without its declaration
            continue


def _shows(sweep: RecordedRun) -> bool:
    """Whether a sweep has a run that ended well; True of one that is running, or died before it could count."""
    counted = any(name.startswith("jobs/") for name in sweep.metrics)
    return not counted or any(sweep.metrics.get(f"jobs/{status}") for status in GOOD)


def _in_folders(directory: Path) -> Iterator[Record]:
    beside = [*directory.parent.glob(f"*/{STUDY_FILE}"), *Path("multirun").glob(f"*/*/{STUDY_FILE}")]
    for file in beside:
        try:
            if file.parent.absolute() != directory.absolute() and any(file.parent.rglob("result.json")):
                yield read_record(read_text(file, MOST_BYTES, error=RecordError), repr(str(file)))
        except (RecordError, OSError):  # damaged, or a folder that may not be read
            continue
