"""The report of a study as one HTML file, for light and dark screens and for paper; no script, nothing fetched."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

from bpexp.figures.palette import BLUE, GREEN, ORANGE, VERMILION
from bpexp.study.analysis import Analysis, Arm
from bpexp.study.charts import label
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

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(analysis: Analysis, charts: Sequence[tuple[str, bytes]], facts: Sequence[str], standings: Standings) -> str:
    """The whole report as HTML. All text from outside is escaped.

    `charts` holds (caption, SVG); `facts` are lines on the origin of the report; `standings` say which claims stood
    before the results.
    """
    study = analysis.study
    best = f"each at its own best {study.tuned}" if study.tuned else "as declared"
    parts = [
        f"<h1>{escape(study.title)}</h1>",
        f'<p class="question">{escape(study.question)}</p>',
        _problems(analysis.problems),
        claims_html(analysis, standings),
        f"<h2>Arms, {escape(best)}</h2>",
        _arms(analysis, analysis.best),
        _chosen_note(analysis),
        *(_figure(caption, svg) for caption, svg in charts),
        "<h2>Differences from the best arm</h2>" if analysis.differences else "",
        _differences(analysis),
        "<h2>Share of the variance by factor</h2>" if analysis.shares else "",
        _shares(analysis),
        f"<h2>Every level of {escape(str(study.tuned))}</h2>" if analysis.equal else "",
        _arms(analysis, analysis.equal) if analysis.equal else "",
        "<h2>Provenance</h2>",
        "<ul>" + "".join(f"<li>{escape(fact)}</li>" for fact in facts) + "</ul>",
    ]
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(study.title)}</title><style>{COLOURS}{STYLE}{CLAIMS}</style>"
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body>' + "\n".join(parts) + "</body></html>\n"


def _problems(problems: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(problem)}</li>" for problem in problems)
    return f'<ul class="problems">{items}</ul>' if items else ""


def _arms(analysis: Analysis, arms: Sequence[Arm]) -> str:
    factors = list(arms[0].levels) if arms else []
    measures = [measure.text for measure in analysis.study.measures]
    tuned = analysis.study.tuned if any(arm.tuned_to for arm in arms) else None
    head = ["rank", *factors, *([f"best {tuned}"] if tuned else []), *measures, "seeds", "excluded"]
    rows = []
    for place, arm in enumerate(arms, start=1):
        chosen = [str(arm.tuned_to or "")] if tuned else []
        cells = [str(arm.intervals[m]) for m in measures]
        rows.append([str(place), *arm.levels.values(), *chosen, *cells, str(arm.runs), str(arm.missing)])
    return _table(head, rows)


def _chosen_note(analysis: Analysis) -> str:
    note = "Mean and Student's 95 % interval over seeds. Excluded: runs that failed, diverged or were killed."
    if analysis.study.tuned:
        by = analysis.study.tuned_by.text
        note += f" The level of {analysis.study.tuned} is chosen by the mean of {by}, never by the test part."
    return f'<p class="note">{escape(note)}</p>'


def _differences(analysis: Analysis) -> str:
    if not analysis.differences:
        return ""
    name = analysis.study.measures[0].text
    rows = [[label(d.second), str(d.interval), _p(d.p), _p(d.p_adjusted)] for d in analysis.differences]
    best = label(analysis.differences[0].first)
    note = (
        f"{name} of {best} minus that of the arm, paired by seed: mean and bootstrap 95 % interval (BCa); p of a "
        "paired t-test, and p corrected by Holm's method. With five seeds a bootstrap interval contains the true "
        "difference in about 84 of 100 studies, not 95 (simulated); Student's, which decides the claims, in 95."
    )
    return _table(["arm", "difference", "p", "p, corrected"], rows) + f'<p class="note">{escape(note)}</p>'


def _p(value: float) -> str:
    return "" if value != value else f"{value:.2g}"


def _shares(analysis: Analysis) -> str:
    rows = sorted(analysis.shares.items(), key=lambda item: -item[1])
    cells = "".join(
        f"<tr><td>{escape(term)}</td><td>{share:.1%}</td>"
        f'<td><span class="bar" style="width:{12 * max(share, 0):.2f}rem"></span></td></tr>'
        for term, share in rows
    )
    measure = analysis.study.measures[0].text
    note = f"Analysis of variance of {measure} over the runs above, type II: shares of the sum of squares."
    return f'<table>{cells}</table><p class="note">{escape(note)}</p>' if cells else ""


def _figure(caption: str, svg: bytes) -> str:
    data = base64.b64encode(svg).decode()
    text = escape(caption)
    return f'<figure><img alt="{text}" src="data:image/svg+xml;base64,{data}"><figcaption>{text}</figcaption></figure>'


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    def row(tag: str, cells: Iterable[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(row("td", cells) for cells in rows)
    return f'<div class="scroll"><table><thead>{row("th", head)}</thead><tbody>{body}</tbody></table></div>'
