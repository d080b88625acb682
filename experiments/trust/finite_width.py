"""What mean field does not predict: how far networks of 32 units scatter around it, and what they miss on average.

python -m experiments.trust.finite_width [--networks 400]

log10 of delta_1 / delta_12 before training, in networks of 784, twelve hidden layers of 32 units and 10, on 500 of the
bundled images.
"""

from __future__ import annotations

import argparse
import math
from typing import Any

import numpy as np

from bpexp.data import datasets
from bpexp.gradients.backprop import backprop
from bpexp.insight.mean_field import LayerLaw, chi, forward_signal
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.initializers import initializers
from bpexp.nn.network import Network

SIZES = [784, *[32] * 12, 10]
CASES = {"relu, sigma_w = 1.41 (He)": ("relu", math.sqrt(2)), "sigmoid, sigma_w = 10": ("sigmoid", 10.0)}


def measured(f: Any, sigma_w: float, x: Any, y: Any, seed: int) -> float:
    """log10 of delta_1 / delta_12 of one network."""
    head = build_head({"name": "softmax"}, {"name": "cross_entropy"})
    network = Network(SIZES, [f] * 12, head.output, "float64")
    network.initialize(initializers.build("lecun_normal", gain=sigma_w), np.random.default_rng(seed))
    delta = backprop()(network, head, x, y).workspace.delta
    return math.log10(np.linalg.norm(delta[0]) / np.linalg.norm(delta[11]))


def predicted(f: Any, sigma_w: float, x: Any) -> float:
    """The same by mean field."""
    layers = [LayerLaw(n, sigma_w**2 / n) for n in SIZES[:-1]]
    signals = forward_signal([f] * 12, layers, float(np.square(x).mean()), float(x.var(axis=1, ddof=1).mean()))
    return 0.5 * math.log10(math.prod(chi([f] * 12, layers, [signal.q for signal in signals])[:11]))


def main() -> None:
    """Print one row for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=400)
    said = parser.parse_args()
    raw = datasets.build("mnist_5k").load(np.random.default_rng(0))
    x, y = raw.X[::10].T / 255, np.eye(10)[:, raw.y[::10]]
    head = ["networks", "mean field", "mean measured", "its standard error", "standard deviation of one"]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for name, (activation, sigma_w) in CASES.items():
        f = activations.build(activation)
        found = np.array([measured(f, sigma_w, x, y, seed) for seed in range(1000, 1000 + said.networks)])
        spread = float(found.std(ddof=1))
        cells = [predicted(f, sigma_w, x), float(found.mean()), spread / math.sqrt(len(found)), spread]
        print(f"| {name} | " + " | ".join(f"{cell:+.3f}" for cell in cells[:2]), end="")
        print(" | " + " | ".join(f"{cell:.3f}" for cell in cells[2:]) + " |")


if __name__ == "__main__":
    main()
