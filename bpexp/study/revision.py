"""What has changed in a declaration since it was recorded, and the study that a report then answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bpexp.errors import ConfigError
from bpexp.study.declaration import claim_digest, digest
from bpexp.study.design import Study, declared, narrowed, spelt

SHOWN = ("title", "question", "measures", "curves", "by_depth", "heat_map", "across")
"""Keys of a study that decide what a report shows. The others decide its verdicts, which use those of the record."""


@dataclass(frozen=True, slots=True, eq=False)
class Today:
    """A declaration as it is composed today: the study, its node, and the parameters that all its jobs share."""

    study: Study
    node: Mapping[str, Any]
    config: Mapping[str, Any]


def asked(content: Mapping[str, Any], today: Today | None) -> tuple[Study, list[str]]:
    """The study that a report answers, and what these runs cannot answer, in words.

    It is the recorded one, so that nothing which decides a verdict can be changed afterwards, with every claim that was
    asked then or is asked today. What is only shown, such as the title, is that of today. Raises ConfigError where the
    record declares no study.
    """
    name, recorded = str(content["name"]), dict(content["study"])
    levels = content.get("said", {})
    study = declared(name, recorded)
    if today is None:
        return narrowed(study, levels), []
    claims, unanswered = list(recorded.get("claims") or []), []
    known = {claim_digest(claim) for claim in study.claims}
    for claim, given in zip(today.study.claims, today.node.get("claims") or [], strict=True):
        if claim_digest(claim) in known:
            continue
        try:
            declared(name, {**recorded, "claims": [given]})
        except ConfigError as error:
            unanswered.append(f"not answered, since these runs lack it: {error}")
        else:
            claims.append(given)
    shown = {key: today.node.get(key) for key in SHOWN if key in recorded or key in today.node}
    try:
        study = declared(name, {**recorded, **shown, "claims": claims})
    except ConfigError as error:
        unanswered.append(f"shown as it was recorded, since these runs lack it: {error}")
        study = declared(name, {**recorded, "claims": claims})
    return narrowed(study, levels), unanswered


def changes(content: Mapping[str, Any], today: Today | None) -> list[str]:
    """What differs between a recorded declaration and that of today beside the claims, one sentence each."""
    if today is None:
        return []
    recorded, found = content["study"], []
    for key in dict.fromkeys([*recorded, *today.node]):
        old, new = recorded.get(key), today.node.get(key)
        if key == "claims" or digest(old) == digest(new):
            continue
        used = "the report shows what it is now" if key in SHOWN else "the verdicts use what it was"
        found.append(f"study.{key} was {_short(old)} before the results, and is {_short(new)} now; {used}")
    then = content.get("config", {})
    found += [
        f"{key} is {_short(then[key])} in these runs, and {_short(today.config[key])} in the declaration now"
        for key in sorted(set(then) & set(today.config))
        if digest(then[key]) != digest(today.config[key])
    ]
    return found


def narrowing(content: Mapping[str, Any]) -> list[str]:
    """The factors and seeds of which the command line ran fewer, or others, than the study declares.

    What it set beside them, such as epochs=1, follows as it was typed.
    """
    study, said = declared(str(content["name"]), content["study"]), content.get("said", {})
    found = []
    for key, levels in study.grid().items():
        whole, ran = [spelt(level) for level in levels], [spelt(level) for level in said.get(key, levels)]
        if sorted(ran) != sorted(whole):
            found.append(f"{key}: {', '.join(ran)} in place of {', '.join(whole)}")
    return [*found, *map(str, content.get("overrides", ()))]


def _short(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
