"""Studies in stages: how often any verdict is false over all looks, what the stages save, and what an outlook is worth.

python -m experiments.statistics.stages [--studies 1000] [--only PART ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpexp.study.claims import Claim
from bpexp.study.design import Study, declared
from bpexp.study.looks import final_verdicts, over_looks
from bpexp.study.power import outlook
from bpexp.study.samples import Sample
from bpexp.study.statistics import Values, holm, p_value
from bpexp.study.verdicts import ALPHA, Verdict, judged
from experiments.statistics.families import MEASURE, NOISES, blank, false, family, mixed, null
from experiments.statistics.report import _table, rate

STAGES: dict[str, tuple[int, ...]] = {
    "5, 10, 20": (5, 10, 20),
    "5, 6, ..., 20": tuple(range(5, 21)),
}

RATES = [0.03, 0.1, 0.3, 1.0]


def staged(claims: Sequence[Claim], values: Values, stages: Sequence[int]) -> list[Verdict]:
    """The verdicts over all looks, from values (claims, seeds)."""

    def look(place: int, settled: Sequence[Claim]) -> list[Verdict]:
        n = stages[place]
        samples = [Sample(claim, row[:n], range(n)) for claim, row in zip(claims, values, strict=True)]
        return judged(samples, ALPHA / len(stages), settled)

    return over_looks(look, len(stages), len(stages))


def peeked(claims: Sequence[Claim], values: Values, stages: Sequence[int]) -> bool:
    """Whether any claim that lies at a bound is decided where each look is taken as if it were the only one."""
    return any(
        min(holm([_p(claim, row[:n]) for claim, row in zip(claims, values, strict=True)])) <= ALPHA for n in stages
    )


def _p(claim: Claim, values: Values) -> float:
    return max(p_value(values, bound) for bound in claim.limits if np.isfinite(bound))


CASES = [
    (null, "normal", "5, 10, 20"),
    (null, "normal, spread 1 to 10 over the arms", "5, 10, 20"),
    (null, "Laplace", "5, 10, 20"),
    (mixed, "normal", "5, 10, 20"),
    (null, "normal", "5, 6, ..., 20"),
]


def false_verdicts(studies: int) -> str:
    """Any false verdict on seven claims, over all looks; also where each look is taken as if it were the only one."""
    study, rows = family(20), []
    for number, (made, noise, name) in enumerate(CASES):
        rng, counts = np.random.default_rng(number), {"staged": 0, "peeked": 0}
        means = made(lambda rng, shape: np.zeros(shape), np.random.default_rng(0), 2).mean(axis=1)
        means = np.round(means - means[0], 6)
        for _ in range(studies):
            arms = made(NOISES[noise], rng, 20)
            values = arms[1:] - arms[0]
            counts["staged"] += false(staged(study.claims, values, STAGES[name]), means)
            counts["peeked"] += made is null and peeked(study.claims, values, STAGES[name])
        truth = "all at their bounds" if made is null else "three far from theirs"
        free = rate(counts["peeked"], studies) if made is null else ""
        rows.append([truth, noise, name, rate(counts["staged"], studies), free])
    return _table(["claims", "noise", "looks at", "in stages, %", "each look at 5 %, %"], rows)


def tuned_study(stages: Sequence[int]) -> Study:
    """Three arms that choose among four rates: two claims about differences from the first."""
    arms = ["a", "b", "c"]
    claims = [
        {"text": arm, "measure": MEASURE, "of": {"arm": arm}, "against": {"arm": "a"}, "above": 0} for arm in arms[1:]
    ]
    node = {
        "factors": {"arm": arms, "lr": RATES},
        "tuned": "lr",
        "repeats": "auto",
        "stages": list(stages),
        "claims": claims,
    }
    return declared("tuned", node)


def tuned(studies: int) -> str:
    """Any false verdict where each arm chooses its rate again at each look, from the seeds that there are.

    The validation and the test score of a run share half of their variance, and no rate is better than another.
    """
    study, rng = tuned_study([5, 10, 20]), np.random.default_rng(0)
    frame, wrong, moved = blank(study), 0, 0
    for _ in range(studies):
        both, seed = rng.normal(size=len(frame)), rng.normal(size=len(study.seeds))
        frame[MEASURE] = both + rng.normal(size=len(frame)) + seed[frame["seed"]]
        frame["final accuracy/validation"] = both + rng.normal(size=len(frame))
        wrong += any(v.answer != "inconclusive" for v in final_verdicts(study, frame))
        moved += _choices(frame, 5) != _choices(frame, 20)
    return _table(
        ["any false verdict, %", "an arm's rate changed between the first and the last look, %"],
        [[rate(wrong, studies), rate(moved, studies)]],
    )


def _choices(frame: Any, seeds: int) -> list[str]:
    means = frame[frame["seed"] < seeds].groupby(["arm", "lr"])["final accuracy/validation"].mean().unstack()
    return [str(rate) for rate in means.idxmax(axis=1)]


def savings(studies: int) -> str:
    """One claim: how often it is decided, by how many seeds, and how far its estimate lies off when it is."""
    claim, rows = next(c for c in family(20).claims if c.above is not None), []
    stages = STAGES["5, 10, 20"]
    for effect in (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0):
        rng, fixed = np.random.default_rng(1), 0
        used: list[int] = []
        means: list[float] = []
        for _ in range(studies):
            x = rng.normal(effect, 1, (1, 20))
            (verdict,) = staged([claim], x, stages)
            used.append(verdict.interval.n)
            means += [verdict.interval.mean] if verdict.answer == "supported" else []
            fixed += judged([Sample(claim, x[0], range(20))])[0].answer == "supported"
        decided = [str(round(float(np.mean(means)), 2))] if effect and means else [""]
        rows.append([f"{effect:g}", rate(len(means), studies), rate(fixed, studies), f"{np.mean(used):.1f}", *decided])
    head = ["true effect, standard deviations", "supported in stages, %", "by 20 seeds at once, %", "seeds used"]
    return _table([*head, "mean estimate where supported"], rows)


def outlooks(studies: int) -> str:
    """Undecided after five seeds: the seeds that are named, and how often so many new seeds decide the claim."""
    claim, rows = next(c for c in family(20).claims if c.above is not None), []
    for effect in (0.25, 0.5, 1.0, 1.5):
        rng, hits = np.random.default_rng(2), 0
        named: list[int] = []
        enough = _enough(effect)
        while len(named) < studies:
            x = rng.normal(effect, 1, 5)
            if judged([Sample(claim, x, range(5))])[0].answer != "inconclusive":
                continue
            seen = outlook(x, claim, ALPHA)
            seeds = seen.seeds if seen and seen.seeds else 1000
            named.append(seeds)
            hits += judged([Sample(claim, rng.normal(effect, 1, seeds), range(seeds))])[0].answer != "inconclusive"
        low, middle, high = np.quantile(named, [0.1, 0.5, 0.9])
        cells = [f"{effect:g}", str(enough), f"{middle:.0f} [{low:.0f}, {high:.0f}]", rate(hits, studies)]
        rows.append(cells)
    head = ["true effect", "seeds for 80 %", "named: median [10 %, 90 %]", "decided by as many new seeds, %"]
    return _table(head, rows)


def _enough(effect: float) -> int | None:
    """The seeds that decide in 80 % of studies, if the true mean and deviation are known."""
    spread = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    claim = next(c for c in family(20).claims if c.above is not None)
    found = outlook(effect + spread / spread.std(ddof=1), claim, ALPHA)
    return found.seeds if found else None


PARTS: dict[str, Callable[[int], str]] = {
    function.__name__: function for function in (false_verdicts, tuned, savings, outlooks)
}


def main() -> None:
    """Simulate every part, or some, and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=list(PARTS))
    said = parser.parse_args()
    for name in said.only:
        print(f"{name}\n\n{PARTS[name](said.studies)}\n", flush=True)


if __name__ == "__main__":
    main()
