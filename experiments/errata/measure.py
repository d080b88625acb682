"""Train 003's network with formulas as printed, many runs at a time.

python -m experiments.errata.measure [FORMULA ...] [--seeds 3] [--steps 1000] [--out FILE] [--quick]

`python -m bpexp experiment=errata` does the same, one run after the other. Here a batch that is read from memory serves
every run, and dC/dW^1 of all runs is one product; what is printed is done by the lines of `bpexp.papers`, and
tests/test_study_errata.py holds a step to that of the gradient method.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bpexp.config.schema import Config
from bpexp.data import DataSet, Part
from bpexp.gradients.backprop import backprop
from bpexp.gradients.comparison import angle
from bpexp.nn.architecture import Architecture
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head, build_head
from bpexp.nn.network import Network
from bpexp.papers.as_printed import FORMULAS, as_printed
from bpexp.papers.literal_pass import Steps, Walk
from bpexp.running.build import initialize
from bpexp.running.loading import load_data
from bpexp.running.outline import outline
from bpexp.running.streams import streams

LR = 0.1
PIECE = 2048
EVERY = 50
INITS: dict[str, dict[str, Any]] = {
    "he_normal": {"name": "he_normal"},
    "uniform": {"name": "uniform", "low": -0.5, "high": 0.5, "biases": "drawn"},
}
PRINTED = (
    "002-final",
    "003-db2-from-Delta1",
    "003-slope-index",
    "003-both-slips",
    "003-bias-in-sum",
    "003-limit",
    "002-db-free-index",
    "002-expanded-no-slope",
    "002-expanded-from-1",
    "002-expanded",
    "001-softmax-diagonal",
    "001-softmax-left-out",
)
"""Formulas that run on 784-10-10 with softmax and cross-entropy, the right one first."""


@dataclass(eq=False)
class Run:
    """One training: its network, what is printed, and what became of it."""

    formula: str
    init: str
    seed: int
    network: Network
    cosine: float = 1.0
    accuracy: list[float] = field(default_factory=list)

    @property
    def steps(self) -> Steps:
        code = FORMULAS[self.formula].code
        assert isinstance(code, Steps)
        return code

    def record(self) -> dict[str, Any]:
        """What is kept."""
        return {key: getattr(self, key) for key in ("formula", "init", "seed", "cosine", "accuracy")}


def config(init: str, seed: int, data: dict[str, Any], dtype: str = "float32") -> Config:
    """784-10-10 with softmax and cross-entropy, as conf/experiment/errata.yaml declares it."""
    return Config(
        model=Architecture("mnist_small", [10]),
        activation={"name": "relu"},
        output={"name": "softmax"},
        loss={"name": "cross_entropy"},
        init=dict(INITS[init]),
        gradient={"name": "backprop"},
        probe={"name": "off"},
        data={"validation": 0, **data},
        seed=seed,
        dtype=dtype,
    )


def make_runs(formulas: list[str], seeds: int, data: DataSet, head: Head, dtype: str = "float32") -> list[Run]:
    """Every formula from the same weights, for each kind of weights and seed."""
    runs = []
    for init in INITS:
        for seed in range(seeds):
            c = config(init, seed, {}, dtype)
            for formula in formulas:
                planned = outline(c, data)
                initialize(c, planned, streams(seed))
                runs.append(Run(formula, init, seed, planned.network))
    return runs


def gradients(runs: list[Run], head: Head, part: Part) -> list[Array]:
    """The printed gradient of every run over a whole part, in pieces; dC/dW^1 of all of them is one product."""
    first = np.concatenate([run.network.layers[0].W for run in runs])
    totals = [np.zeros_like(run.network.theta) for run in runs]
    slots = [list(run.network.parameters(total)) for run, total in zip(runs, totals, strict=True)]
    dW = np.zeros_like(first)
    for start in range(0, len(part), PIECE):
        x, y = part.batch(part.rows[start : start + PIECE])
        delta = np.empty((len(first), x.shape[1]), first.dtype)
        for k, run in enumerate(runs):
            own = slice(10 * k, 10 * k + 10)
            delta[own] = upper(run, head, x, y, len(part), slots[k])
        dW += delta @ x.T
    for k in range(len(runs)):
        slots[k][0][0][...] = dW[10 * k : 10 * k + 10] / np.float32(len(part))
    return totals


def upper(run: Run, head: Head, x: Array, y: Array, N: int, slots: list[tuple[Array, Array]]) -> Array:
    """Run the printed lines up to delta^1, which is returned, and add the gradients that need no more to `slots`."""
    one, two = run.network.layers
    s = Walk(head, y, 2, N, 1 / N, {1: one.W, 2: two.W}, {1: one.b, 2: two.b}, {1: one.f, 2: two.f}, {0: x})
    for l in (1, 2):
        s.z[l] = run.steps.z(s, l)
        s.a[l] = s.f[l].f(s.z[l])
    s.delta[2] = run.steps.last(s, 2)
    s.delta[1] = run.steps.carry(s, 2)
    slots[0][1][...] += run.steps.bias(s, 1)
    slots[1][0][...] += run.steps.weight(s, 2)
    slots[1][1][...] += run.steps.bias(s, 2)
    return s.delta[1]


def accuracies(runs: list[Run], part: Part) -> list[float]:
    """The share of `part` that each run's network gets right."""
    x, _ = part.batch()
    assert part.labels is not None
    labels = part.labels[part.rows]
    return [float((run.network.logits(x).argmax(axis=0) == labels).mean()) for run in runs]


def cosines(runs: list[Run], head: Head, part: Part) -> None:
    """The cosine of each printed gradient with back-propagation's, at the first weights."""
    x, y = part.batch()
    known: dict[tuple[str, int], Array] = {}
    for run in runs:
        key = (run.init, run.seed)
        if key not in known:
            known[key] = backprop()(run.network, head, x, y).vector
        method = as_printed(run.formula)
        run.cosine = float(np.cos(np.radians(angle(method(run.network, head, x, y).vector, known[key]))))


def train(runs: list[Run], head: Head, data: DataSet, steps: int, every: int, out: Path) -> None:
    """Full-batch gradient descent of every run; the test accuracy after every `every` steps."""
    assert data.test is not None
    begin = time.monotonic()
    for step in range(steps + 1):
        if step % every == 0:
            for run, accuracy in zip(runs, accuracies(runs, data.test), strict=True):
                run.accuracy.append(accuracy)
            content = {"step": step, "every": every, "lr": LR, "samples": len(data.train), "digest": data.digest}
            content |= {"numpy": np.__version__, "runs": [run.record() for run in runs]}
            out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            print(f"step {step}, {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
        if step < steps:
            for run, gradient in zip(runs, gradients(runs, head, data.train), strict=True):
                run.network.theta -= np.asarray(LR * gradient, dtype=gradient.dtype)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formulas", nargs="*", default=list(PRINTED))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("results.json"))
    parser.add_argument("--quick", action="store_true", help="500 bundled images, 20 steps, one seed")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seeds, arguments.steps = 1, 20
    threadpool_limits(1)
    declared = {"name": "mnist_5k", "limit": 500} if arguments.quick else {"name": "mnist"}
    head = build_head({"name": "softmax"}, {"name": "cross_entropy"})
    data = load_data(config("he_normal", 0, declared))
    runs = make_runs(arguments.formulas, arguments.seeds, data, head)
    cosines(runs, head, data.train)
    with np.errstate(
        over="ignore", invalid="ignore", divide="ignore"
    ):  # a wrong formula may diverge, and that is a result
        train(runs, head, data, arguments.steps, 5 if arguments.quick else EVERY, arguments.out)


if __name__ == "__main__":
    main()
