"""Runs that are trained together beside the same runs one by one: how much faster, and whether the weights agree.

python -m experiments.scale.fused                 the table of speed-ups, a few minutes on one core
python -m experiments.scale.fused rule            the shapes from which the rule of `bpexp.running.fusing` is taken
python -m experiments.scale.fused rounding        float32: fused against single, beside a change of BLAS blocking
python -m experiments.scale.fused study           the headline study: which of its jobs fuse, and what one seed gains
python -m experiments.scale.fused step            the step of one network, beside that of another checkout: --of FOLDER

Both ways take turns in one process on one core with one BLAS thread. What is compared is processor time, which other
processes on the machine disturb less than the clock; the ratios are medians over the rounds. Callbacks are left out:
what is measured is the training loop with its evaluations, which are at the first and the last epoch.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from bpexp.config.composition import CommandLine
from bpexp.nn.arrays import Array
from bpexp.running.build import Experiment, build
from bpexp.running.fusing import arranged, kinds_of, units
from bpexp.running.job import Job
from bpexp.running.plan import plan
from bpexp.training.fused.member import Member
from bpexp.training.fused.together import Together
from bpexp.training.trainer import train

EIGHT = "lr=0.01,0.02,0.03,0.05,0.08,0.1,0.15,0.2"
MANY = "lr=" + ",".join(str(k / 100) for k in range(1, 33))
SEEDS = "seed=range(32)"
XOR = "data=xor data.n=8 data.validation=0 data.test=0 model.hidden=[8] batch_size=4 epochs=400 evaluation.every=400"
CHAIN = "model=chain batch_size=8 epochs=30 evaluation.every=30"
DIGITS = "data=digits model.hidden=[32,32] epochs=4 evaluation.every=4"
MNIST = "data=mnist_5k model.hidden=[32,32] evaluation.every=10"

CASES = {
    "2-8-2, B = 4, shared batches, K = 32": f"{XOR} {MANY}",
    "2-8-2, B = 4, batches of their own, K = 32": f"{XOR} {SEEDS}",
    "2-8-2, B = 4, shared batches, K = 8": f"{XOR} {EIGHT}",
    "1-1-1-1-1, B = 8, shared batches, K = 32": f"{CHAIN} {MANY}",
    "64-32-32-10, B = 32, shared batches, K = 32": f"{DIGITS} {MANY}",
    "64-32-32-10, B = 32, batches of their own, K = 32": f"{DIGITS} {SEEDS}",
    "64-32-32-10, B = 32, shared batches, adam, K = 32": f"{DIGITS} optimizer=adam {MANY}",
    "784-32-32-10, B = 32, shared batches, K = 8": f"{MNIST} epochs=3 {EIGHT}",
    "784-32-32-10, B = 128, shared batches, K = 8": f"{MNIST} epochs=8 batch_size=128 {EIGHT}",
    "784-32-32-10, B = 32, shared batches, adam, K = 8": f"{MNIST} epochs=3 optimizer=adam {EIGHT}",
}

OTHERS = {
    "784-64-64-10, B = 32, shared": "data=mnist_5k model.hidden=[64,64] epochs=2 " + EIGHT,
    "784-64-64-10, B = 128, shared": "data=mnist_5k model.hidden=[64,64] batch_size=128 epochs=4 " + EIGHT,
    "784-128-64-10, B = 32, shared": "data=mnist_5k model.hidden=[128,64] epochs=2 " + EIGHT,
    "784-128-64-10, B = 128, shared": "data=mnist_5k model.hidden=[128,64] batch_size=128 epochs=4 " + EIGHT,
    "784-256-128-10, B = 128, shared": "data=mnist_5k model.hidden=[256,128] batch_size=128 epochs=2 " + EIGHT,
    "64-32-32-10, B = 8, own": f"{DIGITS} batch_size=8 seed=range(16)",
    "64-32-32-10, B = 128, own": f"{DIGITS} batch_size=128 seed=range(16)",
    "64-128-128-10, B = 8, own": "data=digits model.hidden=[128,128] epochs=2 batch_size=8 seed=range(16)",
    "64-128-128-10, B = 32, own": "data=digits model.hidden=[128,128] epochs=2 seed=range(16)",
    "784-32-32-10, B = 1, own": f"{MNIST} data.limit=1000 batch_size=1 epochs=1 seed=range(8)",
    "784-32-32-10, B = 8, own": f"{MNIST} batch_size=8 epochs=1 seed=range(8)",
    "784-32-32-10, B = 32, own": f"{MNIST} epochs=2 seed=range(8)",
    "784-32-32-10, B = 128, own": f"{MNIST} batch_size=128 epochs=4 seed=range(8)",
}


def jobs_of(line: str) -> list[Job]:
    """The jobs of a sweep."""
    return plan(CommandLine((*line.split(), "tracking=none", "progress=false"), multirun=True)).jobs


def one_by_one(experiments: Sequence[Experiment]) -> float:
    """Seconds of processor time for each run."""
    began = time.process_time()
    for experiment in experiments:
        train(experiment.trainer, [])
    return (time.process_time() - began) / len(experiments)


def together(experiments: Sequence[Experiment]) -> float:
    """Seconds of processor time for each run."""
    began = time.process_time()
    members = [Member(experiment.trainer, [], kinds=kinds_of(experiment)) for experiment in experiments]
    training = Together(members, one_order=len({experiment.config.seed for experiment in experiments}) == 1)
    training.begin(lambda: None)
    while training.members:
        training.epoch(lambda: None)
    return (time.process_time() - began) / len(experiments)


def thetas(experiments: Sequence[Experiment]) -> list[Array]:
    """The weights."""
    return [experiment.trainer.network.theta for experiment in experiments]


def apart(some: Sequence[Array], others: Sequence[Array]) -> float:
    """The largest difference of a weight, of as many networks as there are of both; 0 is bit for bit."""
    return max(float(np.abs(one - other).max()) for one, other in zip(some, others, strict=False))


def compared(line: str, rounds: int) -> tuple[float, list[float], float]:
    """The median of single over fused per run, all of them, and the largest difference of a weight."""
    jobs, ratios, difference = jobs_of(line), [], 0.0
    for n in range(rounds):
        few = [build(job.config) for job in jobs[:4]]
        everyone = [build(job.config) for job in jobs]
        took = {}
        for way in (one_by_one, together)[:: -1 if n % 2 else 1]:
            took[way] = way(few if way is one_by_one else everyone)
        ratios.append(took[one_by_one] / took[together])
        difference = max(difference, apart(thetas(few), thetas(everyone)))
    return statistics.median(ratios), ratios, difference


def table(cases: dict[str, str], rounds: int) -> None:
    """Print the rows of a table, as they come."""
    print(
        "| net, batch, order, K | single / fused, per run | rounds | largest difference of a weight |\n"
        "|---|---|---|---|"
    )
    for name, line in cases.items():
        median, ratios, difference = compared(line, rounds)
        told = " ".join(f"{ratio:.1f}" for ratio in sorted(ratios))
        print(f"| {name} | {median:.2f} | {told} | {difference or 0:.0e} |", flush=True)


def rounding() -> None:
    """The difference that fusing makes to float32 weights, beside that of another BLAS blocking of a single run."""
    print("| epochs | fused - single | pieces of 32 samples - single | float64 fused - single |\n|---|---|---|---|")
    for epochs in (1, 4, 16):
        line = f"{MNIST} batch_size=128 epochs={epochs} {EIGHT}"
        plain, pieces, exact = jobs_of(line), jobs_of(f"{line} gradient.piece=32"), jobs_of(f"{line} dtype=float64")
        single, blocked, precise = ([build(job.config) for job in jobs] for jobs in (plain, pieces, exact))
        fused, fused_precise = ([build(job.config) for job in jobs] for jobs in (plain, exact))
        for experiments in (single, blocked, precise):
            one_by_one(experiments)
        for experiments in (fused, fused_precise):
            together(experiments)
        found = [apart(thetas(a), thetas(b)) for a, b in ((fused, single), (blocked, single), (fused_precise, precise))]
        print(f"| {epochs} | " + " | ".join(f"{difference:.1e}" for difference in found) + " |", flush=True)


def study(rounds: int, limit: int) -> None:
    """The jobs of one seed of the headline study on part of MNIST, and how the whole study falls into units."""
    line = "experiment=sigmoid_mse_vs_relu_ce data=mnist probe=off"
    jobs = plan(CommandLine((*line.split(), "tracking=none", "progress=false"))).jobs
    sizes = [len(unit) for unit in units(arranged(jobs, "auto"))]
    print(f"{len(jobs)} jobs in {len(sizes)} units of {min(sizes)} to {max(sizes)}", flush=True)
    unit = next(unit for unit in units(arranged(jobs, "auto")) if len(unit) > 1)
    configs = [replace(job.config, epochs=1, data={**job.config.data, "limit": limit}) for job in unit]
    ratios = []
    for _ in range(rounds):
        took = one_by_one([build(config) for config in configs[:: len(configs) // 4]])
        ratios.append(took / together(sorted((build(config) for config in configs), key=kinds_of)))
    print(f"one unit of {len(unit)}: {statistics.median(ratios):.2f} times as fast per run ({sorted(ratios)})")


STEP = """
import statistics, time
from threadpoolctl import threadpool_limits
from bpexp.config.composition import CommandLine
from bpexp.running.build import build
from bpexp.running.plan import plan
from bpexp.training.trainer import train
line = {line!r}.split() + ["tracking=none", "progress=false"]
job = plan(CommandLine(tuple(line))).jobs[0]
with threadpool_limits(1):
    took = []
    for _ in range(7):
        experiment = build(job.config)
        began = time.process_time()
        train(experiment.trainer, [])
        took.append(time.process_time() - began)
print(min(took))
"""


def step(of: Path, rounds: int) -> None:
    """The training loop of one run here, over that of another checkout, in turns."""
    lines = {"2-8-2, B = 4": f"{XOR} lr=0.1", "784-32-32-10, B = 32": f"{MNIST} epochs=3 lr=0.1"}
    for name, line in lines.items():
        ratios = []
        for n in range(rounds):
            took = {}
            for folder in (Path.cwd(), of)[:: -1 if n % 2 else 1]:
                done = subprocess.run(
                    [sys.executable, "-c", STEP.format(line=line)],
                    cwd=folder,
                    env={**os.environ, "PYTHONPATH": str(folder.absolute())},
                    capture_output=True,
                    text=True,
                    check=True,
                )
                took[folder] = float(done.stdout)
            ratios.append(took[Path.cwd()] / took[of])
        print(f"{name}: {statistics.median(ratios):.3f} of {of} ({' '.join(f'{r:.3f}' for r in sorted(ratios))})")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="table", choices=["table", "rule", "rounding", "study", "step"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--limit", type=int, default=12_000, help="samples of MNIST for `study`")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--of", type=Path, help="another checkout, for `step`")
    asked = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with threadpool_limits(1):
        if asked.what in ("table", "rule"):
            cases = CASES if asked.what == "table" else OTHERS
            table({name: line for name, line in cases.items() if asked.only in name}, asked.rounds)
        elif asked.what == "rounding":
            rounding()
        elif asked.what == "study":
            study(asked.rounds, asked.limit)
        else:
            step(asked.of, asked.rounds)


if __name__ == "__main__":
    main()
