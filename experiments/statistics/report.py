"""The tables of the README, from results.json.

python -m experiments.statistics.report experiments/statistics/results.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scipy import stats

Row = dict[str, Any]


def rate(count: int, studies: int) -> str:
    """A share in percent, with its exact binomial 95 % interval (Clopper and Pearson)."""
    interval = stats.binomtest(count, studies).proportion_ci(0.95, method="exact")
    return f"{100 * count / studies:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows))


def verdict_rates(rows: Sequence[Row]) -> str:
    cells = [
        [
            {"null": "all at their bounds", "mixed": "three far from theirs"}[row["truth"]],
            row["noise"],
            str(row["seeds"]),
            rate(row["alone"], row["studies"]),
            rate(row["family"], row["studies"]),
        ]
        for row in rows
    ]
    return _table(["claims", "noise", "seeds", "each alone, %", "family-wise, %"], cells)


def best_rates(rows: Sequence[Row]) -> str:
    cells = [
        [str(row["arms"]), str(row["seeds"]), row["spread"], *(rate(row[k], row["studies"]) for k in ("before", "now"))]
        for row in rows
    ]
    return _table(["arms", "seeds", "spread", "Holm from the best, %", "now, %"], cells)


def best_coverage(rows: Sequence[Row]) -> str:
    cells = [[str(row["arms"]), row["means"], rate(row["missed"], row["studies"])] for row in rows]
    return _table(["arms", "true means", "any interval misses, %"], cells)


def divergence(rows: Sequence[Row]) -> str:
    cells = [
        [
            f"{row['diverges']:.0%}",
            str(row["seeds"]),
            *(rate(row[way]["supported"], row["studies"]) for way in ("before", "survivors", "chance")),
            rate(row["chance"]["refuted"], row["studies"]),
        ]
        for row in rows
    ]
    head = ["diverges", "seeds", "supported before, %", "`survivors`, %", "`chance`, %", "refuted, `chance`, %"]
    return _table(head, cells)


def few_seeds(rows: Sequence[Row]) -> str:
    names = list(dict.fromkeys(row["values"] for row in rows))
    seeds = sorted({row["seeds"] for row in rows})
    found = {(row["values"], row["seeds"]): row for row in rows}

    def cell(name: str, n: int) -> str:
        row = found[name, n]
        return " / ".join(f"{100 * row[key] / row['studies']:.1f}" for key in ("before", "now"))

    cells = [[name, *(cell(name, n) for n in seeds)] for name in names]
    return _table(["differences", *(f"n = {n}" for n in seeds)], cells)


def coverage(rows: Sequence[Row]) -> str:
    def cell(row: Row, way: str) -> str:
        return rate(row[way], row["studies"]) if way in row else ""

    cells = [[row["values"], str(row["seeds"]), cell(row, "Student"), cell(row, "BCa")] for row in rows]
    return _table(["values", "seeds", "Student, %", "BCa, %"], cells)


def variance(rows: Sequence[Row]) -> str:
    cells = [
        [
            f"{row['truth']:.1%}",
            *(f"{row[key]:.1%}" for key in ("eta_mean", "eta_95", "omega_mean", "omega_95")),
            rate(row["away_from_0"], row["studies"]),
            rate(row["covered"], row["studies"]),
        ]
        for row in rows
    ]
    head = ["true share", "eta², mean", "eta², 95th percentile", "omega², mean", "omega², 95th percentile"]
    return _table([*head, "interval above 0, %", "interval covers, %"], cells)


def shapley(rows: Sequence[Row]) -> str:
    cells = [
        [str(row["seeds"]), rate(row["each"], 3 * row["studies"]), rate(row["largest wrong"], row["studies"])]
        for row in rows
    ]
    return _table(["seeds", "an interval misses, %", "a wrong factor called the largest, %"], cells)


TABLES: dict[str, Callable[[Sequence[Row]], str]] = {
    function.__name__: function
    for function in (verdict_rates, best_rates, best_coverage, divergence, few_seeds, coverage, variance, shapley)
}


def tables(results: dict[str, Sequence[Row]]) -> str:
    """Every table, under its name."""
    return "\n\n".join(f"## {name}\n\n{TABLES[name](rows)}" for name, rows in results.items()) + "\n"


if __name__ == "__main__":
    print(tables(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
