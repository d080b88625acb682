"""The report of a study: page, table and note, written to a folder and put on the parent run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpexp.study.analysis import Analysis, RunRecord, analyse
from bpexp.study.charts import charts
from bpexp.study.design import Study
from bpexp.study.page import page
from bpexp.study.sources import STUDY_FILE
from bpexp.study.words import label, shown, told

REPORT, SUMMARY = "report.html", "summary.csv"


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The analysis, the files that hold it, and the same in Markdown for MLflow's description."""

    analysis: Analysis
    files: list[Path]
    note: str


def write_report(
    study: Study, declaration: Mapping[str, Any], runs: Sequence[RunRecord], folder: Path, facts: Sequence[str]
) -> Report:
    """Analyse the runs and write report.html, summary.csv and the declaration to `folder`."""
    analysis = analyse(study, runs)
    files = {
        REPORT: page(analysis, charts(analysis, runs), facts),
        SUMMARY: analysis.frame.to_csv(index=False),
        STUDY_FILE: json.dumps({"name": study.name, "study": dict(declaration), "said": _said(study)}, indent=1),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Report(analysis, [folder / name for name in files], note(analysis))


def _said(study: Study) -> dict[str, list[str]]:
    """The levels and seeds that ran, which a command line may have narrowed."""
    factors = {key: [str(level) for level in levels] for key, levels in study.factors.items()}
    return {**factors, "seed": [str(seed) for seed in study.seeds]}


def note(analysis: Analysis) -> str:
    """Claims and arms as Markdown."""
    study = analysis.study
    lines = [f"**{_plain(study.title)}**", "", _plain(study.question), ""]
    lines += [f"- **{v.answer}**: {_plain(v.claim.text)} ({_plain(told(v))})" for v in analysis.verdicts]
    lines += [f"- note: {_plain(problem)}" for problem in analysis.problems]
    head = ["arm", *([f"best {study.tuned}"] if study.tuned else []), *(m.text for m in study.measures), "seeds"]
    lines += ["", _row(head), _row(["---"] * len(head))]
    for arm in analysis.best:
        cells = [shown(arm.intervals[m.text], m, arm.runs) for m in study.measures]
        lines.append(_row([label(arm.levels), *([arm.chosen] if study.tuned else []), *cells, str(arm.runs)]))
    return "\n".join([*lines, *_gap(analysis)])


def _gap(analysis: Analysis) -> list[str]:
    """The Shapley shares of the study's gap, as a table."""
    found = analysis.gap
    if found is None or found.whole is None:
        return []
    rows = [_row([name, shown(one, found.gap.measure)]) for name, one in [*found.parts, ("the whole gap", found.whole)]]
    head = f"share of the gap in {found.gap.measure.text}"
    return [
        "",
        _row(["from " + label(found.gap.start) + " to " + label(found.gap.end), head]),
        _row(["---"] * 2),
        *rows,
    ]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in cells) + " |"


def _plain(text: str) -> str:
    """One line without angle brackets, which Markdown would take for HTML."""
    return " ".join(text.split()).replace("<", "&lt;").replace(">", "&gt;")
