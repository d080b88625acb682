"""The declaration of a study, written down and hashed before its first run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bpexp.records.provenance import provenance
from bpexp.records.schema import FORMAT, parse_record, typed
from bpexp.study.claims import Claim
from bpexp.study.design import Study, spelt
from bpexp.study.measures import Measure

STUDY_TAG, STUDY_FILE = "bpexp.study", "study.json"

NEWEST = 1
"""The format of study.json; the files of earlier versions state none, and are read."""

DIGITS = 16
"""Hexadecimal digits that are kept of the hash of a claim or a job; the declaration's own is kept whole."""

WITHOUT_EFFECT = ("tracking", "progress", "run_name", "task", "objective", "probe", "check", "limits")
"""Roots of the parameters that change neither the weights of a run nor what is measured at its evaluations."""

SAME_TRAINING = (*WITHOUT_EFFECT, "evaluation", "threads")
"""Roots of those that two looks at one training may differ in: how often it is evaluated, and the last bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """A declaration as it was recorded: its content, the SHA-256 of it, the time in UTC, and the parent run's id."""

    content: Mapping[str, Any]
    sha256: str
    at: str
    parent: str | None = None

    @property
    def whole(self) -> bool:
        """Whether the content is still the one that was hashed."""
        return digest(self.content) == self.sha256

    def text(self) -> str:
        """The record as JSON."""
        about = {FORMAT: NEWEST, "sha256": self.sha256, "declared_at": self.at, "parent": self.parent}
        return json.dumps({**about, "declaration": self.content}, indent=1, ensure_ascii=False) + "\n"

    def params(self) -> dict[str, str]:
        """What the parent run keeps as parameters, which MLflow lets nobody change."""
        return {
            "declaration.sha256": self.sha256,
            "declaration.at": self.at,
            "declaration.claims": " ".join(claims_of(self.content)),
        }


def declaration(
    study: Study,
    node: Mapping[str, Any],
    jobs: Sequence[Mapping[str, Any]],
    data: Sequence[str],
    overrides: Sequence[str] = (),
) -> dict[str, Any]:
    """Everything that decides what a study answers.

    Args:
        study: the study, with the levels and seeds of the command line.
        node: its declaration as composed.
        jobs: the parameters of every job.
        data: name and digest of each data set.
        overrides: what the command line set beside levels and seeds, such as epochs=1.
    """
    facts = provenance(Path.cwd())
    code = {key: facts[key] for key in ("bpexp", "git_commit", "git_dirty", "numpy") if key in facts}
    content = {
        "name": study.name,
        "study": dict(node),
        "said": levels_and_seeds(study),
        "config": shared(jobs),
        "data": list(data),
        "overrides": list(overrides),
        "jobs": [job_digest(job) for job in jobs],
        "claims": [claim_digest(claim) for claim in study.claims],
        "code": code,
    }
    return dict(json.loads(json.dumps(content, default=str)))


def record(content: Mapping[str, Any], parent: str | None) -> Record:
    """The record of a declaration, made now."""
    return Record(content, digest(content), datetime.now(UTC).isoformat(timespec="seconds"), parent)


@dataclass(frozen=True, slots=True)
class _Written:
    """The fields of study.json."""

    sha256: str
    declared_at: str
    declaration: dict[str, Any]
    parent: str | None = None


CONTENT: dict[str, Any] = {
    "name": str,
    "study": dict[str, Any],
    "said": dict[str, list[str]],
    "config": dict[str, Any],
    "data": list[str],
    "overrides": list[str],
    "jobs": list[str],
    "claims": list[str],
    "code": dict[str, str],
    "earlier": list[dict[str, Any]],
}
"""The types of what a declaration holds; those of earlier versions hold less."""


def read_record(text: str, where: str = STUDY_FILE) -> Record:
    """A record from its JSON; raises RecordError, which begins with `where`, for a text that is none."""
    found = parse_record(text, _Written, where, newest=NEWEST)
    for key, hint in CONTENT.items():
        if key in found.declaration:
            typed(found.declaration[key], hint, f"{where}: declaration.{key}")
    return Record(found.declaration, found.sha256, found.declared_at, found.parent)


def moment(at: str) -> str:
    """A time of a record in words, such as 2026-11-27 05:33:22 UTC."""
    return at.replace("T", " ").replace("+00:00", " UTC")


def levels_and_seeds(study: Study) -> dict[str, list[str]]:
    """The levels and seeds that run, which a command line may have narrowed."""
    factors = {key: [str(level) for level in levels] for key, levels in study.swept.items()}
    return {**factors, "seed": [str(seed) for seed in study.seeds]}


def shared(jobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The parameters that have one value in all jobs, without those that have no effect on a result."""
    first = _without(jobs[0], WITHOUT_EFFECT) if jobs else {}
    return {key: value for key, value in first.items() if all(key in job and job[key] == value for job in jobs)}


def job_digest(params: Mapping[str, Any]) -> str:
    """The hash of what decides the training of one run, by which a run of another sweep is known to be the same."""
    return digest(_without(params, SAME_TRAINING))[:DIGITS]


def _without(params: Mapping[str, Any], roots: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key.partition(".")[0] not in roots}


def claim_digest(claim: Claim) -> str:
    """The hash of a claim: of its text and of everything that decides it.

    A number counts by its value, however it is spelt; a field with its default counts as left out.
    """
    given = {f.name: _plain(getattr(claim, f.name)) for f in fields(claim) if not _default(f, getattr(claim, f.name))}
    return digest(given)[:DIGITS]


def claims_of(content: Mapping[str, Any]) -> list[str]:
    """The hashes of the claims of a recorded declaration."""
    return [str(found) for found in content.get("claims", [])]


def canonical(content: Any) -> str:
    """Plain data as JSON with sorted keys and without spaces: equal data give equal text."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def digest(content: Any) -> str:
    """SHA-256 of the canonical text."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def _default(declared: Field[Any], value: Any) -> bool:
    return declared.default is not MISSING and bool(value == declared.default)


def _plain(value: Any) -> Any:
    if isinstance(value, Measure):
        return value.text
    if isinstance(value, Mapping):
        return {str(key): spelt(level) for key, level in value.items()}
    return spelt(value)
