"""The rows of the journal that MLflow gets: all of a short series, and ever fewer of a long one, by a declared rule.

Of each metric the first `points` rows are sent; of the rows after them every second one until their number has
doubled, then every fourth until it has doubled again, and so on: n rows become points (1 + log2(n / points) / 2). The
rule looks at the number of a row alone, so that it chooses the same rows whoever sends them, at once or in parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpexp.records.clock import milliseconds
from bpexp.records.journal import plain, points, read
from bpexp.tracking.manifest import Facts, Sent
from bpexp.training.events import stride

POINTS = 250
"""Approximate number of batch losses sent to MLflow with `every: auto`."""

THINNING = "bpexp.thinning"
"""The tag of a run that says which rows it holds."""

BATCH = 1000
"""Metrics per request, the largest number that MLflow accepts."""


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a metric, as MLflow keeps it: `at` is in ms since 1970."""

    name: str
    step: int
    at: int
    value: float


def kept(number: int, whole: int | None) -> bool:
    """Whether the row of this number, counted from 0, is sent; `whole` rows are sent at the start, None for all."""
    return whole is None or number % (1 << (number // whole).bit_length()) == 0


def rule(whole: int | None) -> str:
    """The rule in words, for a tag of the run."""
    if whole is None:
        return "all rows"
    return f"the first {whole} rows of a metric, then every 2nd, 4th, ... each time their number doubles, and the last"


def batches(journal: Path, sent: Sent, facts: Facts, upto: int | None = None) -> Iterator[tuple[list[Row], Sent]]:
    """Rows to send next, about BATCH at a time, and what has been sent then.

    Args:
        journal: the journal; a line that is not complete, or begins behind `upto`, is left for later.
        sent: what was sent before; it is not changed.
        facts: declares which rows are sent.
        upto: offset in bytes; None for the end.
    """
    after = deepcopy(sent)
    rows: list[Row] = []
    for end, line in read(journal, after.offset):
        if upto is not None and end > upto:
            break
        if line.get("event") == "started" and after.stride is None:
            after.stride = stride(facts.every, line["epochs"] * line["steps_per_epoch"], POINTS)
        rows += _sifted(line, after, facts.points)
        after.offset = end
        if len(rows) >= BATCH:
            yield _sorted(rows), after
            after, rows = deepcopy(after), []
    if after.offset != sent.offset or rows:
        yield _sorted(rows), after


def last_rows(sent: Sent) -> list[Row]:
    """The last row of each metric where the rule left it out: what MLflow shows as the value of the metric."""
    return [Row(name, step, at, float(value)) for name, (step, at, value) in sent.held.items()]


def _sifted(line: dict[str, Any], sent: Sent, whole: int | None) -> Iterator[Row]:
    """The rows of a line that are sent; counts all of them in `sent`."""
    at = milliseconds(float(line["time"])) if "time" in line else 0
    for name, value, step in points(line, sent.stride or 1):
        number = sent.series.get(name, 0)
        if kept(number, whole):
            sent.held.pop(name, None)
            yield Row(name, step, at, value)
        else:
            sent.held[name] = [step, at, plain(value)]
        sent.series[name] = number + 1


def _sorted(rows: list[Row]) -> list[Row]:
    """MLflow lists metrics in the order in which they come: fixed/... last."""
    return sorted(rows, key=lambda row: row.name.count("/"))
