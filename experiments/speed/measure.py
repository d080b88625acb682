"""Times a training step of bpexp beside its peers: `python -m experiments.speed.measure --help`.

Everybody has a turn in every round, of the same samples in the same order from the same weights; ratios are taken
within a round and their median over the rounds is what counts. Before each turn the processor's cache is swept, so that
nobody finds samples there that another has just read.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
import tracemalloc
from pathlib import Path
from typing import Any, get_args

import experiments.speed.one_thread  # noqa: F401  isort: skip
import numpy as np

from experiments.speed.clock import count_processor_time
from experiments.speed.equality import STRAY, TOLERANCE, check_losses, loss_at, require_equal
from experiments.speed.floor import Products
from experiments.speed.machine import describe, pin
from experiments.speed.ours import PIECE, Bpexp
from experiments.speed.peers import MODULES, PEERS
from experiments.speed.turns import steps_for, turn_of
from experiments.speed.work import CASES, Case, Samples, Source, samples


def entrants(case: Case, data: Samples, *, quick: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """Who is measured, by name; and who is left out, by name the reason."""
    found: dict[str, Any] = {"products": Products(case, data), "bpexp": Bpexp(case, data)}
    if case.B is None:
        found["bpexp at once"] = Bpexp(case, data, piece=len(data))
    left_out: dict[str, str] = {}
    for name, peer in PEERS.items():
        if name in absent():
            left_out[name] = f"{MODULES[name]} is not installed"
            continue
        if quick and not name.startswith("scikit-learn"):
            left_out[name] = "it takes seconds to import and compile, and this measurement is quick"
            continue
        try:
            found[name] = peer(case, data)
        except LookupError as reason:
            left_out[name] = str(reason)
    return found, left_out


def absent() -> list[str]:
    return [name for name, module in MODULES.items() if importlib.util.find_spec(module) is None]


def measure(case: Case, data: Samples, *, rounds: int, length: float, quick: bool) -> dict[str, Any]:
    """Seconds a step of everyone in every round, with the losses that show equal work."""
    those, left_out = entrants(case, data, quick=quick)
    steps = steps_for(case, data, length)
    losses = check_losses(case, data, those)
    times: dict[str, list[float]] = {name: [] for name in those}
    differences: dict[str, list[float]] = {name: [] for name in those if those[name].theta() is not None}
    sweep = np.zeros(1 << 24, np.float32)
    for number in range(rounds + 1):  # round 0, in which JAX compiles, is not counted
        turn = turn_of(case, data, steps, number)
        order = list(those) if number % 2 else list(reversed(those))
        ends: dict[str, float] = {}
        for name in order:
            those[name].prepare(turn)
            sweep += 1
            seconds = those[name].go()
            if number:
                times[name].append(seconds / turn.steps)
            if those[name].theta() is not None:
                ends[name] = loss_at(case, data, those[name].theta())
        for name, loss in ends.items():
            differences[name].append(abs(loss / ends["bpexp"] - 1))
            require_equal(name, differences[name][-1], STRAY)
    for name, values in differences.items():
        require_equal(name, float(np.median(values)), TOLERANCE[case.optimizer])
    return {
        "name": case.name,
        "sizes": list(case.sizes),
        "B": case.B or len(data),
        "kind": case.kind,
        "steps_a_turn": steps,
        "rounds": rounds,
        "optimizer": case.optimizer,
        "left_out": left_out,
        "losses": losses,
        "loss_differences": {
            name: {"median": float(np.median(values)), "worst": max(values)} for name, values in differences.items()
        },
        "seconds_a_step": times,
        "memory": memory(case, data) if case.B is None else None,
    }


def memory(case: Case, data: Samples) -> dict[str, float]:
    """MB that one full-batch step allocates at its peak beside the data, of bpexp in pieces and at once.

    The data are the one batch, which bpexp scales once.
    """
    peaks = {}
    for name, piece in (("bpexp", PIECE), ("bpexp at once", len(data))):
        ours = Bpexp(case, data, piece=piece)
        ours.prepare(turn_of(case, data, 1, 0))
        tracemalloc.start()
        ours.go()
        peaks[name] = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    return peaks | {"data": (data.X.nbytes + data.Y.nbytes) / 1e6}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=41, help="turns of everyone")
    parser.add_argument("--seconds", type=float, default=0.1, help="about the length of a turn of bpexp")
    parser.add_argument("--processor-time", action="store_true", help="of the processor, where the machine is not idle")
    parser.add_argument(
        "--core", type=int, help="pin to this core, where the system can; else JAX uses two, and is slower"
    )
    parser.add_argument("--cases", default=",".join(case.name for case in CASES), help="which, by name")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few seconds, to see that it runs: small data, without PyTorch, JAX and Numba",
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/speed"), help="for raw seconds, table and figure")
    args = parser.parse_args()
    pin(args.core)
    if args.processor_time:
        count_processor_time()
    if args.quick:
        args.rounds, args.seconds = 1, 0.01
    n = 3_000 if args.quick else 60_000
    data = {source: samples(n, source, synthetic=args.quick) for source in get_args(Source)}
    wanted = [case for case in CASES if case.name in args.cases.split(",")]
    results: dict[str, Any] = {
        "machine": describe(args.core),
        "processor_time": args.processor_time,
        "data": {source: some.source for source, some in data.items()},
        "absent": absent(),
        "tolerance": TOLERANCE,
        "cases": [],
    }
    for case in wanted:
        start = time.monotonic()
        some = data[case.source]
        results["cases"].append(measure(case, some, rounds=args.rounds, length=args.seconds, quick=args.quick))
        print(f"{case.name}: {time.monotonic() - start:.0f} s", flush=True)
    write(results, args.out)


def write(results: dict[str, Any], folder: Path) -> None:
    from experiments.speed.step_report import figure, overview, table

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (folder / "table.md").write_text(table(results), encoding="utf-8")
    figure(results, folder / "speed.png")
    print(overview(results))


if __name__ == "__main__":
    main()
