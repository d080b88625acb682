"""How numbers and arms of a study are written: in the page, the note and the terminal alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from bpexp.study.design import spelt
from bpexp.study.facets import spelled_arm
from bpexp.study.measures import Measure
from bpexp.study.statistics import Interval
from bpexp.study.verdicts import Verdict

LARGEST = 300
"""Decimal logarithms up to which the number itself is written too."""


def shown(interval: Interval, measure: Measure, runs: int | None = None, never: int = 0) -> str:
    """An interval; with the number itself for a logarithm, and with n where it is of fewer than `runs` runs.

    `never` of the runs did not reach what `epochs until` asks for; they count as one epoch more than were declared.
    """
    if never and never == interval.n:
        return "never"
    told = str(interval) + (f", {never} of {interval.n} never" if never else "")
    if measure.log and abs(interval.mean) < LARGEST:
        told += f" ({10**interval.mean:.3g})"
    return told + (f", n = {interval.n}" if runs is not None and 0 < interval.n < runs else "")


def told(verdict: Verdict) -> str:
    """What a verdict rests on: its interval, unless it is of a theorem, what qualifies it, and what would decide it."""
    if verdict.checked is not None:
        return verdict.note
    if verdict.interval.n == 0:
        return verdict.note
    seen = verdict.outlook
    interval = verdict.interval.inside(verdict.claim.bounds)
    return f"{shown(interval, verdict.claim.measure)}; {verdict.note}{f'; {seen.told}' if seen else ''}"


def label(levels: Mapping[str, Any] | None) -> str:
    """The name of an arm: its factors with their levels."""
    return spelled_arm({key: spelt(level) for key, level in (levels or {}).items()}) or "all runs"


def p_text(p: float) -> str:
    """A p-value, empty where there is none."""
    return "" if math.isnan(p) else f"{p:.2g}"
