"""What verdicts, comparisons and intervals promise, in some hundred simulated studies; all in experiments/statistics.

A rate is held to its promise with the margin that a count of simulated studies needs: a true rate of 5 % exceeds
`most` in one of 10 000 runs of a test, and the seeds are fixed. What the methods before gave is asserted too, so that a
simulation that cannot tell good from bad fails.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def most(studies: int, rate: float = 0.05) -> int:
    """The largest count that a true rate gives, but for one time in 10 000."""
    return int(stats.binom.isf(1e-4, studies, rate))


@pytest.mark.parametrize("truth", ["null", "mixed"])
def test_any_false_verdict_of_a_study(truth: str) -> None:
    """S16, S21: each claim for itself, one of seven was false in a quarter of studies."""
    from experiments.statistics import families

    counts = families.false_rates(getattr(families, truth), families.NOISES["normal"], 5, 150, 1)
    assert counts["family"] <= most(150)
    assert counts["alone"] > most(150)


@pytest.mark.parametrize("spread", ["equal", "one of 10"])
def test_equal_arms_are_rarely_called_worse_than_the_best(spread: str) -> None:
    """S22."""
    from experiments.statistics import arms

    counts = arms.false_worse(24, 5, arms.spreads(24)[spread], 200, 2)
    assert counts["now"] <= most(200)
    if spread == "equal":
        assert counts["before"] > most(200)


@pytest.mark.parametrize("step", [0.0, 0.5])
def test_simultaneous_intervals_contain_the_differences(step: float) -> None:
    from experiments.statistics import arms

    assert arms.uncovered(step * np.arange(6), 5, 300, 3) <= most(300)


def test_an_arm_that_diverges_is_not_called_better() -> None:
    """S23: 0.62 on average, where divergences count, against 0.96."""
    from experiments.statistics import arms

    counts = arms.divergence(10, 40)
    assert counts["before"]["supported"] > 20
    assert counts["survivors"]["supported"] > 20
    assert counts["chance"]["supported"] <= most(40)
    assert counts["chance"]["refuted"] > 10


@pytest.mark.parametrize("values", ["whole numbers, spread 0.5", "epochs until (geometric)"])
def test_two_seeds_of_whole_numbers_decide_nothing(values: str) -> None:
    """S24."""
    from experiments.statistics import samples

    counts = samples.decided(samples.DIFFERENCES[values], 2, 400, 4)
    assert counts["before"] > most(400) - 5
    assert counts["now"] == 0


@pytest.mark.parametrize("n", [5, 8])
def test_repeated_values_are_no_evidence(n: int) -> None:
    from experiments.statistics import samples

    for values in ("whole numbers, spread 0.3", "whole numbers, spread 1", "epochs until (geometric)"):
        assert samples.decided(samples.DIFFERENCES[values], n, 100, n)["now"] <= most(100)


def test_what_an_interval_covers() -> None:
    """S26: as the report says."""
    from experiments.statistics import samples

    found = {name: samples.covered(draw, mean, 5, 1000, 5) / 1000 for name, (draw, mean) in samples.VALUES.items()}
    assert list(found.values()) == pytest.approx([0.95, 0.83, 0.46], abs=0.05)


def test_shapley_intervals_contain_the_shares() -> None:
    from experiments.statistics import arms

    counts = arms.shapley_misses(5, 30)
    assert counts["each"] <= most(90)
    assert counts["largest wrong"] == 0


def test_the_study_runs_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments.statistics import measure

    said = ["--studies", "2", "--only", "few_seeds", "shapley", "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["measure", *said])
    measure.main()
    results: dict[str, Any] = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert list(results) == ["few_seeds", "shapley"]
    assert "| normal |" in (tmp_path / "table.md").read_text(encoding="utf-8")


def test_the_readme_shows_the_tables_of_the_results() -> None:
    from experiments.statistics.report import TABLES

    folder = ROOT / "experiments" / "statistics"
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert set(results) == set(TABLES)
    for name, rows in results.items():
        assert TABLES[name](rows) in readme, name


def test_no_study_has_more_false_verdicts_than_promised() -> None:
    """Of the recorded 1 000 studies of each kind; the binomial interval of each rate reaches down to 5 %."""
    results = json.loads((ROOT / "experiments" / "statistics" / "results.json").read_text(encoding="utf-8"))
    for rows, key in ((results["verdict_rates"], "family"), (results["best_rates"], "now")):
        for row in rows:
            assert row["studies"] >= 1000
            assert stats.binomtest(row[key], row["studies"]).proportion_ci(0.99).low <= 0.05, row
