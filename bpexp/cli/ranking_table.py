"""What is printed at the end of a sweep: its ranking, what went wrong, and where to look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console

from bpexp.cli.rows import link, row
from bpexp.cli.tables import Ranked, alike, listed, numbers_first, print_ranked
from bpexp.running.sweep import Sweep
from bpexp.study.facets import shortened
from bpexp.study.ranking import Ranking
from bpexp.tracking.links import experiment_page
from bpexp.training.metrics import better

BEST = "accuracy/test"
"""What the page of a sweep is sorted by whose runs have nothing that ranks them."""

PROBLEMS = 8
"""Runs without a result that are told in a line each."""


def print_ranking(console: Console, sweep: Sweep) -> None:
    """Print the ranked table of a sweep, what went wrong, and where to look."""
    ranking = sweep.ranking
    cells, same = _columns(ranking)
    left_out = print_ranked(console, _ranked(ranking, cells))
    if same:
        row(console, "all alike", ", ".join(f"{_words(name)} {value}" for name, value in same.items()))
    if ranking.meaning:
        row(console, "figures", ranking.meaning)
    if left_out:
        row(console, "not shown", f"{listed([_words(name) for name in left_out])}; see ranking.csv")
    for problem in ranking.problems[:PROBLEMS]:
        row(console, "problem", problem, "red")
    if len(ranking.problems) > PROBLEMS:
        row(console, "", f"and {len(ranking.problems) - PROBLEMS} more; see ranking.csv", "red")
    row(console, "files", str(sweep.directory))
    if ranking.best is not None and ranking.best.model:
        row(console, "best model", ranking.best.model)
    print_link(console, sweep)


def print_link(console: Console, sweep: Sweep | None, key: str | None = None) -> None:
    """Print the link to the runs of a sweep, if it was recorded, sorted by the metric `key`, or by what ranks them."""
    if sweep is not None and sweep.experiment_id and sweep.store:
        key = key or sweep.ranking.key or BEST
        sort, up = f"final/{key.replace('/', '_')}", better(key) == "lower"
        link(console, sweep.store, experiment_page(sweep.experiment_id, sort, ascending=up, parent=sweep.parent))


def _ranked(ranking: Ranking, cells: Mapping[str, Sequence[str]]) -> Ranked:
    """The table of a ranking. A narrow terminal goes without the time first, and without the rank last."""
    runs = f"{len(ranking.rows)} run{'s' * (len(ranking.rows) != 1)}"
    title = f"{runs}, best first by final {ranking.key}" if ranking.key else runs
    finals = [name for name in cells if name.startswith("final ")]
    bests = [name for name in cells if name.startswith("best ")]
    order = ["seconds", *reversed(bests), *reversed(finals[1:]), "job", "status", "rank"]
    swept = [name for name in cells if name in ranking.varied]
    dispensable = [name for name in order if name in cells and name not in swept]
    return Ranked(title, cells, swept, finals[0] if finals else None, dispensable, _words)


def _columns(ranking: Ranking) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The cells of the columns that are shown, what was swept first; and the columns whose cells are all alike."""
    names = ranking.columns_to_show()
    found = dict(zip(names, map(list, zip(*ranking.cells(names), strict=True)), strict=False)) if ranking.rows else {}
    swept = numbers_first(ranking.varied, found) if found else []
    decisive = next((name for name in found if name.startswith("final ")), None)
    others = [name for name in found if name not in ("rank", *swept)]
    same = alike({name: found[name] for name in others if name != decisive})
    shown = ["rank", *swept, *(name for name in others if name not in same)] if found else []
    cells = {name: shortened(found[name]) if name in swept else found[name] for name in shown}
    return cells, {name: value for name, value in same.items() if value}


def _words(column: str) -> str:
    """The heading of a column, in words."""
    return column.replace("_", " ") if column.startswith(("final", "best")) else column
