"""What a gradient costs: paths, multiplications and time of five methods, against depth and against width.

python -m experiments.gradient_methods.measure [--quick] [--rounds 7] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bpexp.gradients import GradientMethod, gradient_methods
from bpexp.gradients.path_sum import count_multiplications
from bpexp.nn.network import count_parameters
from experiments.gradient_methods import counts, report

WIDTH, DEPTH = 4, 3
DEPTHS = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32)
WIDTHS = (2, 4, 8, 16, 32, 64, 128, 256)
MOST_PATHS = 40_000
MOST_EVALUATIONS = 12_000
SHORTEST = 0.005
"""The least number of seconds of a timing; a faster gradient is repeated."""


def cases(quick: bool) -> list[dict[str, Any]]:
    """The networks: depth grows at WIDTH units, width grows at DEPTH layers."""
    depths, widths = (DEPTHS[:3], WIDTHS[:3]) if quick else (DEPTHS, WIDTHS)
    deep = [{"along": "depth", "at": depth, "sizes": [WIDTH] * (depth + 1)} for depth in depths]
    return deep + [{"along": "width", "at": width, "sizes": [width] * (DEPTH + 1)} for width in widths]


def bearable(method: str, sizes: list[int]) -> bool:
    """Whether a method is timed on a network of these widths: slow ones are on small networks only."""
    if method == "path_sum":
        return counts.paths_of_003(sizes) <= MOST_PATHS
    return method in ("backprop", "jacobian") or count_parameters(sizes) <= MOST_EVALUATIONS


def build(method: str) -> GradientMethod:
    """A method by name; path_sum with a limit that accepts these networks."""
    return gradient_methods.build(method, **({"limit": MOST_PATHS} if method == "path_sum" else {}))


def once(gradient: Callable[[], object]) -> float:
    """Processor seconds of one gradient: the mean of as many calls as take SHORTEST seconds.

    For one thread this is the time on an idle machine; other work on the machine does not count.
    """
    calls = 0
    begin = time.process_time()
    while (passed := time.process_time() - begin) < SHORTEST or calls == 0:
        gradient()
        calls += 1
    return passed / calls


def timings(case: dict[str, Any], batches: tuple[int, ...], rounds: int) -> dict[str, dict[str, float]]:
    """The median seconds of every method for each batch; methods take turns, so that a slow moment hits all of them."""
    network, head = counts.network(case["sizes"])
    rng = np.random.default_rng(1)
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for B in batches:
        x, y = rng.normal(size=(case["sizes"][0], B)), rng.uniform(size=(case["sizes"][-1], B))
        methods = {name: build(name) for name in counts.MULTIPLICATIONS if bearable(name, case["sizes"])}
        seconds: dict[str, list[float]] = defaultdict(list)
        for _ in range(rounds):
            for name, method in methods.items():
                seconds[name].append(once(lambda method=method, x=x, y=y: method(network, head, x, y)))  # type: ignore[misc]
        for name, values in seconds.items():
            found[name][str(B)] = float(np.median(values))
    return dict(found)


def count_laws(depths: tuple[int, ...]) -> dict[str, int]:
    """The number of small networks of these depths, and on how many of them walking and formula agree."""
    nets = counts.small_nets(depths)
    walks = [counts.walked(sizes) for sizes in nets]
    pairs = list(zip(walks, nets, strict=True))
    return {
        "nets": len(nets),
        "walked_paths": sum(found for found, _ in walks),
        "paths_agree": sum(found == counts.paths_of_003(sizes) for (found, _), sizes in pairs),
        "multiplications_agree": sum(done == count_multiplications(sizes) for (_, done), sizes in pairs),
    }


def main() -> None:
    """Count, time, fit and draw, as the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small networks, one round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    threadpool_limits(1)
    law = count_laws((1, 2, 3) if arguments.quick else (1, 2, 3, 4, 5))
    measured = cases(arguments.quick)
    for case in measured:
        sizes = case["sizes"]
        case["paths"] = counts.paths_of_003(sizes)
        case["multiplications"] = {name: count(sizes) for name, count in counts.MULTIPLICATIONS.items()}
        case["seconds"] = timings(case, (1, 32), 1 if arguments.quick else arguments.rounds)
        print(case["along"], case["at"], file=sys.stderr, flush=True)
    results = {"width": WIDTH, "depth": DEPTH, "numpy": np.__version__, "law": law, "cases": measured}
    results["fits"] = report.fits(results)
    (arguments.out / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    report.figure(results, arguments.out / "cost.png")
    print(report.tables(results))


if __name__ == "__main__":
    main()
