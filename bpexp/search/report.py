"""The report of a search as one HTML file, for light and dark screens and for paper; no script, nothing fetched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bpexp.files.whole import write_whole
from bpexp.records.escaping import html
from bpexp.search.charts import charts
from bpexp.search.confirmation import Confirmation
from bpexp.search.found import Found, Tried
from bpexp.search.summary import ONCE, best_line, headline
from bpexp.study.parts import document, figure, items, note, table
from bpexp.study.ranking import brief

REPORT = "report.html"


def write_report(
    found: Found, confirmed: Confirmation | None, folder: Path, facts: Sequence[str], problems: Sequence[str]
) -> Path:
    """Write report.html; raises OSError.

    Args:
        found: what the search found.
        confirmed: the comparison of the best trial with the preset; None without one.
        folder: of the search.
        facts: lines on the origin of the report.
        problems: a line for each trial without a result.
    """
    path = folder / REPORT
    write_whole(path, page(found, confirmed, facts, problems))
    return path


def page(found: Found, confirmed: Confirmation | None, facts: Sequence[str], problems: Sequence[str]) -> str:
    """The whole report as HTML. All text from outside is escaped."""
    title = f"Search for {' and '.join(found.search.objectives)}"
    parts = [
        f"<h1>{html(title)}</h1>",
        f'<p class="question">{html(headline(found))}; seed {found.search.seed}, pruner {found.search.pruner}</p>',
        items(problems, "problems"),
        "<h2>Best</h2>",
        f"<p>{html(best_line(found))}</p>",
        *_confirmed(found, confirmed),
        *(figure(chart.caption, chart.svg) for chart in charts(found)),
        "<h2>The space</h2>",
        table(["key", "tried"], [(d.key, d) for d in found.search.space], "the space"),
        *_front(found),
        "<h2>Every trial</h2>",
        _trials(found),
        "<h2>Provenance</h2>",
        items(facts),
    ]
    return document(title, parts)


def _confirmed(found: Found, confirmed: Confirmation | None) -> list[str]:
    """The comparison with the preset, or that there was none."""
    if found.best is None or len(found.search.objectives) > 1:
        return []
    if confirmed is None:
        return [note(f"Not confirmed: {ONCE}.")]
    seeds = ", ".join(map(str, confirmed.seeds))
    rows = [(row.measure, row.best, row.preset, row.difference, f"{row.p:.2g}") for row in confirmed.rows]
    head = ["measure", f"trial {confirmed.trial}", "preset", "best - preset", "p of no difference"]
    about = (
        f"Means and 95 % intervals over the new seeds {seeds}, which draw other weights, splits and batches; "
        "differences are paired by seed. The first measure decides; it is the one that the search chose by."
    )
    return [
        "<h2>Best against preset</h2>",
        f"<p><strong>{html(confirmed.verdict())}</strong></p>",
        table(head, rows, "best against preset"),
        note(about),
        items(confirmed.missing, "problems"),
    ]


def _front(found: Found) -> list[str]:
    if not found.front:
        return []
    rows = [(t.number, *(f"{v:.4g}" for v in t.values), _told(t)) for t in found.front]
    return [
        "<h2>Beaten by no other in both</h2>",
        table(["trial", *found.search.objectives, "overrides"], rows, "front"),
    ]


def _told(trial: Tried) -> str:
    """The values of a trial, with four digits; search.jsonl and the folder of its job hold them all."""
    return " ".join(f"{key}={brief(text)}" for key, text in trial.said.items())


def _trials(found: Found) -> str:
    keys = [dimension.key for dimension in found.search.space]
    rows = [
        (t.number, t.state, *(f"{v:.4g}" for v in t.values), *[""] * (len(found.search.objectives) - len(t.values)),
         *(brief(t.said.get(key, "")) for key in keys))
        for t in found.trials
    ]  # fmt: skip
    return table(["trial", "state", *found.search.objectives, *keys], rows, "every trial")
