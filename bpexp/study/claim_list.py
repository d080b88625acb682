"""The claims in the report of a study: those that were declared before the results, and apart from them the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from bpexp.study.analysis import Analysis, Verdict
from bpexp.study.charts import label
from bpexp.study.declaration import DIGITS, moment
from bpexp.study.design import spelt
from bpexp.study.evidence import Evidence
from bpexp.study.standing import Standings

STYLE = """
ol.claims { list-style: none; padding: 0; }
ol.claims li { background: var(--tint); border-left: .35rem solid var(--soft); padding: .6rem .9rem; margin: .5rem 0; }
ol.claims li.supported { border-color: var(--green); }
ol.claims li.refuted { border-color: var(--vermilion); }
ol.claims.later li { background: none; border: 1px dashed var(--soft); border-left: .35rem dashed var(--soft); }
ol.claims.later b.answer { color: var(--soft); }
ol.claims .note { color: var(--soft); font-size: .9rem; }
b.answer { text-transform: uppercase; letter-spacing: .04em; font-size: .85rem; }
ul.doubts { border-left: .35rem solid var(--vermilion); padding: .4rem 1.6rem; background: var(--tint); }
"""

LATER = (
    "Post hoc: the results could be known when these were written. They describe these runs, and are no test; run the "
    "study with other seeds to test them."
)
UNPROVEN = "No record shows that these were declared before the results."


def claims_html(analysis: Analysis, standings: Standings) -> str:
    """The part of the report with the record of the declaration, and every claim with its verdict and standing."""
    first = [v for v in analysis.verdicts if standings.of(v.claim).before]
    later = [v for v in analysis.verdicts if not standings.of(v.claim).before]
    unproven = standings.evidence.claims is None
    return "".join(
        [
            _list("doubts", standings.evidence.problems),
            "<h2>Claims declared before the results</h2>" if first else "",
            f'<p class="note">{escape(record_line(standings.evidence))}</p>' if first else "",
            _list("note", [f"narrowed on the command line: {line}" for line in standings.narrowing]),
            _items(analysis, first, standings, "claims"),
            f"<h2>Claims {'without a record' if unproven else 'added or changed after the results'}</h2>"
            if later
            else "",
            f'<p class="note">{UNPROVEN if unproven else LATER}</p>' if later else "",
            _items(analysis, later, standings, "claims later"),
            '<p class="note">What has changed in the declaration since the results:</p>' if standings.changes else "",
            _list("note", standings.changes),
        ]
    )


def record_line(found: Evidence) -> str:
    """When the declaration was recorded, where, and its hash."""
    return f"Recorded before the first run: {moment(found.at)}, SHA-256 {found.sha256[:DIGITS]}, {found.where}."


def answer(verdict: Verdict, standings: Standings) -> str:
    """The verdict in a word or two: `post hoc` stands before one on a claim that is not known to be older."""
    return verdict.answer if standings.of(verdict.claim).before else f"post hoc, {verdict.answer}"


def _items(analysis: Analysis, verdicts: Sequence[Verdict], standings: Standings, kind: str) -> str:
    items = "".join(_item(analysis, verdict, standings) for verdict in verdicts)
    return f'<ol class="{kind}">{items}</ol>' if items else ""


def _item(analysis: Analysis, verdict: Verdict, standings: Standings) -> str:
    claim = verdict.claim
    against = f" minus {escape(label(_texts(claim.against)))}" if claim.against else ""
    level = " at its own best level" if claim.at == "best" and analysis.study.tuned else ""
    told = (
        f"{escape(claim.measure.text)} of {escape(label(_texts(claim.of)))}{against}{level}: "
        f"{escape(str(verdict.interval))} ({escape(verdict.note)})"
    )
    return (
        f'<li class="{verdict.answer}"><b class="answer">{answer(verdict, standings)}</b> {escape(claim.text)}'
        f'<br><span class="note">{told}</span>'
        f'<br><span class="note">{escape(standings.of(claim).told)}</span></li>'
    )


def _texts(levels: Mapping[str, object] | None) -> dict[str, str]:
    return {str(key): spelt(value) for key, value in dict(levels or {}).items()}


def _list(kind: str, lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="{kind}">{items}</ul>' if items else ""
