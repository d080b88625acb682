"""The report of a study as one HTML file, for light and dark screens and for paper; no script, nothing fetched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bpexp.records.escaping import html
from bpexp.study import bars, sections
from bpexp.study.analysis import Analysis
from bpexp.study.charts import Chart
from bpexp.study.claim_list import STYLE as CLAIMS
from bpexp.study.claim_list import answer, claims_html
from bpexp.study.origin import Origin, origin_html
from bpexp.study.parts import document, figure
from bpexp.study.standing import Standings


def page(analysis: Analysis, charts: Sequence[Chart], origin: Origin, standings: Standings) -> str:
    """The whole report as HTML. All text from outside is escaped; `standings` say which claims stood before."""
    study = analysis.study
    best = f"each at its own best {study.tuned}" if study.tuned else "as declared"
    parts = [
        f"<h1>{html(study.title)}</h1>",
        f'<p class="question">{html(study.question)}</p>',
        f"<p><b>{html(glance(analysis, standings))}</b></p>",
        sections.problems([*filter(None, [origin.unfinished]), *analysis.problems]),
        claims_html(analysis, standings),
        f"<h2>Arms, {html(best)}</h2>",
        sections.arms(analysis, analysis.best),
        sections.arms_note(analysis),
        "<h2>Figures</h2>" if charts else "",
        *(figure(chart.caption, chart.svg, chart.csv, chart.csv_name) for chart in charts),
        sections.comparison(analysis),
        sections.gap(analysis),
        sections.shares(analysis),
        f"<h2>Every level of {html(str(study.tuned))}</h2>" if analysis.equal else "",
        sections.arms(analysis, analysis.equal) if analysis.equal else "",
        origin_html(origin, analysis.frame),
    ]
    return document(study.title, parts, bars.STYLE + CLAIMS)


def glance(analysis: Analysis, standings: Standings) -> str:
    """The study in a line: how many claims have which verdict, of how many arms, seeds and runs."""
    found = Counter(answer(verdict, standings) for verdict in analysis.verdicts)
    claims = ", ".join(f"{count} {'hold' if word == 'holds' else word}" for word, count in found.most_common())
    told = [f"{_counted(len(analysis.verdicts), 'claim')}: {claims}"] if found else []
    size = [
        _counted(count, what)
        for count, what in (
            (len(analysis.best), "arm"),
            (analysis.frame["seed"].nunique(), "seed"),
            (len(analysis.frame), "run"),
        )
    ]
    return ". ".join([*told, ", ".join(size)]) + "."


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
