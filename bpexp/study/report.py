"""The report of a study: page, table and note, written to a folder and put on the parent run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bpexp.files.whole import write_whole
from bpexp.records.escaping import csv_table, markdown, markdown_row
from bpexp.study.analysis import Analysis, RunRecord, analyse
from bpexp.study.charts import charts
from bpexp.study.claim_list import answer
from bpexp.study.design import Study
from bpexp.study.looks import final_verdicts
from bpexp.study.origin import Origin
from bpexp.study.page import page
from bpexp.study.standing import Standings
from bpexp.study.words import label, shown, told

REPORT, SUMMARY = "report.html", "summary.csv"


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The analysis, how its claims stand to the results, the files, and the same in Markdown for MLflow.

    `unfinished` says that the sweep has not come to its end; it is empty if it has.
    """

    analysis: Analysis
    standings: Standings
    files: list[Path]
    note: str
    unfinished: str = ""


def write_report(study: Study, runs: Sequence[RunRecord], folder: Path, origin: Origin, standings: Standings) -> Report:
    """Analyse the runs and write report.html, summary.csv, and each chart with its numbers, to `folder`."""
    analysis = in_families(analyse(study, runs), standings)
    drawn = charts(analysis, runs)
    files = {
        REPORT: page(analysis, drawn, origin, standings),
        SUMMARY: csv_table([list(analysis.frame.columns), *analysis.frame.itertuples(index=False)]),
    }
    files |= {f"{chart.name}.svg": chart.svg.decode() for chart in drawn}
    files |= {chart.csv_name: chart.csv for chart in drawn if chart.csv}
    for name, text in files.items():
        write_whole(folder / name, text)
    written = [folder / name for name in files]
    return Report(analysis, standings, written, note(analysis, standings, origin), origin.unfinished)


def in_families(analysis: Analysis, standings: Standings) -> Analysis:
    """The analysis, with the recorded claims judged together and by themselves.

    Claims that were added later neither weaken nor strengthen them, and one that was dropped still counts. The others
    are judged together with all.
    """
    mine = [claim for claim in analysis.study.claims if standings.of(claim).recorded]
    first = iter(final_verdicts(replace(analysis.study, claims=mine), analysis.frame))
    told = [next(first) if standings.of(v.claim).recorded else v for v in analysis.verdicts]
    return replace(analysis, verdicts=told)


def note(analysis: Analysis, standings: Standings, origin: Origin | None = None) -> str:
    """Claims and arms as Markdown."""
    study = analysis.study
    lines = [f"**{markdown(study.title)}**", "", markdown(study.question), ""]
    broken = [origin.unfinished] if origin and origin.unfinished else []
    lines += [f"- {markdown(problem)}" for problem in [*broken, *standings.evidence.problems]]
    for verdict in analysis.verdicts:
        basis = f"{told(verdict)}; {standings.of(verdict.claim).told}"
        lines.append(f"- **{answer(verdict, standings)}**: {markdown(verdict.claim.text)} ({markdown(basis)})")
    lines += [f"- note: {markdown(problem)}" for problem in [*standings.changes, *analysis.problems]]
    head = ["arm", *([f"best {study.tuned}"] if study.tuned else []), *(m.text for m in study.measures), "seeds"]
    lines += ["", markdown_row(head), f"|{' --- |' * len(head)}"]
    for arm in analysis.best:
        cells = [shown(arm.intervals[m.text], m, arm.runs, arm.never.get(m.text, 0)) for m in study.measures]
        lines.append(markdown_row([label(arm.levels), *([arm.chosen] if study.tuned else []), *cells, str(arm.runs)]))
    return "\n".join([*lines, *_gap(analysis)])


def _gap(analysis: Analysis) -> list[str]:
    """The Shapley shares of the study's gap, as a table."""
    found = analysis.gap
    if found is None or found.whole is None:
        return []
    rows = [
        markdown_row([name, shown(one, found.gap.measure)])
        for name, one in [*found.parts, ("the whole gap", found.whole)]
    ]
    head = f"share of the gap in {found.gap.measure.text}"
    return [
        "",
        markdown_row(["from " + label(found.gap.start) + " to " + label(found.gap.end), head]),
        "| --- | --- |",
        *rows,
    ]
