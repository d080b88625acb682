"""How often are the conclusions of a study false? Simulated studies whose truth is known, through bpexp's own code.

python -m experiments.statistics.measure [--studies 1000] [--only PART] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.statistics import arms, families, report, samples

Row = dict[str, Any]


def verdict_rates(studies: int) -> list[Row]:
    """S16, S21: any false verdict on seven claims."""
    cases = [(made, noise, n) for made in (families.null, families.mixed) for noise in families.NOISES for n in (5, 10)]
    rows = []
    studies *= 4
    for number, (made, noise, n) in enumerate(cases):
        counts = families.false_rates(made, families.NOISES[noise], n, studies, number)
        rows.append({"truth": made.__name__, "noise": noise, "seeds": n, "studies": studies, **counts})
    return rows


def best_rates(studies: int) -> list[Row]:
    """S22: equal arms, of which any is called worse than the best."""
    rows = []
    for k, n in ((2, 5), (6, 5), (12, 5), (24, 5), (30, 5), (2, 10), (6, 10), (12, 10), (24, 10), (30, 10)):
        for name, spread in arms.spreads(k).items():
            counts = arms.false_worse(k, n, spread, studies, len(rows))
            rows.append({"arms": k, "seeds": n, "spread": name, "studies": studies, **counts})
        counts = arms.false_worse(k, n, np.ones(k), studies, len(rows), tails="Laplace")
        rows.append({"arms": k, "seeds": n, "spread": "equal, Laplace", "studies": studies, **counts})
    return rows


def best_coverage(studies: int) -> list[Row]:
    """S22: simultaneous intervals of the differences from the best."""
    rows = []
    for k in (2, 6, 12, 24):
        for name, means in {
            "equal means": np.zeros(k),
            "steps of 0.5": 0.5 * np.arange(k),
            "half 3 below": np.where(np.arange(k) < k // 2, 0.0, -3.0),
        }.items():
            missed = arms.uncovered(means, 5, studies, len(rows))
            rows.append({"arms": k, "seeds": 5, "means": name, "studies": studies, "missed": missed})
    return rows


def divergence(studies: int) -> list[Row]:
    """S23: an arm that diverges and is worse by far."""
    return [
        {"diverges": share, "seeds": n, "studies": studies, **arms.divergence(n, studies, share)}
        for share in (arms.DIVERGES, 0.2)
        for n in (5, 10)
    ]


def few_seeds(studies: int) -> list[Row]:
    """S24: claims at their bound, by the number of seeds."""
    cases = [(name, n) for name in samples.DIFFERENCES for n in (2, 3, 4, 5, 6, 8, 10)]
    return [
        {
            "values": name,
            "seeds": n,
            "studies": studies,
            **samples.decided(samples.DIFFERENCES[name], n, studies, number),
        }
        for number, (name, n) in enumerate(cases)
    ]


def coverage(studies: int) -> list[Row]:
    """S26: what an interval of 95 % covers."""
    rows = []
    for name, (draw, mean) in samples.VALUES.items():
        for n in (5, 10, 20):
            hits = {"Student": samples.covered(draw, mean, n, studies, len(rows))}
            if n == 5:
                hits["BCa"] = samples.covered(draw, mean, n, studies, len(rows), bca=True)
            rows.append({"values": name, "seeds": n, "studies": studies, **hits})
    return rows


def variance(studies: int) -> list[Row]:
    """S25: shares of the variance."""
    half = studies // 2  # statsmodels takes its time
    return [{"studies": half, **samples.shares(effect, half)} for effect in (0.0, 0.05, 0.3, 2.0)]


def shapley(studies: int) -> list[Row]:
    """S15: shares of a gap."""
    return [{"seeds": n, "studies": studies, **arms.shapley_misses(n, studies)} for n in (5, 10)]


PARTS: dict[str, Callable[[int], list[Row]]] = {
    function.__name__: function
    for function in (verdict_rates, best_rates, best_coverage, divergence, few_seeds, coverage, variance, shapley)
}


def main() -> None:
    """Simulate every part, or some, and write results.json and table.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--out", type=Path, default=Path("outputs/statistics"))
    said = parser.parse_args()
    said.out.mkdir(parents=True, exist_ok=True)
    file = said.out / "results.json"
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for name in said.only:
        results[name] = PARTS[name](said.studies)
        file.write_text(json.dumps(results, indent=1, default=float) + "\n", encoding="utf-8")
        print(f"{name}: {len(results[name])} rows", flush=True)
    (said.out / "table.md").write_text(report.tables(results), encoding="utf-8")


if __name__ == "__main__":
    main()
