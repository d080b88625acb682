"""What a run and a sweep say on the terminal when they are over, and how a run is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bpexp.records.outcome import Outcome
from bpexp.study.ranking import Ranking
from bpexp.ui.server import DEFAULT_BASE, experiment_link, run_link

if TYPE_CHECKING:
    from bpexp.study.report import Report

COLOURS = {"finished": "green", "stopped": "green", "diverged": "yellow"}

VERDICTS = {"supported": "green", "refuted": "red", "inconclusive": "yellow"}

LOOK = "python -m bpexp.ui, then "

QUALITIES = {
    "accuracy_test": "test accuracy",
    "loss_test": "test loss",
    "r2_test": "test r2",
    "rmse_test": "test rmse",
}
"""What is shown of a run, where it was measured."""


def run_name(params: dict[str, Any], overrides: Sequence[str]) -> str:
    """The experiment or the model and what else was said, such as `mnist_relu lr=0.1 seed=2`."""
    if params.get("run_name"):
        return str(params["run_name"])
    words = [o.lstrip("+") for o in overrides]
    experiment = [o.partition("=")[2] for o in words if o.startswith("experiment=")]
    model = [] if experiment and not any(o.startswith("model=") for o in words) else [str(params.get("model", "run"))]
    unsaid = ("experiment=", "model=", "hydra.", "tracking", "progress")
    return " ".join([*experiment, *model, *(o for o in overrides if not o.lstrip("+").startswith(unsaid))])[:120]


def _console() -> Console:
    """Standard output; where it is no terminal nothing is cut to 80 columns."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=200, highlight=False)


def print_outcome(outcome: Outcome) -> None:
    """A small table: how it ended, how good it is, where it is recorded, and the link that shows it."""
    console = _console()
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for label, value in _rows(outcome):
        table.add_row(f"[bold]{label}[/bold]", value)
    console.print(table)


def _rows(outcome: Outcome) -> list[tuple[str, str]]:
    metrics, colour = outcome.metrics, COLOURS.get(outcome.status, "red")
    status = f"[{colour}]{outcome.status}[/{colour}]: {escape(outcome.reason)}"
    rows = [("run", escape(outcome.name)), ("status", status)]
    for key, label in QUALITIES.items():
        if f"final/{key}" in metrics:
            rows.append((label, f"{metrics[f'final/{key}']:.4f}"))
    if "best/epoch" in metrics and outcome.chosen_by:
        chosen = metrics[f"best/{outcome.chosen_by.replace('/', '_')}"]
        rows.append(("best epoch", f"{metrics['best/epoch']:.0f} ({outcome.chosen_by} {chosen:.4f})"))
    rows.append(("time", f"{outcome.seconds:.1f} s"))
    rows.append(("files", escape(outcome.directory)))
    if outcome.run_id and outcome.experiment_id and outcome.store:
        rows.append(("recorded in", escape(outcome.store)))
        rows.append(("look at it", LOOK + run_link(DEFAULT_BASE, outcome.experiment_id, outcome.run_id)))
    return rows


def print_report(report: Report, ranking: Ranking | None, experiment_id: str | None) -> None:
    """The verdict on every claim, the arms, what went wrong, and where the report lies."""
    console, analysis = _console(), report.analysis
    study = analysis.study
    console.print(f"[bold]{escape(study.title)}[/bold]\n{escape(study.question)}", soft_wrap=True)
    measures = [measure.text for measure in study.measures]
    head = ["rank", *study.arm_factors, *([f"best {study.tuned}"] if study.tuned else []), *measures, "seeds"]
    table = Table(box=SIMPLE_HEAD)
    for column in head:
        table.add_column(column.replace(" ", "\n", 1), no_wrap=True)
    for place, arm in enumerate(analysis.best, start=1):
        tuned = [str(arm.tuned_to)] if study.tuned else []
        cells = [str(place), *arm.levels.values(), *tuned, *(str(arm.intervals[m]) for m in measures), str(arm.runs)]
        table.add_row(*(escape(cell) for cell in cells))
    console.print(table)
    for verdict in analysis.verdicts:
        colour = VERDICTS[verdict.answer]
        told = f"{escape(verdict.claim.text)} ({escape(str(verdict.interval))}; {escape(verdict.note)})"
        console.print(f"[{colour}]{verdict.answer.upper():<13}[/{colour}]{told}", soft_wrap=True)
    for problem in [*analysis.problems, *(ranking.problems[:8] if ranking else [])]:
        console.print(f"[yellow]note         {escape(problem)}[/yellow]", soft_wrap=True)
    console.print(f"report       {escape(str(report.files[0].absolute()))}", soft_wrap=True)
    if experiment_id:
        console.print(f"look at it   {LOOK}{experiment_link(DEFAULT_BASE, experiment_id)}", soft_wrap=True)


def print_ranking(ranking: Ranking | None, directory: str, experiment_id: str | None) -> None:
    """The ranked table of a sweep, what went wrong, and where to look."""
    assert ranking is not None
    console = _console()
    columns = ranking.columns_to_show()
    title = f"{len(ranking.rows)} runs, best first by {ranking.key}" if ranking.key else f"{len(ranking.rows)} runs"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, title_style="bold")
    for column in columns:
        words = column.replace("_", " ") if column.startswith(("final", "best")) else column
        text = column in ("status", *ranking.varied)
        table.add_column(words.replace(" ", "\n", 1), justify="left" if text else "right", no_wrap=True)
    for row in ranking.cells(columns):
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)
    for problem in ranking.problems:
        console.print(f"[red]{escape(problem)}[/red]", soft_wrap=True)
    console.print(f"files       {escape(directory)}", soft_wrap=True)
    if experiment_id:
        console.print(f"look at it  {LOOK}{experiment_link(DEFAULT_BASE, experiment_id)}", soft_wrap=True)
