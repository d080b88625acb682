"""What is known of a recorded declaration: whether its record is whole, and older than the first run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bpexp.errors import RecordError
from bpexp.files.plain_json import parse_json
from bpexp.study.declaration import DIGITS, STUDY_FILE, Record, claims_of, digest, moment, read_record

BROKEN = (ValueError, TypeError, KeyError, AttributeError)
"""What reading a truncated or foreign file raises."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known of a declaration: content, SHA-256, time in UTC, the hashes of its claims, and what is wrong.

    `content` is None where nothing can be read. `claims` is None where no hash can be relied on: then nothing shows
    that any claim stood before the results. `where` says in words where the record is kept; `parent` is the id of the
    parent run, as study.json states it.
    """

    content: Mapping[str, Any] | None = None
    sha256: str = ""
    at: str = ""
    claims: Sequence[str] | None = None
    where: str = ""
    parent: str | None = None
    problems: list[str] = field(default_factory=list)


def weigh(text: str | None, params: Mapping[str, str] | None, first_run: str | None = None) -> Evidence:
    """Hold study.json to its own hash, to the one that the parent run keeps, and to the start of the first run.

    Args:
        text: the content of study.json; None where there is none.
        params: the parameters of the parent run, which nobody can change in MLflow; None without such a run.
        first_run: the start of the first run, in UTC as ISO 8601; None where it is not known.
    """
    record = _readable(text)
    if params is not None and "declaration.sha256" in params:
        found = _beside(record, params)
    else:
        found = _alone(record, text)
        if params is not None and record is not None:
            found.problems.append("the parent run in MLflow holds no hash of the declaration")
    if first_run and found.at > first_run:
        late = f"the declaration was recorded at {moment(found.at)}, after the first run began, at {moment(first_run)}"
        return replace(found, claims=None, problems=[*found.problems, late])
    return found


def _readable(text: str | None) -> Record | None:
    try:
        return read_record(text or "")
    except RecordError:
        return None


def _alone(record: Record | None, text: str | None) -> Evidence:
    """The evidence of study.json by itself: whoever changes it can change its hash too."""
    if record is None:
        return Evidence(_unhashed(text), problems=["there is no record of what was declared before the first run"])
    claims = claims_of(record.content) if record.whole else None
    where = "in study.json alone; a copy of the hash elsewhere would prove more"
    return Evidence(record.content, record.sha256, record.at, claims, where, record.parent, _edited(record))


def _beside(record: Record | None, params: Mapping[str, str]) -> Evidence:
    """The evidence of study.json and the parent run, which counts where they disagree."""
    sha256, claims = params["declaration.sha256"], params.get("declaration.claims", "").split()
    told = ["study.json cannot be read"] if record is None else _edited(record)
    if record is not None and sha256 != record.sha256:
        told.append(
            "study.json is not the declaration that the parent run recorded: its SHA-256 is "
            f"{record.sha256[:DIGITS]}, that of the parent run {sha256[:DIGITS]}"
        )
    content, where = record.content if record else None, "on the parent run in MLflow and in study.json"
    parent = record.parent if record else None
    return Evidence(content, sha256, params.get("declaration.at", ""), claims, where, parent, told)


def _edited(record: Record) -> list[str]:
    if record.whole:
        return []
    return [
        f"study.json was changed after it was recorded: it states the SHA-256 {record.sha256[:DIGITS]}, but its "
        f"content has {digest(record.content)[:DIGITS]}"
    ]


def _unhashed(text: str | None) -> Mapping[str, Any] | None:
    """The declaration in a file that states no hash, as earlier versions wrote it."""
    try:
        found = parse_json(text or "", STUDY_FILE, error=RecordError)
        return found if isinstance(found, dict) and isinstance(found.get("study"), dict) else None
    except RecordError:
        return None
