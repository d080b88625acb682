"""The report of a study: page, table and note, written to a folder and put on the parent run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bpexp.study.analysis import Analysis, RunRecord, analyse
from bpexp.study.charts import charts, label
from bpexp.study.design import Study
from bpexp.study.page import page

REPORT, SUMMARY = "report.html", "summary.csv"


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The analysis, the files that hold it, and the same in Markdown for MLflow's description."""

    analysis: Analysis
    files: list[Path]
    note: str


def write_report(study: Study, runs: Sequence[RunRecord], folder: Path, facts: Sequence[str]) -> Report:
    """Analyse the runs and write report.html and summary.csv to `folder`."""
    analysis = analyse(study, runs)
    files = {
        REPORT: page(analysis, charts(analysis, runs), facts),
        SUMMARY: analysis.frame.to_csv(index=False),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Report(analysis, [folder / name for name in files], note(analysis))


def note(analysis: Analysis) -> str:
    """Claims and arms as Markdown."""
    study = analysis.study
    lines = [f"**{_plain(study.title)}**", "", _plain(study.question), ""]
    lines += [f"- **{v.answer}**: {_plain(v.claim.text)} ({v.interval}; {v.note})" for v in analysis.verdicts]
    lines += [f"- note: {_plain(problem)}" for problem in analysis.problems]
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
