"""The tables that are printed at the end of a run or a sweep, and what a narrow terminal may go without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bpexp.errors import visible
from bpexp.records.outcome import Outcome, described_epochs
from bpexp.tracking.links import LOCAL, base_of, experiment_link, run_link
from bpexp.training.metrics import headlines

if TYPE_CHECKING:
    from bpexp.running.sweep import Sweep
    from bpexp.study.ranking import Ranking

COLOURS = {"finished": "green", "stopped": "green", "pruned": "green", "diverged": "yellow"}

SHOWN = ("test", "validation", "train")
"""The parts of the data, of which the first that was measured is shown."""

START = "python -m bpexp.ui, then "
"""The command that makes a local link work."""


def wide_console() -> Console:
    """A console for standard output, 200 columns wide if it is not a terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=200, highlight=False)


def plain(text: str) -> str:
    """Text of others as rich prints it: neither its markup nor the terminal's commands."""
    return escape(visible(text))


def print_outcome(outcome: Outcome) -> None:
    """Print a table of status, metrics, directory and store of a run, and the link to its page."""
    console = wide_console()
    rows = _rows(outcome)
    width = max(14, *(len(label) for label, _ in rows))
    for label, value in rows:
        console.print(f"[bold]{label:<{width}}[/bold] {value}", soft_wrap=True)


def _rows(outcome: Outcome) -> list[tuple[str, str]]:
    metrics, colour = outcome.metrics, COLOURS.get(outcome.status, "red")
    status = f"[{colour}]{outcome.status}[/{colour}]: {plain(outcome.reason)}"
    rows = [("run", plain(outcome.name)), ("status", status)]
    rows += _figures(outcome)
    if "best/epoch" in metrics and outcome.chosen_by:
        chosen = metrics[f"best/{outcome.chosen_by.replace('/', '_')}"]
        by = "" if outcome.chosen_by.endswith("/validation") else "; no validation part, so that figure flatters"
        rows.append(("best epoch", f"{metrics['best/epoch']:.0f}, by {plain(outcome.chosen_by)} {chosen:.4f}{by}"))
    rows.append(("time", f"{outcome.seconds:.1f} s"))
    rows.append(("files", plain(outcome.directory)))
    rows += [("network", text) for text in _network(outcome)]
    if outcome.run_id and outcome.experiment_id and outcome.store:
        rows.append(("recorded in", plain(outcome.store)))
        base = base_of(outcome.store)
        link = run_link(base or LOCAL, outcome.experiment_id, outcome.run_id)
        rows.append(("look at it", ("" if base else START) + plain(link)))
    if outcome.model:
        rows.append(("model", plain(outcome.model)))
    return rows


def _figures(outcome: Outcome) -> list[tuple[str, str]]:
    """The headline figures, below a line that says of which epoch they are."""
    shown = described_epochs(outcome)
    part = next((p for p in SHOWN if any(f"final/{key}" in outcome.metrics for key in headlines(p))), None)
    if part is None or not shown:
        return []
    width = max(map(len, shown.values())) + 2
    rows = [("", "".join(f"{told:<{width}}" for told in shown.values()).rstrip())]
    for key in headlines(part):
        if f"final/{key}" in outcome.metrics:
            values = "".join(f"{outcome.metrics[f'{when}/{key}']:<{width}.4f}" for when in shown)
            rows.append((f"{part} {key.removesuffix(f'_{part}').replace('_', ' ')}", values.rstrip()))
    return rows


def _network(outcome: Outcome) -> list[str]:
    """Which weights network.npz holds, where it is not the last epoch's alone."""
    if outcome.weights == "unevaluated":
        return [f"as after {outcome.step} steps, which was not evaluated"]
    if outcome.weights == "best":
        return ["best epoch's weights; the last epoch's beside"]
    return ["last epoch's weights; the best epoch's beside"] if len(described_epochs(outcome)) > 1 else []


def print_link(console: Console, label: str, sweep: Sweep | None) -> None:
    """Print the link to the experiment of a sweep, if it was recorded."""
    if sweep is not None and sweep.experiment_id:
        base = base_of(sweep.store)
        link = experiment_link(base or LOCAL, sweep.experiment_id)
        console.print(f"{label}{'' if base else START}{plain(link)}", soft_wrap=True)


def fitting(
    console: Console, build: Callable[[list[str]], Table], columns: list[str], dispensable: Sequence[str]
) -> tuple[Table, list[str]]:
    """The table without as many dispensable columns, the first ones first, as the terminal is too narrow for."""
    left_out: list[str] = []
    table = build(columns)
    for column in dispensable:
        if console.measure(table, options=console.options.update(width=10_000)).maximum <= console.width:
            break
        left_out.append(column)
        table = build([name for name in columns if name not in left_out])
    return table, [name for name in columns if name in left_out]


def _ranking_table(ranking: Ranking, columns: list[str]) -> Table:
    """Some columns of a ranking as a table of the terminal."""
    title = (
        f"{len(ranking.rows)} runs, best first by {plain(ranking.key)}" if ranking.key else f"{len(ranking.rows)} runs"
    )
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, title_style="bold")
    for column in columns:
        words = column.replace("_", " ") if column.startswith(("final", "best")) else column
        text = column in ("status", *ranking.varied)
        table.add_column(plain(words).replace(" ", "\n", 1), justify="left" if text else "right", no_wrap=True)
    for row in shortened(ranking.cells(columns), [columns.index(name) for name in ranking.varied]):
        table.add_row(*(plain(cell) for cell in row))
    return table


def shortened(rows: list[list[str]], places: Sequence[int]) -> list[list[str]]:
    """The rows with long numbers in some columns rounded to four digits, where these still tell them apart."""
    made = [list(row) for row in rows]
    for place in places:
        column = [row[place] for row in rows]
        short = [_short(cell) for cell in column]
        if len(set(short)) == len(set(column)):
            for row, cell in zip(made, short, strict=True):
                row[place] = cell
    return made


def _short(cell: str) -> str:
    try:
        return cell if len(cell) <= 8 else f"{float(cell):.4g}"
    except ValueError:
        return cell


def _dispensable(ranking: Ranking, columns: list[str]) -> list[str]:
    """The columns that a narrow terminal may go without, the least important first; what was swept always stays."""
    finals = [name for name in columns if name.startswith("final ")]
    bests = [name for name in columns if name.startswith("best ")]
    order = ["seconds", *reversed(bests), *reversed(finals[1:]), "job", "status", "rank"]
    return [name for name in order if name in columns and name not in ranking.varied]


def print_ranking(sweep: Sweep) -> None:
    """The ranked table of a sweep, what went wrong, and where to look."""
    console, ranking = wide_console(), sweep.ranking
    columns = ranking.columns_to_show()
    dispensable = _dispensable(ranking, columns)
    table, left_out = fitting(console, lambda kept: _ranking_table(ranking, kept), columns, dispensable)
    console.print(table)
    if ranking.meaning:
        console.print(plain(ranking.meaning), soft_wrap=True)
    if left_out:
        console.print(f"not shown   {plain(', '.join(left_out))}; see ranking.csv")
    for problem in ranking.problems:
        console.print(f"[red]{plain(problem)}[/red]", soft_wrap=True)
    console.print(f"files       {plain(str(sweep.directory))}", soft_wrap=True)
    if ranking.best is not None and ranking.best.model:
        console.print(f"best model  {plain(ranking.best.model)}", soft_wrap=True)
    print_link(console, "look at it  ", sweep)
