"""Times a training step of bpexp beside its peers: `python -m experiments.speed.measure --help`.

Everybody has a turn in every round, of the same samples in the same order from the same weights; ratios are taken
within a round and their median over the rounds is what counts. Before each turn the processor's cache is swept, so that
nobody finds samples there that another has just read.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import time
import tracemalloc
from pathlib import Path
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before the libraries are imported, which read it once

import numpy as np  # noqa: E402

from bpexp.nn.network import Network  # noqa: E402
from bpexp.training.evaluation import evaluate  # noqa: E402
from experiments.speed.floor import Products  # noqa: E402
from experiments.speed.machine import describe, pin  # noqa: E402
from experiments.speed.ours import PIECE, Bpexp, Compiled  # noqa: E402
from experiments.speed.peers import COMPILED, MODULES, PEERS  # noqa: E402
from experiments.speed.work import CASES, Case, Samples, Turn, head, network, require_equal, samples  # noqa: E402

TOLERANCE = 1e-4
"""Of losses in float32, relative; the sums of the libraries run in different orders. After a short turn of everyone,
and in the median of the rounds after the timed turns."""

STRAY = 0.05
"""The same for the worst round: where z comes within rounding of ReLU's kink, two libraries take different sides, and a
hundred steps later their weights differ in more than the last digits."""


def entrants(case: Case, data: Samples, *, quick: bool) -> dict[str, Any]:
    """Who is measured, by name; peers that are not installed or cannot do the case are left out."""
    if case.B is None:
        return {
            "products": Products(case, data),
            "bpexp": Bpexp(case, data),
            "bpexp at once": Bpexp(case, data, piece=len(data)),
            **compiled(case, data, quick=quick),
        }
    found: dict[str, Any] = {"products": Products(case, data), "bpexp": Bpexp(case, data)}
    found |= compiled(case, data, quick=quick)
    for name, peer in PEERS.items():
        if name in absent() or (quick and not name.startswith("scikit-learn")):
            continue
        try:
            found[name] = peer(case, data)
        except LookupError:
            continue
    return found


def compiled(case: Case, data: Samples, *, quick: bool) -> dict[str, Any]:
    """bpexp with engine=numba, where Numba is installed; compiling takes longer than a quick measurement."""
    return {} if quick or COMPILED in absent() else {COMPILED: Compiled(case, data)}


def absent() -> list[str]:
    return [name for name, module in MODULES.items() if importlib.util.find_spec(module) is None]


def turn_of(case: Case, data: Samples, steps: int, seed: int) -> Turn:
    if case.B is None:
        return Turn(np.arange(len(data)), seed, len(data))
    rows = np.random.default_rng([3, seed]).choice(len(data), steps * case.B, replace=False)
    return Turn(rows, seed, case.B)


def steps_for(case: Case, data: Samples, seconds: float) -> int:
    """Steps that take bpexp about so long; no more than one epoch."""
    if case.B is None:
        return 1
    most = len(data) // case.B
    ours, few = Bpexp(case, data), min(60, most)
    for _ in range(3):
        ours.prepare(turn_of(case, data, few, 0))
        each = ours.go() / few
    return max(1, min(most, round(seconds / each)))


def check_losses(case: Case, data: Samples, those: dict[str, Any]) -> dict[str, Any]:
    """A few steps of everyone: the mean loss over them, and the loss of common samples after them, must be equal."""
    turn = turn_of(case, data, 20, 0)
    during, after = {}, {}
    for name, one in those.items():
        one.prepare(turn)
        one.go()
        if one.theta() is None:
            continue
        after[name] = loss_at(case, data, one.theta())
        during[name] = one.mean_loss(turn) if isinstance(one, Bpexp) else one.loss
    for losses in (during, after):
        for name, loss in losses.items():
            require_equal(name, abs(loss / losses["bpexp"] - 1), TOLERANCE)
    return {"mean over 20 steps": during, "after 20 steps": after}


def loss_at(case: Case, data: Samples, theta: Any) -> float:
    from bpexp.data.dataset import Part

    net: Network = network(case).at(theta)
    return evaluate(net, head(case), Part(data.X, data.Y, np.arange(min(2000, len(data))), data.labels))["loss"]


def measure(case: Case, data: Samples, *, rounds: int, length: float, quick: bool) -> dict[str, Any]:
    """Seconds a step of everyone in every round, with the losses that show equal work."""
    those = entrants(case, data, quick=quick)
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
        require_equal(name, float(np.median(values)), TOLERANCE)
    return {
        "name": case.name,
        "sizes": list(case.sizes),
        "B": case.B or len(data),
        "kind": case.kind,
        "steps_a_turn": steps,
        "rounds": rounds,
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
    parser.add_argument("--core", type=int, help="pin to this processor core, where the system can")
    parser.add_argument("--cases", default=",".join(case.name for case in CASES), help="which, by name")
    parser.add_argument("--quick", action="store_true", help="a few seconds: small data, without PyTorch and JAX")
    parser.add_argument("--out", type=Path, default=Path("outputs/speed"), help="folder for results, table and figure")
    args = parser.parse_args()
    pin(args.core)
    if args.quick:
        args.rounds, args.seconds = 3, 0.01
    data = samples(3_000 if args.quick else 60_000, synthetic=args.quick)
    wanted = [case for case in CASES if case.name in args.cases.split(",")]
    results: dict[str, Any] = {
        "machine": describe(args.core),
        "data": data.source,
        "absent": absent(),
        "tolerance": TOLERANCE,
        "cases": [],
    }
    for case in wanted:
        start = time.monotonic()
        results["cases"].append(measure(case, data, rounds=args.rounds, length=args.seconds, quick=args.quick))
        print(f"{case.name}: {time.monotonic() - start:.0f} s", flush=True)
    write(results, args.out)


def write(results: dict[str, Any], folder: Path) -> None:
    from experiments.speed.report import figure, table

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (folder / "table.md").write_text(table(results), encoding="utf-8")
    figure(results, folder / "speed.png")
    print(table(results))


if __name__ == "__main__":
    main()
