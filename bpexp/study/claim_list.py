"""The claims in the report of a study: those that were declared before the results, the others, and theorems."""

from __future__ import annotations

from collections.abc import Sequence

from bpexp.records.escaping import html
from bpexp.study import bars
from bpexp.study.analysis import Analysis
from bpexp.study.declaration import DIGITS, moment
from bpexp.study.evidence import Evidence
from bpexp.study.looks import looks_line
from bpexp.study.parts import items, note
from bpexp.study.standing import Standings
from bpexp.study.statistics import LEVEL, MINIMUM, Interval
from bpexp.study.verdicts import Verdict
from bpexp.study.words import label, shown

STYLE = """
ol.claims { list-style: none; padding: 0; }
ol.claims li { background: var(--tint); border-left: .35rem solid var(--soft); padding: .6rem .9rem; margin: .5rem 0; }
ol.claims li.supported, ol.claims li.holds { border-color: var(--green); }
ol.claims li.refuted, ol.claims li.violated { border-color: var(--vermilion); }
ol.claims.later li { background: none; border: 1px dashed var(--soft); border-left: .35rem dashed var(--soft); }
ol.claims.later b.answer { color: var(--soft); }
ol.claims .note { color: var(--soft); font-size: .85rem; }
b.answer { text-transform: uppercase; letter-spacing: .04em; font-size: .85rem; }
ul.doubts { border-left: .35rem solid var(--vermilion); padding: .4rem 1.6rem; background: var(--tint); }
@media print { ol.claims li { padding: .3rem .6rem; } ol.claims .note, b.answer { font-size: 10px; } }
"""

LATER = (
    "Post hoc: the results could be known when these were written. They describe these runs, and are no test; run the "
    "study with other seeds to test them."
)
UNPROVEN = "No record shows that these were declared before the results."
ROUGH = (
    "The seeds that would decide an inconclusive claim are a rough figure, since mean and scatter are known from few. "
    "Simulated with five seeds and a true effect of half a standard deviation, for which 34 seeds are right: of the "
    "undecided studies, eight in ten name 11 to 830, and 72 % are decided by as many new seeds as they name."
)
THEOREMS = "They follow from mathematics; where one is violated, the code or the proof has a fault."


def claims_html(analysis: Analysis, standings: Standings) -> str:
    """The part of the report with the record of the declaration, and every claim with its verdict and standing."""
    tested = [v for v in analysis.verdicts if v.checked is None]
    first = [v for v in tested if standings.of(v.claim).before]
    later = [v for v in tested if not standings.of(v.claim).before]
    proven = [v for v in analysis.verdicts if v.checked is not None]
    unproven = standings.evidence.claims is None
    other = "Claims without a record" if unproven else "Claims added or changed after the results"
    narrowed = [f"set on the command line: {line}" for line in standings.narrowing]
    parts = [
        items(standings.evidence.problems, "doubts"),
        _part("Claims declared before the results", record_line(standings.evidence), analysis, first, standings),
        note(_together(first)) if first else "",
        note(ROUGH) if any(verdict.outlook for verdict in first) else "",
        note(looks_line(analysis.study, analysis.frame, first)) if first and analysis.study.stages else "",
        items(narrowed),
        _part(other, UNPROVEN if unproven else LATER, analysis, later, standings, "claims later"),
        _part("Theorems, checked in every run", THEOREMS, analysis, proven, standings),
        note("What has changed in the declaration since the results:") if standings.changes else "",
        items(standings.changes),
    ]
    return "".join(parts)


def record_line(found: Evidence) -> str:
    """When the declaration was recorded, where, and its hash."""
    return f"Recorded before the first run: {moment(found.at)}, SHA-256 {found.sha256[:DIGITS]}, {found.where}."


def answer(verdict: Verdict, standings: Standings) -> str:
    """The verdict in a word or two: `post hoc` stands before one on a claim that is not known to be older."""
    older = standings.of(verdict.claim).before or verdict.checked is not None
    return verdict.answer if older else f"post hoc, {verdict.answer}"


def _together(verdicts: Sequence[Verdict]) -> str:
    """What the verdicts on these claims promise."""
    n, looks = (max(getattr(verdict, name) for verdict in verdicts) for name in ("family", "looks"))
    told = "The verdict is false in at most 5 of 100 studies."
    if n > 1 or looks > 1:
        over = [f"all {n} claims"] * (n > 1) + [f"all {looks} looks"] * (looks > 1)
        told = (
            f"The verdicts hold for {' and '.join(over)} together: by two-sided tests and Holm's method"
            f"{', each look at its share of 5 %,' if looks > 1 else ','} any of them is false in at most 5 of 100 "
            "studies. Each interval is the one at which its claim is decided."
        )
    return f"{told} Fewer than {MINIMUM} seeds decide nothing."


def _part(
    title: str,
    about: str,
    analysis: Analysis,
    verdicts: Sequence[Verdict],
    standings: Standings,
    kind: str = "claims",
) -> str:
    """A heading, a note and the claims below it; empty without claims."""
    if not verdicts:
        return ""
    told = "".join(_item(analysis, verdict, standings) for verdict in verdicts)
    return f'<h2>{html(title)}</h2>{note(about)}<ol class="{kind}">{told}</ol>'


def _item(analysis: Analysis, verdict: Verdict, standings: Standings) -> str:
    seen = verdict.outlook
    told = [_basis(analysis, verdict), *([seen.told] if seen else []), standings.of(verdict.claim).told]
    lines = "".join(f'<div class="note">{html(line)}</div>' for line in told)
    head = f'<b class="answer">{answer(verdict, standings)}</b> {html(verdict.claim.text)}'
    return f'<li class="{verdict.answer}">{head}{_picture(verdict)}{lines}</li>'


def _picture(verdict: Verdict) -> str:
    """The interval that decides; of a theorem, the mean over all runs between the smallest value and the largest."""
    interval = verdict.interval.inside(verdict.claim.bounds)
    if verdict.checked is not None and len(values := verdict.checked.values):
        interval = Interval(float(values.mean()), float(values.min()), float(values.max()), len(values))
    return bars.bar(verdict.claim, interval)


def _basis(analysis: Analysis, verdict: Verdict) -> str:
    """The statistic of a claim, its interval and what qualifies it."""
    claim = verdict.claim
    against = f" minus {label(claim.against)}" if claim.against else ""
    if verdict.checked is not None:
        return f"{claim.measure.text} of {label(claim.of)}{against}: {verdict.note}"
    best = " at its own best level" if claim.at == "best" and analysis.study.tuned else ""
    what = f"{claim.measure.text} of {label(claim.of)}{against}{best}"
    if verdict.interval.n == 0:
        return f"{what}: {verdict.note}"
    usual = verdict.interval.level == LEVEL or verdict.interval.n < 2  # of one run there is no interval
    level = "" if usual else f"{100 * verdict.interval.level:.3g} % interval, "
    interval = shown(verdict.interval.inside(claim.bounds), claim.measure)
    return f"{what}: {interval} ({level}{verdict.note})"
