"""Results as HTML, which a notebook shows; names are escaped, and colours are those of the page around them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bpexp.records.escaping import html
from bpexp.records.outcome import Outcome, described_epochs
from bpexp.study.facets import shortened
from bpexp.training.metrics import metrics

if TYPE_CHECKING:
    from bpexp.api.result import SweepResult
    from bpexp.study.report import Report

PARTS = ("train", "validation", "test")

MOST = 20
"""Rows of a sweep that are shown."""

CELL = 'style="text-align:left;padding:2px 10px"'
NUMBER = 'style="text-align:right;padding:2px 10px;font-variant-numeric:tabular-nums"'
SIGNS = {"finished": "&#10003;", "stopped": "&#10003;"}
"""Before a status that is good; another has a cross, so that no colour has to tell it."""


def run_page(outcome: Outcome, directory: Path) -> str:
    """One run: its name and status, its figures by part of the data, its data set and its folder."""
    lines = [f"<b>{html(outcome.name)}</b>: {_status(outcome.status)} in {outcome.seconds:.2f} s"]
    if outcome.reason:
        lines.append(html(outcome.reason))
    facts = [f"folder {html(place(directory))}"]
    if outcome.run_id:
        facts.append(f"run {html(outcome.run_id)} in MLflow")
    return _box([*lines, _measured(outcome), _small("; ".join(facts))])


def sweep_page(sweep: SweepResult) -> str:
    """The runs of a sweep, best first, with what varied; of a study, its answers."""
    ranking = sweep.ranking
    counts = ", ".join(f"{count} {_status(status)}" for status, count in sweep.statuses.items())
    by = f"; best first by final {html(ranking.key)}" if ranking.key else ""
    columns = [c for c in ranking.columns_to_show() if c in ranking.columns]
    by_column = [
        shortened(cells) if column in ranking.varied else cells
        for column, cells in zip(columns, zip(*ranking.cells(columns), strict=True), strict=False)
    ]
    rows = list(zip(*by_column, strict=True))
    lines = [f"<b>{len(rows)} jobs</b>: {counts}{by}"]
    if sweep.report is not None:
        lines += [*_answers(sweep.report), _small("<code>.table</code> has every job, report.html the whole report")]
    else:
        lines.append(_table(columns, rows[:MOST], {"status", *ranking.varied}))
        if len(rows) > MOST:
            lines.append(_small(f"the best {MOST} of {len(rows)} rows; <code>.table</code> has all"))
    lines += [html(problem) for problem in ranking.problems[:3]]
    if len(ranking.problems) > 3:
        lines.append(_small(f"and {len(ranking.problems) - 3} more such jobs"))
    return _box([*lines, _small(f"folder {html(place(sweep.directory))}")])


def place(directory: Path) -> str:
    """A folder as a person in the working directory names it."""
    try:
        return str(directory.absolute().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(directory)


def _answers(report: Report) -> list[str]:
    """The claims of a study with their verdicts, and its arms."""
    from bpexp.study.claim_list import answer
    from bpexp.study.words import label, shown, told

    analysis, study = report.analysis, report.analysis.study
    claims = [
        f"<li><b>{html(answer(v, report.standings))}</b>: {html(v.claim.text)} ({html(told(v))})</li>"
        for v in analysis.verdicts
    ]
    head = ["arm", *([f"best {study.tuned}"] if study.tuned else []), *(m.text for m in study.measures), "seeds"]
    rows = [
        [
            label(arm.levels),
            *([str(arm.chosen)] if study.tuned else []),
            *(shown(arm.intervals[m.text], m, arm.runs, arm.never.get(m.text, 0)) for m in study.measures),
            str(arm.runs),
        ]
        for arm in analysis.best
    ]
    found = f'<ul style="margin:4px 0">{"".join(claims)}</ul>' if claims else ""
    return [f"<b>{html(study.title)}</b>", html(study.question), found, _table(head, rows, {"arm"})]


def _measured(outcome: Outcome) -> str:
    """A table of the headline figures: a row for each part of the data, a column for each metric and epoch."""
    epochs = described_epochs(outcome)
    shown = [(when, m) for when in epochs for m in metrics.values() if m.headline]
    found = {
        (when, m.name, part): outcome.metrics.get(f"{when}/{m.name}_{part}") for when, m in shown for part in PARTS
    }
    columns = [(when, m) for when, m in shown if any(found[when, m.name, part] is not None for part in PARTS)]
    head = ["part", *(f"{m.name}, {epochs[when]}" for when, m in columns)]
    rows = [
        [part, *(_number(found[when, m.name, part]) for when, m in columns)]
        for part in PARTS
        if any(found[when, m.name, part] is not None for when, m in columns)
    ]
    return _table(head, rows, {"part"}) if rows else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _status(status: str) -> str:
    return f"{SIGNS.get(status, '&#10007;')} {html(status)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], texts: set[str]) -> str:
    styles = [CELL if name in texts else NUMBER for name in head]
    top = "".join(f"<th {style}>{html(name)}</th>" for name, style in zip(head, styles, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td {style}>{html(cell)}</td>" for cell, style in zip(row, styles, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div style="overflow-x:auto"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _small(text: str) -> str:
    return f'<span style="font-size:smaller;opacity:0.75">{text}</span>'


def _box(lines: Sequence[str]) -> str:
    return "".join(f'<div style="margin:4px 0">{line}</div>' for line in lines if line)
