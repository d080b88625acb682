"""The report of a study as one HTML file, for light and dark screens and for paper; no script, nothing fetched."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from bpexp.figures.palette import BLUE, GREEN, ORANGE, VERMILION
from bpexp.records.escaping import html
from bpexp.study import sections
from bpexp.study.analysis import Analysis
from bpexp.study.charts import Chart
from bpexp.study.claim_list import STYLE as CLAIMS
from bpexp.study.claim_list import claims_html
from bpexp.study.standing import Standings

COLOURS = f":root {{ --blue: {BLUE}; --green: {GREEN}; --vermilion: {VERMILION}; --orange: {ORANGE}; }}"
"""The palette of the figures, for the style sheet."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --soft: #5c5c5c; --line: #d8d8d8; --paper: #fff; --tint: #f5f5f2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e6; --soft: #a5a5a2; --line: #3c3c3c; --paper: #161616; --tint: #202020; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin-bottom: .3rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p.question, p.note, figcaption { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { white-space: normal; vertical-align: bottom; max-width: 11rem; }
figure { margin: 1rem 0; }
figure img { background: #fff; width: 100%; max-width: 50rem; border-radius: 4px; }
.bar { display: inline-block; height: .7rem; background: var(--blue); vertical-align: baseline; }
ul.problems { border-left: .35rem solid var(--orange); padding: .4rem 1.6rem; background: var(--tint); }
@media print { body { max-width: none; margin: 0; font-size: 11px; } figure, li, tr { break-inside: avoid; } }
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def page(analysis: Analysis, charts: Sequence[Chart], facts: Sequence[str], standings: Standings) -> str:
    """The whole report as HTML. All text from outside is escaped.

    `facts` are lines on the origin of the report; `standings` say which claims stood
    before the results.
    """
    study = analysis.study
    best = f"each at its own best {study.tuned}" if study.tuned else "as declared"
    parts = [
        f"<h1>{html(study.title)}</h1>",
        f'<p class="question">{html(study.question)}</p>',
        sections.problems(analysis),
        claims_html(analysis, standings),
        f"<h2>Arms, {html(best)}</h2>",
        sections.arms(analysis, analysis.best),
        sections.arms_note(analysis),
        *(_figure(chart) for chart in charts),
        sections.comparison(analysis),
        sections.gap(analysis),
        sections.shares(analysis),
        f"<h2>Every level of {html(str(study.tuned))}</h2>" if analysis.equal else "",
        sections.arms(analysis, analysis.equal) if analysis.equal else "",
        "<h2>Provenance</h2>",
        "<ul>" + "".join(f"<li>{html(fact)}</li>" for fact in facts) + "</ul>",
    ]
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html(study.title)}</title><style>{COLOURS}{STYLE}{CLAIMS}</style>"
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body>' + "\n".join(parts) + "</body></html>\n"


def _figure(chart: Chart) -> str:
    data = base64.b64encode(chart.svg).decode()
    text = html(chart.caption)
    return f'<figure><img alt="{text}" src="data:image/svg+xml;base64,{data}"><figcaption>{text}</figcaption></figure>'
