"""What is printed at the end of a study: the table of its arms, and the verdicts on its claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from bpexp.cli.terminal import fitting, plain, print_link, wide_console
from bpexp.running.sweep import Sweep
from bpexp.running.tasks.recorded_studies import RecordedStudy
from bpexp.study.analysis import Analysis
from bpexp.study.declaration import moment
from bpexp.study.report import Report
from bpexp.study.words import shown, told

VERDICTS = {"supported": "green", "holds": "green", "refuted": "red", "violated": "red"}


def print_report(report: Report, sweep: Sweep | None) -> None:
    """Print the arms of a study and the verdicts on its claims; `sweep` is None for a recorded study."""
    console, analysis = wide_console(), report.analysis
    columns = _arm_columns(analysis)
    names = [measure.text for measure in analysis.study.measures]
    dispensable = ["seeds", *reversed(names[1:]), "", names[0]]
    table, left_out = fitting(console, lambda kept: _arms_table(analysis, columns, kept), list(columns), dispensable)
    console.print(table)
    if left_out:
        console.print(f"not shown    {plain(', '.join(name or 'rank' for name in left_out))}; see the report")
    standings = report.standings
    if report.unfinished:
        console.print(f"[yellow]note         {plain(report.unfinished)}[/yellow]", soft_wrap=True)
    for problem in standings.evidence.problems:
        console.print(f"[red]record       {plain(problem)}[/red]", soft_wrap=True)
    for verdict in analysis.verdicts:
        colour = VERDICTS.get(verdict.answer, "yellow")
        said = f"{plain(verdict.claim.text)} ({plain(told(verdict))})"
        if not standings.of(verdict.claim).before:
            said = f"[bold]post hoc:[/bold] {said}; {plain(standings.of(verdict.claim).told)}"
        console.print(f"[{colour}]{verdict.answer.upper():<13}[/{colour}]{said}", soft_wrap=True)
    for problem in [*standings.changes, *analysis.problems, *(sweep.ranking.problems[:8] if sweep else [])]:
        console.print(f"[yellow]note         {plain(problem)}[/yellow]", soft_wrap=True)
    if standings.evidence.sha256:
        at, sha256 = moment(standings.evidence.at), standings.evidence.sha256
        console.print(f"declared     {plain(at)}, SHA-256 {plain(sha256)}", soft_wrap=True)
    console.print(f"report       {plain(str(report.files[0].absolute()))}", soft_wrap=True)
    print_link(console, "look at it   ", sweep)


def print_studies(studies: Sequence[RecordedStudy]) -> None:
    """Print the recorded studies, the newest first, each with the command that writes its report."""
    console = wide_console()
    for study in studies:
        of = "" if study.declared is None else f" of {study.declared}"
        broken = (
            " (interrupted, or still running)" if study.declared is not None and study.runs < study.declared else ""
        )
        told = f"{moment(study.began)}, {study.runs}{of} runs with a result{broken}"
        console.print(f"[bold]{plain(study.name)}[/bold]  {plain(told)}", soft_wrap=True)
        console.print(f"    {plain(study.command)}", soft_wrap=True)


def _arm_columns(analysis: Analysis) -> dict[str, list[str]]:
    """The cells of the table of arms by column, best arm first; the column without a name is the rank."""
    study, arms = analysis.study, analysis.best
    columns = {"": [str(place) for place in range(1, len(arms) + 1)]}
    columns |= {factor: [arm.levels[factor] for arm in arms] for factor in (arms[0].levels if arms else ())}
    if study.tuned:
        columns[f"best {study.tuned}"] = [arm.chosen for arm in arms]
    for measure in study.measures:
        text = measure.text
        columns[text] = [shown(arm.intervals[text], measure, arm.runs, arm.never.get(text, 0)) for arm in arms]
    return columns | {"seeds": [str(arm.runs) for arm in arms]}


def _arms_table(analysis: Analysis, columns: Mapping[str, list[str]], kept: Sequence[str]) -> Table:
    """Some columns of the table of arms."""
    title = plain(analysis.study.title)
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for column in kept:
        table.add_column(plain(column).replace(" ", "\n", 1), no_wrap=True)
    for row in zip(*(columns[column] for column in kept), strict=True):
        table.add_row(*(plain(cell) for cell in row))
    return table
