"""How each claim stands to the results: declared before the first run, or added or changed when they were known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from bpexp.study.claims import Claim
from bpexp.study.declaration import claim_digest, moment
from bpexp.study.design import Study, spelt
from bpexp.study.evidence import Evidence

Kind = Literal["declared", "dropped", "seen", "changed", "added", "unproven"]
"""`dropped`: declared, and asked no longer. `seen`: an earlier sweep of the same runs had shown what they give.
`unproven`: no record shows when it was declared."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a claim stands to the results, in one word and in a sentence."""

    kind: Kind
    told: str

    @property
    def before(self) -> bool:
        """Whether the claim was declared when no result of its runs could be known."""
        return self.kind in ("declared", "dropped")

    @property
    def recorded(self) -> bool:
        """Whether the claim is one of the recorded declaration, whose claims are judged together."""
        return self.kind in ("declared", "dropped", "seen")


@dataclass(frozen=True, slots=True, eq=False)
class Standings:
    """The standing of every claim of a report, by its hash; what is known of the record, and what has changed since."""

    evidence: Evidence
    claims: Mapping[str, Standing]
    changes: Sequence[str] = field(default_factory=list)
    narrowing: Sequence[str] = field(default_factory=list)

    def of(self, claim: Claim) -> Standing:
        """The standing of a claim."""
        return self.claims[claim_digest(claim)]


def standings(
    found: Evidence, study: Study, today: Study | None, changes: Sequence[str] = (), narrowing: Sequence[str] = ()
) -> Standings:
    """The standing of every claim of `study`; `today` holds those that are asked today, None for the recorded ones."""
    hashes = {claim_digest(claim): claim for claim in study.claims}
    now = {claim_digest(claim) for claim in (today or study).claims}
    recorded = [claim for mine, claim in hashes.items() if mine in (found.claims or ())]
    gone = [claim for claim in recorded if claim_digest(claim) not in now]
    later = [claim for mine, claim in hashes.items() if mine not in (found.claims or ())]
    told = {claim_digest(claim): _recorded(claim, found, gone, later) for claim in recorded}
    told |= {claim_digest(claim): _later(claim, found, gone) for claim in later}
    return Standings(_with_losses(found, hashes), told, changes, narrowing)


def _with_losses(found: Evidence, known: Collection[str]) -> Evidence:
    """The evidence, with the declared claims of which nothing but the hash is left."""
    lost = [mine for mine in found.claims or () if mine not in known]
    if not lost:
        return found
    told = f"{len(lost)} of the {len(found.claims or ())} declared claims can no longer be read: {', '.join(lost)}"
    return replace(found, problems=[*found.problems, told])


def _recorded(claim: Claim, found: Evidence, gone: Sequence[Claim], later: Sequence[Claim]) -> Standing:
    mine, content = claim_digest(claim), found.content or {}
    for sweep in content.get("earlier", ()):
        if mine not in sweep.get("claims", ()):
            earlier = f"a sweep of {moment(str(sweep.get('declared_at')))} (study {sweep.get('study')})"
            common = f"{sweep.get('runs')} of the same {len(content.get('jobs', ()))} runs"
            told = f"declared {moment(found.at)}, after {earlier} with {common}, which did not declare it"
            return Standing("seen", told)
    if claim not in gone:
        return Standing("declared", f"declared before the results ({moment(found.at)}, claim {mine})")
    after = "changed after the results, see below" if _kin(claim, later) else "no longer asked"
    return Standing("dropped", f"declared before the results ({moment(found.at)}, claim {mine}); {after}")


def _later(claim: Claim, found: Evidence, gone: Sequence[Claim]) -> Standing:
    if found.claims is None:
        return Standing("unproven", "nothing shows that it was declared before the results")
    if (old := _kin(claim, gone)) is None:
        return Standing("added", "added after the results")
    return Standing("changed", f"changed after the results: {_difference(old, claim)}")


def _kin(claim: Claim, others: Sequence[Claim]) -> Claim | None:
    """The claim that this one was changed from, or to: one with its text, or one that differs in the text alone."""
    same_text = [other for other in others if other.text == claim.text]
    same_test = [other for other in others if _differing(other, claim) == ["text"]]
    return next(iter([*same_text, *same_test]), None)


def _differing(old: Claim, new: Claim) -> list[str]:
    return [f.name for f in fields(Claim) if _value(old, f.name) != _value(new, f.name)]


def _difference(old: Claim, new: Claim) -> str:
    return "; ".join(f"{name} was {_value(old, name)}, is {_value(new, name)}" for name in _differing(old, new))


def _value(claim: Claim, name: str) -> str:
    value: Any = getattr(claim, name)
    if value is None:
        return "absent"
    if name == "measure":
        return str(value.text)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={spelt(level)}" for key, level in sorted(value.items())) or "all runs"
    return repr(value) if name == "text" else spelt(value)
