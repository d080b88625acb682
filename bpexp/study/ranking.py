"""The ranking of a sweep: one row for each run with what varied, its status and its metrics, best first."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bpexp.records.escaping import csv_table, markdown_row
from bpexp.records.outcome import Outcome
from bpexp.training.metrics import better, headlines


@dataclass(frozen=True, slots=True)
class Ranking:
    """A table of text, best run first.

    `varied` names the parameters that differ, `key` the metric that decides the order; `problems` has one line for each
    run that failed, diverged or left no result; `best` is the first run. The columns `final ...` are of the saved
    networks, those of `final epoch`; `weights` says which they are: last, best, or unevaluated, as in `Outcome`.
    `meaning` says the same in a sentence.
    """

    columns: list[str]
    rows: list[list[str]]
    varied: list[str]
    key: str | None
    problems: list[str]
    best: Outcome | None = None
    meaning: str = ""

    def columns_to_show(self) -> list[str]:
        """The columns for a terminal: what varied first, then the first measures, and what tells of each run."""
        measured = [c for c in self.columns if c.startswith("final ")]
        best = [c for c in self.columns if c.startswith("best ")][:1]
        return ["rank", *self.varied, *measured[:2], *best, "best epoch", "status", "job", "seconds"]

    def cells(self, columns: Sequence[str]) -> list[list[str]]:
        """The rows, reduced to some columns."""
        places = [self.columns.index(column) for column in columns]
        return [[row[place] for place in places] for row in self.rows]

    def markdown(self) -> str:
        """The table for MLflow's description."""
        ruled = f"|{' --- |' * len(self.columns)}"
        return "\n".join([markdown_row(self.columns), ruled, *map(markdown_row, self.rows)])

    def csv(self) -> str:
        """The table for a spreadsheet."""
        return csv_table([self.columns, *self.rows])


def rank(outcomes: Sequence[Outcome], numbers: Sequence[int]) -> Ranking:
    """Order outcomes by their objective, best first; outcomes without one come last.

    `numbers` are the job numbers of the outcomes.
    """
    varied = _varied(outcomes)
    key = next((o.params.get("objective") or o.chosen_by for o in outcomes if o.chosen_by), None)
    sign = -1.0 if key is None or better(str(key)) == "higher" else 1.0
    order = sorted(range(len(outcomes)), key=lambda i: _place(outcomes[i], sign))
    measures = [m for m in headlines("test") if any(f"final/{m}" in o.metrics for o in outcomes)]
    extra = _flat(key)
    if extra and extra not in measures:
        measures = [extra, *measures]
    columns = ["rank", "job", *varied, "status", *[f"final {m}" for m in measures], *[f"best {m}" for m in measures]]
    rows = [
        [str(place), str(numbers[i]), *_cells(outcomes[i], varied, measures)] for place, i in enumerate(order, start=1)
    ]
    problems = [
        f"job {n} {o.status}: {o.reason}"
        for n, o in zip(numbers, outcomes, strict=True)
        if o.status not in ("finished", "stopped", "pruned")
    ]
    first = outcomes[order[0]] if order and not _place(outcomes[order[0]], sign)[0] else None
    head = [*columns, "final epoch", "best epoch", "weights", "seconds"]
    return Ranking(head, rows, varied, None if key is None else str(key), problems, first, _meaning(outcomes))


def _meaning(outcomes: Sequence[Outcome]) -> str:
    """Of which epochs the columns `final ...` and `best ...` are; empty where nothing was measured."""
    choosers = sorted({o.chosen_by for o in outcomes if o.chosen_by})
    if not choosers:
        return ""
    kinds = {"last": "the last epoch", "best": "the restored best epoch", "unevaluated": "the last evaluated epoch"}
    found = [words for kind, words in kinds.items() if any(o.weights == kind and o.metrics for o in outcomes)]
    return f"final: {' or '.join(found)}; best: the epoch that is best by {' or '.join(choosers)}"


def place(outcome: Outcome) -> tuple[bool, float]:
    """A sort key by which the best outcome is the smallest; it begins with True for one that cannot be ranked."""
    key = outcome.params.get("objective") or outcome.chosen_by
    return _place(outcome, -1.0 if key is None or better(str(key)) == "higher" else 1.0)


def _place(outcome: Outcome, sign: float) -> tuple[bool, float]:
    """A sort key: runs that ended well first, by their objective."""
    value = outcome.objective
    unranked = outcome.status not in ("finished", "stopped") or math.isnan(value)
    return unranked, 0.0 if unranked else sign * value


def _cells(outcome: Outcome, varied: list[str], measures: list[str]) -> list[str]:
    params = [_text(outcome.params.get(name)) for name in varied]
    final = [_number(outcome.metrics.get(f"final/{m}")) for m in measures]
    best = [_number(outcome.metrics.get(f"best/{m}")) for m in measures]
    epochs = [outcome.metrics.get(f"{when}/epoch") for when in ("final", "best")]
    shown = ["" if epoch is None else f"{epoch:.0f}" for epoch in epochs]
    return [*params, outcome.status, *final, *best, *shown, outcome.weights, f"{outcome.seconds:.2f}"]


def _varied(outcomes: Sequence[Outcome]) -> list[str]:
    """The parameters that were swept: those given on the command line whose values differ.

    A preset changes other parameters too. They are left out, because the preset's name explains them.
    """
    said = dict.fromkeys(o.lstrip("+").split("=")[0] for outcome in outcomes for o in outcome.overrides)
    whole = {o.lstrip("+").split("=")[0] for outcome in outcomes for o in outcome.overrides if "={" in o}
    named = [p for key in said for p in (key, *(_below(key, outcomes) if key in whole else ()))]
    return [key for key in named if len({repr(o.params.get(key)) for o in outcomes}) > 1]


def _below(key: str, outcomes: Sequence[Outcome]) -> list[str]:
    """The parameters of a group that was given as a mapping, such as init={name:normal,std:0.1}."""
    return list(dict.fromkeys(p for o in outcomes for p in o.params if p.startswith(f"{key}.")))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.4g}"


def _flat(key: Any) -> str | None:
    return None if key is None else str(key).replace("/", "_")


def brief(word: str) -> str:
    """An override, or a value, whose number has more than four digits, with four: `lr=0.04044`."""
    key, equals, text = word.rpartition("=")
    if not re.fullmatch(r"-?\d+(\.\d+)?(e[-+]?\d+)?", text) or text.lstrip("-").isdecimal():
        return word  # no number, or a whole one, such as a seed
    short = f"{float(text):.4g}"
    return f"{key}{equals}{short}" if len(short) < len(text) else word
