"""Train 003's network with formulas as printed, many runs at a time.

python -m experiments.errata.measure [FORMULA ...] [--seeds 3] [--steps 1000] [--out FILE] [--quick]

`python -m bpexp experiment=errata` does the same, one run after the other. Here each piece of the images is read
from memory once for all runs, and dC/dW^1 of all runs is one product. The gradients come from the same printed lines as
those of `gradient=as_printed`; tests/test_study_errata.py compares the two.
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
from bpexp.papers.as_printed import as_printed
from bpexp.papers.errata import FORMULAS
from bpexp.papers.literal_pass import Lines, LiteralPass
from bpexp.papers.paper_003 import bias_in_sum
from bpexp.running.build import initialize
from bpexp.running.loading import load_data
from bpexp.running.outline import outline
from bpexp.running.streams import streams

LR = 0.1
PIECE = 2048
EVERY = 50
BIAS_COUNTS = {Lines().z: 1, bias_in_sum: 784}
"""How many times b^1 is added to W^1 x, for the forward passes that this product is enough for."""
SUMMED = "003-summary-sum"
"""The formula whose gradient is the sum over the samples."""
INITS: dict[str, dict[str, Any]] = {
    "he_normal": {"name": "he_normal"},
    "uniform": {"name": "uniform", "low": -0.5, "high": 0.5, "biases": "drawn"},
}
TRAINED = (
    "002-final",
    "003-db2-from-Delta1",
    "003-slope-index",
    "003-bias-in-sum",
    "003-limit",
    "003-summary-sum",
    "002-expanded",
    "003-both-slips",
    "002-db-bound-index",
)
"""The printed formulas that run on 784-10-10 with softmax and cross-entropy, first the correct one; two readings."""


@dataclass(eq=False)
class Run:
    """One training: its formula, initial weights and network, and what was measured."""

    formula: str
    init: str
    seed: int
    network: Network
    cosine: float = 1.0
    accuracy: list[float] = field(default_factory=list)
    with_right_forward: list[float] = field(default_factory=list)

    @property
    def lines(self) -> Lines:
        """The lines of back-propagation, with those that the formula replaces."""
        code = FORMULAS[self.formula].code
        assert isinstance(code, Lines)
        return code

    def record(self) -> dict[str, Any]:
        """The results, for the JSON file."""
        return {
            key: getattr(self, key) for key in ("formula", "init", "seed", "cosine", "accuracy", "with_right_forward")
        }


def config(init: str, seed: int, data: dict[str, Any], dtype: str = "float32") -> Config:
    """784-10-10 with softmax and cross-entropy, as conf/experiment/errata.yaml declares it."""
    return Config(
        model=Architecture("mnist_small", [10]),
        activation={"name": "relu"},
        output={"name": "softmax"},
        loss={"name": "cross_entropy"},
        init=dict(INITS[init]),
        gradient={"name": "backprop"},
        optimizer={"name": "sgd"},
        probe={"name": "off"},
        data={"validation": 0, **data},
        seed=seed,
        dtype=dtype,
    )


def make_runs(formulas: list[str], seeds: int, data: DataSet, head: Head, dtype: str = "float32") -> list[Run]:
    """One run for each formula, initializer and seed; all formulas start from the same weights."""
    runs = []
    for init in INITS:
        for seed in range(seeds):
            c = config(init, seed, {}, dtype)
            for formula in formulas:
                planned = outline(c, data)
                initialize(c, planned, streams(seed))
                network = planned.network
                runs.append(Run(formula, init, seed, network))
    return runs


def gradients(runs: list[Run], head: Head, part: Part) -> list[Array]:
    """The printed gradient of every run over a whole part, in pieces; W^1 a^0 and dC/dW^1 are one product for all."""
    first = np.concatenate([run.network.layers[0].W for run in runs])
    totals = [np.zeros_like(run.network.theta) for run in runs]
    slots = [list(run.network.parameters(total)) for run, total in zip(runs, totals, strict=True)]
    dW = np.zeros_like(first)
    for start in range(0, len(part), PIECE):
        x, y = part.batch(part.rows[start : start + PIECE])
        product, delta = first @ x, np.empty((len(first), x.shape[1]), first.dtype)
        for k, run in enumerate(runs):
            own = slice(10 * k, 10 * k + 10)
            delta[own] = upper(run, forward(run, head, x, y, len(part), product[own]), slots[k])
        dW += delta @ x.T
    for k, run in enumerate(runs):
        share = 1 if run.formula == SUMMED else 1 / len(part)
        slots[k][0][0][...] = np.float32(share) * dW[10 * k : 10 * k + 10]
    return totals


def forward(run: Run, head: Head, x: Array, y: Array, N: int, product: Array) -> LiteralPass:
    """The printed forward pass of one piece, x (784, B) and y (10, B), of N samples; `product` is W^1 x."""
    one, two = run.network.layers
    W, b, f = {1: one.W, 2: two.W}, {1: one.b, 2: two.b}, {1: one.f, 2: two.f}
    p = LiteralPass(head, y, 2, N, 1 / N, W, b, f, {0: x})
    for l in (1, 2):
        times = BIAS_COUNTS.get(run.lines.z) if l == 1 else None
        p.z[l] = product + times * one.b if times else run.lines.z(p, l)
        p.a[l] = f[l].f(p.z[l])
    return p


def upper(run: Run, p: LiteralPass, slots: list[tuple[Array, Array]]) -> Array:
    """Run the printed lines behind a forward pass; add dC/db^1, dC/dW^2, dC/db^2 to `slots` and return delta^1."""
    p.delta[2] = run.lines.last(p, 2)
    p.delta[1] = run.lines.carry(p, 2)
    slots[0][1][...] += run.lines.bias(p, 1)
    slots[1][0][...] += run.lines.weight(p, 2)
    slots[1][1][...] += run.lines.bias(p, 2)
    return p.delta[1]


def accuracies(runs: list[Run], head: Head, part: Part) -> list[tuple[float, float]]:
    """The accuracy of each network on `part`, by its printed forward pass and by z = W a + b."""
    x, y = part.batch()
    assert part.labels is not None
    labels = part.labels[part.rows]
    found = []
    for run in runs:
        printed = forward(run, head, x, y, len(part), run.network.layers[0].W @ x).z[2]
        found.append(tuple(float((z.argmax(axis=0) == labels).mean()) for z in (printed, run.network.logits(x))))
    return found  # type: ignore[return-value]


def cosines(runs: list[Run], head: Head, part: Part) -> None:
    """Set the cosine of each printed gradient with the one of back-propagation, at the initial weights."""
    x, y = part.batch()
    known: dict[tuple[str, int], Array] = {}
    for run in runs:
        key = (run.init, run.seed)
        if key not in known:
            known[key] = backprop()(run.network, head, x, y).vector
        method = as_printed(run.formula)
        run.cosine = float(np.cos(np.radians(angle(method(run.network, head, x, y).vector, known[key]))))


def train(runs: list[Run], head: Head, data: DataSet, steps: int, every: int, out: Path) -> None:
    """Full-batch gradient descent of every run; writes the test accuracies to `out` every `every` steps."""
    assert data.test is not None
    begin = time.monotonic()
    for step in range(steps + 1):
        if step % every == 0:
            for run, (printed, right) in zip(runs, accuracies(runs, head, data.test), strict=True):
                run.accuracy.append(printed)
                run.with_right_forward.append(right)
            content = {"step": step, "every": every, "lr": LR, "samples": len(data.train), "digest": data.digest}
            content |= {"numpy": np.__version__, "runs": [run.record() for run in runs]}
            out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            print(f"step {step}, {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
        if step < steps:
            for run, gradient in zip(runs, gradients(runs, head, data.train), strict=True):
                run.network.theta -= np.asarray(LR * gradient, dtype=gradient.dtype)


def main() -> None:
    """Run the measurement that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formulas", nargs="*", default=list(TRAINED))
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
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a wrong formula may diverge: a result
        train(runs, head, data, arguments.steps, 5 if arguments.quick else EVERY, arguments.out)


if __name__ == "__main__":
    main()
