"""Times what grows with samples, batch, width, depth and runs: `python -m experiments.speed.scaling --help`.

Everybody is timed at every size in every round. log(seconds) against log(size) is fitted within a round, over all sizes
and over the largest three; the slope that counts is the median over the rounds, with its bootstrap interval of 95 %.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import experiments.speed.one_thread  # noqa: F401  isort: skip
from experiments.speed.clock import count_processor_time
from experiments.speed.equality import CHECKED, check_losses
from experiments.speed.floor import Products
from experiments.speed.machine import describe, pin
from experiments.speed.measure import absent
from experiments.speed.ours import Bpexp
from experiments.speed.peers import COMPILED, PEERS
from experiments.speed.scaling_report import figure, table
from experiments.speed.sweep_turns import sweepers
from experiments.speed.turns import turn_of
from experiments.speed.work import CASES, Case, Samples, samples

WHO: dict[str, Callable[[Case, Samples], Any]] = {"bpexp": Bpexp, "products": Products}
OTHERS = (COMPILED, "PyTorch", "JAX")
SMALL = Case("small", (784, 32, 32, 10), 32)
DIGITS = next(case for case in CASES if case.name == "digits_32")


@dataclass(frozen=True, slots=True)
class Axis:
    """What grows: the net at a size, and how many samples a turn walks there; timed is a step, or the whole turn."""

    what: str
    sizes: tuple[int, ...]
    case: Callable[[int], Case]
    walked: Callable[[int], int]
    whole: bool = False


def _wide(width: int) -> Case:
    return Case(f"width_{width}", (784, width, width, 10), 128)


def _deep(depth: int) -> Case:
    return Case(f"depth_{depth}", (784, *[32] * depth, 10), 32)


def _batch(B: int) -> Case:
    return Case(f"batch_{B}", SMALL.sizes, B)


AXES = {
    "samples": Axis(
        "an epoch of 784-32-32-10, B = 32", (1_024, 4_096, 16_384, 57_344), lambda n: SMALL, lambda n: n, True
    ),
    "batch": Axis("a step of 784-32-32-10", (1, 4, 16, 64, 256, 1_024), _batch, lambda B: max(4_096, 4 * B)),
    "width": Axis("a step of 784-w-w-10, B = 128", (16, 32, 64, 128, 256, 512), _wide, lambda width: 2_560),
    "depth": Axis("a step of 784-32-...-32-10, B = 32", (1, 2, 4, 8, 16, 32), _deep, lambda depth: 1_280),
}
RUNS = (1, 2, 4, 8, 16, 32)


def scaled(axis: Axis, data: Samples, *, rounds: int, quick: bool) -> dict[str, Any]:
    """Seconds of everyone at every size of an axis: of the turn for `samples`, else of a step."""
    sizes = [s for s in axis.sizes if max(axis.walked(s), CHECKED * (axis.case(s).B or 1)) <= len(data)]
    who = WHO | ({} if quick else {name: PEERS[name] for name in OTHERS if name not in absent()})
    those = {size: {name: make(axis.case(size), data) for name, make in who.items()} for size in sizes}
    for size in sizes:
        check_losses(axis.case(size), data, those[size])

    def once(size: int, name: str, number: int) -> float:
        case = axis.case(size)
        turn = turn_of(case, data, axis.walked(size) // (case.B or len(data)), number)
        those[size][name].prepare(turn)
        return float(those[size][name].go()) / (1 if axis.whole else turn.steps)

    return {"what": axis.what, **timed(sizes, list(who), once, rounds)}


def timed(
    sizes: Sequence[int], names: Sequence[str], once: Callable[[int, str, int], float], rounds: int
) -> dict[str, Any]:
    """Seconds by name, size and round; round 0, in which JAX compiles, is not counted."""
    seconds: dict[str, list[list[float]]] = {name: [[] for _ in sizes] for name in names}
    for number in range(rounds + 1):
        every = [(k, name) for k in range(len(sizes)) for name in names]
        for k, name in every if number % 2 else reversed(every):
            took = once(sizes[k], name, number)
            if number:
                seconds[name][k].append(took)
    return {"sizes": list(sizes), "seconds": seconds}


def runs(data: Samples, *, rounds: int, quick: bool) -> dict[str, Any]:
    """Seconds of a turn of K networks that differ in their learning rate, one by one and together."""
    sizes = RUNS[:3] if quick else RUNS
    jax = not quick and "JAX" not in absent()
    those: Mapping[int, Any] = {K: sweepers(DIGITS, data, K, jax=jax) for K in sizes}
    turn_steps = len(data) // (DIGITS.B or 1)

    def once(K: int, name: str, number: int) -> float:
        return float(those[K][name](turn_of(DIGITS, data, turn_steps, number)))

    return {"what": "an epoch of K networks 64-32-32-10, B = 32", **timed(sizes, list(those[1]), once, rounds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="turns of everyone at every size")
    parser.add_argument("--processor-time", action="store_true", help="of the processor, where the machine is not idle")
    parser.add_argument(
        "--core", type=int, help="pin to this core, where the system can; else JAX uses two, and is slower"
    )
    parser.add_argument("--axes", default=",".join([*AXES, "runs"]), help="which, by name")
    parser.add_argument(
        "--quick", action="store_true", help="some seconds, to see that it runs: small data, bpexp alone"
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/speed"), help="folder for raw seconds and figure")
    args = parser.parse_args()
    pin(args.core)
    if args.processor_time:
        count_processor_time()
    rounds = 2 if args.quick else args.rounds
    images = samples(6_000 if args.quick else 60_000, synthetic=args.quick)
    results: dict[str, Any] = {
        "machine": describe(args.core),
        "processor_time": args.processor_time,
        "data": images.source,
        "rounds": rounds,
        "axes": {},
    }
    for name in args.axes.split(","):
        if name == "runs":
            results["axes"][name] = runs(samples(1_797, "digits"), rounds=rounds, quick=args.quick)
        else:
            results["axes"][name] = scaled(AXES[name], images, rounds=rounds, quick=args.quick)
        print(f"{name}: measured", flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "scaling.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    figure(results, args.out / "scaling.png")
    print(table(results))


if __name__ == "__main__":
    main()
