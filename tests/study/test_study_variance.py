"""Shares of variance, held to designs whose shares are known, and the noncentral F behind their intervals."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bpexp.study.variance import REST, noncentral, variance_shares

NAN, INF = math.nan, math.inf

LEVELS = {"a": {"0": -1.0, "1": 1.0}, "b": {"x": -2.0, "y": 0.0, "z": 2.0}}


def crossed(noise: float = 0.0, joint: float = 0.0, seeds: int = 4) -> pd.DataFrame:
    """y = a + b + joint a b + noise; the noise of a cell sums to nought, so that the squares are known exactly."""
    rows = []
    for (a, fa), (b, fb) in product(LEVELS["a"].items(), LEVELS["b"].items()):
        for seed in range(seeds):
            y = 10 + fa + fb + joint * fa * fb + noise * (-1) ** seed
            rows.append({"a": a, "b": b, "seed": seed, "final accuracy/test": y})
    return pd.DataFrame(rows)


Y = "final accuracy/test"


def table(frame: pd.DataFrame, factors: list[str]) -> dict[str, float]:
    return {one.term: one.share for one in variance_shares(frame, Y, factors)}


def noisy(noise: float, joint: float = 0.0, seed_effect: float = 0.0) -> pd.DataFrame:
    """A crossed design of 5 seeds with normal noise and, of each seed, an effect on every run."""
    rng = np.random.default_rng(12)
    frame = crossed(joint=joint, seeds=5)
    frame[Y] += rng.normal(0, noise, len(frame)) + seed_effect * np.array([-1, -0.5, 0, 0.5, 1])[frame["seed"]]
    return frame


def test_shares_by_hand() -> None:
    """omega^2 = (SS - df MS_rest) / (SS_total + MS_rest), with the sums of squares of a balanced design."""
    frame = noisy(1.0, joint=0.5, seed_effect=2.0)
    y, grand = frame[Y], frame[Y].mean()
    squares = {f: float(((frame.groupby(f)[Y].transform("mean") - grand) ** 2).sum()) for f in ("a", "b", "seed")}
    cell = float(((frame.groupby(["a", "b"])[Y].transform("mean") - grand) ** 2).sum())
    joint = cell - squares["a"] - squares["b"]
    total = float(((y - grand) ** 2).sum())
    rest = (total - cell - squares["seed"]) / 20
    wanted = {
        "a": (squares["a"] - rest) / (total + rest),
        "b": (squares["b"] - 2 * rest) / (total + rest),
        "seeds": (squares["seed"] - 4 * rest) / (total + rest),
        "a x b": (joint - 2 * rest) / (total + rest),
    }
    found = table(frame, ["a", "b"])
    assert found == pytest.approx({**wanted, REST: 1 - sum(wanted.values())})


def test_shares_of_known_effects() -> None:
    """Variances 1 of a, 8/3 of b, 2/3 of both, 2 of the seeds, and 1 of the rest."""
    frame = pd.concat([noisy(1.0, 0.5, 2.0).assign(part=i) for i in range(4)], ignore_index=True)
    frame["seed"] += 5 * frame["part"]
    rng = np.random.default_rng(3)
    frame[Y] = frame[Y] - frame[Y] + crossed_values(frame) + rng.normal(0, 1, len(frame))
    parts = {"a": 1.0, "b": 8 / 3, "a x b": 2 / 3, "seeds": 2.0, REST: 1.0}
    shares = variance_shares(frame, Y, ["a", "b"])
    for one in shares:
        assert one.share == pytest.approx(parts[one.term] / sum(parts.values()), abs=0.06)
        assert math.isnan(one.low) or one.low <= parts[one.term] / sum(parts.values()) <= one.high


def crossed_values(frame: pd.DataFrame) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """a + b + a b / 2 + an effect of the seed with variance 2."""
    a, b = (frame[f].map(LEVELS[f]).to_numpy(dtype=float) for f in ("a", "b"))
    return a + b + 0.5 * a * b + 2 * np.array([-1, -0.5, 0, 0.5, 1])[frame["seed"] % 5]


def test_an_additive_design_has_no_interaction() -> None:
    shares = table(crossed(noise=1.0), ["a", "b"])
    assert shares["a x b"] == 0
    assert sum(shares.values()) == pytest.approx(1)


def test_the_seeds_are_a_row_of_their_own() -> None:
    """S19: 'seeds and the rest' joined the effect of a seed on all arms with what is left."""
    shares = table(noisy(0.1, seed_effect=3.0), ["a", "b"])
    assert shares["seeds"] > 0.4
    assert shares[REST] < 0.01


def test_a_factor_that_does_nothing_has_no_share() -> None:
    """Eta squared of such a factor is 3.4 % on average here; omega squared is half of it, cut off at 0, else 0."""
    rng = np.random.default_rng(5)
    frame = crossed(seeds=5).assign(c="1")
    kept, eta = [], []
    for _ in range(25):
        frame[Y] = rng.normal(size=len(frame))
        kept += [one for one in variance_shares(frame, Y, ["a", "b"]) if one.term == "a"]
        eta.append(frame.groupby("a")[Y].transform("mean").var() / frame[Y].var())
    assert np.mean([one.share for one in kept]) < 0.8 * np.mean(eta)
    assert np.mean([one.low == 0 for one in kept]) > 0.85


def test_the_interval_of_the_noncentrality() -> None:
    low, high = noncentral(5.0, 2, 20)
    assert stats.ncf.sf(5.0, 2, 20, low) == pytest.approx(0.025)
    assert stats.ncf.cdf(5.0, 2, 20, high) == pytest.approx(0.025)
    assert noncentral(1.0, 2, 20)[0] == 0
    assert noncentral(0.001, 2, 20) == (0, 0)
    assert noncentral(1e6, 2, 20)[0] > 1e5


def test_three_factors_and_their_pairs() -> None:
    frame = pd.concat([crossed(noise=1.0).assign(**{"model.depth": d}) for d in ("2", "4")], ignore_index=True)
    frame.loc[frame["model.depth"] == "4", Y] += 3.0
    shares = table(frame, ["a", "b", "model.depth"])
    wanted = {"a", "b", "model.depth", "a x b", "a x model.depth", "b x model.depth", "seeds", REST}
    assert set(shares) == wanted
    assert shares["model.depth"] == pytest.approx(2.25 / (2.25 + 1 + 8 / 3 + 1), abs=0.01)


def test_a_factor_that_does_not_vary_is_left_out() -> None:
    frame = crossed(noise=1.0).assign(c="1")
    assert table(frame, ["a", "b", "c"]) == table(frame, ["a", "b"])
    assert set(table(frame, ["a", "c"])) == {"a", "seeds", REST}


def unbalanced() -> dict[str, pd.DataFrame]:
    """Designs that runs leave behind when some are lost."""
    rng = np.random.default_rng(7)
    full = crossed(noise=1.0)
    full[Y] += rng.normal(0, 0.3, len(full))
    one = full["a"] == "0"
    lost = full.copy()
    lost.loc[rng.uniform(size=len(full)) < 0.3, Y] = NAN
    infinite = full.copy()
    infinite.loc[0, Y] = INF
    return {
        "some lost": lost,
        "a cell lost": full[~(one & (full["b"] == "x"))],
        "a cross": full[one | (full["b"] == "x")],
        "infinite": infinite,
        "a level lost": full.assign(**{Y: full[Y].where(~one)}),
    }


@pytest.mark.parametrize("case", unbalanced())
def test_unbalanced_designs_are_shared_out_in_silence(case: str) -> None:
    shares = table(unbalanced()[case], ["a", "b"])
    assert sum(shares.values()) == pytest.approx(1)
    assert all(0 <= share <= 1 for share in shares.values())


def test_a_level_that_was_lost_does_not_vary() -> None:
    assert set(table(unbalanced()["a level lost"], ["a", "b"])) == {"b", "seeds", REST}


EMPTY = {
    "no runs": crossed().iloc[:0],
    "one run": crossed().iloc[:1],
    "two runs": crossed().iloc[[0, -1]],
    "no difference": crossed().assign(**{Y: 1.0}),
    "no numbers": crossed().assign(**{Y: NAN}),
    "one seed, nothing to hold the pairs to": crossed(noise=1.0, seeds=1),
    "one seed, a cell lost": crossed(noise=1.0, seeds=1).iloc[1:],
    "confounded": crossed(noise=1.0)[lambda f: (f["a"] == "0") == (f["b"] == "x")],
    "the same twice": crossed(noise=1.0).assign(b=crossed()["a"]),
}


@pytest.mark.parametrize("case", EMPTY)
def test_designs_without_shares(case: str) -> None:
    assert variance_shares(EMPTY[case], Y, ["a", "b"]) == []


def test_no_factors_at_all() -> None:
    assert variance_shares(crossed(noise=1.0), Y, []) == []
