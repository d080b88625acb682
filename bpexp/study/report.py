"""The report of a study: page, table and note, written to a folder and put on the parent run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bpexp.study.analysis import Analysis, RunRecord, analyse
from bpexp.study.charts import charts, label
from bpexp.study.claim_list import answer
from bpexp.study.design import Study
from bpexp.study.page import page
from bpexp.study.standing import Standings

REPORT, SUMMARY = "report.html", "summary.csv"


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The analysis, how its claims stand to the results, the files, and the same in Markdown for MLflow."""

    analysis: Analysis
    standings: Standings
    files: list[Path]
    note: str


def write_report(
    study: Study, runs: Sequence[RunRecord], folder: Path, facts: Sequence[str], standings: Standings
) -> Report:
    """Analyse the runs and write report.html and summary.csv to `folder`."""
    analysis = analyse(study, runs)
    files = {
        REPORT: page(analysis, charts(analysis, runs), facts, standings),
        SUMMARY: analysis.frame.to_csv(index=False),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Report(analysis, standings, [folder / name for name in files], note(analysis, standings))


def note(analysis: Analysis, standings: Standings) -> str:
    """Claims and arms as Markdown."""
    study = analysis.study
    lines = [f"**{_plain(study.title)}**", "", _plain(study.question), ""]
    lines += [f"- {_plain(problem)}" for problem in standings.evidence.problems]
    for verdict in analysis.verdicts:
        told = f"{verdict.interval}; {verdict.note}; {standings.of(verdict.claim).told}"
        lines.append(f"- **{answer(verdict, standings)}**: {_plain(verdict.claim.text)} ({_plain(told)})")
    lines += [f"- note: {_plain(problem)}" for problem in [*standings.changes, *analysis.problems]]
    measures = [measure.text for measure in study.measures]
    head = ["arm", *([f"best {study.tuned}"] if study.tuned else []), *measures, "seeds"]
    lines += ["", _row(head), _row(["---"] * len(head))]
    for arm in analysis.best:
        tuned = [str(arm.tuned_to)] if study.tuned else []
        lines.append(_row([label(arm.levels), *tuned, *(str(arm.intervals[m]) for m in measures), str(arm.runs)]))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in cells) + " |"


def _plain(text: str) -> str:
    """One line without angle brackets, which Markdown would take for HTML."""
    return " ".join(text.split()).replace("<", "&lt;").replace(">", "&gt;")
