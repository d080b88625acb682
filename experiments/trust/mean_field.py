"""Mean field against measured: the share of delta that reaches the first of twelve hidden layers, before training.

python -m experiments.trust.mean_field [--data mnist] [--images 2000] [--seeds 20] [--out FOLDER]

Every network is a declared run of bpexp (784, twelve layers of 32 units, 10) whose probes measure delta and the forward
signal at the first step and predict both. Writes mean_field.json, and the tables of the README as mean_field.md.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import bpexp
from bpexp.study.statistics import mean_interval

FOLDER = Path(__file__).parent
DEPTH = 12
DIGITS = 5
FIRST = 100
"""The first seed: the studies use those from 0 on, whose networks this table leaves unseen."""

ACTIVATIONS = ("sigmoid", "tanh", "relu")
INITIALIZERS: dict[str, dict[str, Any]] = {
    "Xavier": {"init": "xavier_normal"},
    "He": {"init": "he_normal"},
    "sigma_w = 10": {"init": "lecun_normal", "init.gain": 10},
}
"""sigma_w = 10 is near the critical value of a sigmoid, 10.15, and far above those of tanh, 1, and ReLU, 1.41."""

DECLARED = {
    "model": "deep_relu",
    "model.depth": DEPTH,
    "dtype": "float64",
    "batch_size": "full",
    "epochs": 1,
    "lr": 1e-30,
    "tracking": "none",
    "probe.measures": ["delta_norm", "forward", "mean_field"],
}
"""One step, which changes nothing: what is measured is the network as it is drawn."""


def first(history: Any, name: str) -> float:
    """The value at the first step."""
    return float(history[name].dropna().iloc[0])


def one(activation: str, init: str, data: str, images: int, seed: int, folder: str) -> dict[str, list[float]]:
    """Of one network: log10 of delta_l / delta_12 for l = 1 to 12 and of the spread between images, and predictions."""
    declared = DECLARED | INITIALIZERS[init] | {"activation": activation, "data": data, "data.limit": images}
    history = bpexp.run(**declared, seed=seed, **{"hydra.run.dir": f"{folder}/{activation}-{init[:3]}-{seed}"}).history
    found = {}
    for label, norm, spread in (
        ("measured", "delta_norm", "forward/sample_spread"),
        ("predicted", "mean_field/delta_norm", "mean_field/forward/sample_spread"),
    ):
        deltas = [math.log10(first(history, f"{norm}/layer_{l}")) for l in range(1, DEPTH + 1)]
        found[label] = [round(delta - deltas[-1], DIGITS) for delta in deltas]
        spreads = [math.log10(first(history, f"{spread}/layer_{l}")) for l in range(1, DEPTH + 1)]
        found[f"spread {label}"] = [round(value, DIGITS) for value in spreads]
    return found


def measure(data: str, images: int, seeds: int) -> dict[str, Any]:
    """All networks: lists (seeds, 12) of decades by layer, for each activation and initializer."""
    cases: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for activation in ACTIVATIONS:
            for init in INITIALIZERS:
                runs = [one(activation, init, data, images, seed, folder) for seed in range(FIRST, FIRST + seeds)]
                by_layer = {key: [run[key] for run in runs] for key in runs[0]}
                cases.append({"activation": activation, "init": init, "by_layer": by_layer})
    return {"data": data, "images": images, "seeds": seeds, "depth": DEPTH, "width": 32, "cases": cases}


def decades(case: dict[str, Any], key: str) -> Any:
    """(seeds, 12) numbers of a case."""
    return np.array(case["by_layer"][key])


def extrapolated(case: dict[str, Any]) -> float:
    """What the change of delta from layer 2 to layer 1 says if it is taken for that of every layer: eleven times it."""
    measured = decades(case, "measured")
    return float((DEPTH - 1) * (measured[:, 0] - measured[:, 1]).mean())


HEAD = (
    *("activation", "weights", "measured", "mean field", "difference", "eleven times layer 1"),
    *("spread, measured", "spread, mean field"),
)


def tables(results: dict[str, Any]) -> str:
    """The nine combinations, and by layer the one for which the first layer misleads most, as Markdown."""
    lines = ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    for case in results["cases"]:
        measured, predicted = decades(case, "measured")[:, 0], decades(case, "predicted")[:, 0]
        spread, theory = decades(case, "spread measured")[:, -1], decades(case, "spread predicted")[:, -1]
        cells = [
            case["activation"],
            case["init"],
            f"{measured.mean():+.2f}",
            f"{predicted.mean():+.2f}",
            bounds(measured - predicted),
            f"{extrapolated(case):+.2f}",
            f"{spread.mean():+.2f}",
            f"{theory.mean():+.2f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_by_layer(results)]) + "\n"


def bounds(values: Any) -> str:
    """Mean and Student's 95 % interval over the seeds."""
    interval = mean_interval(values)
    return f"{interval.mean:+.2f} [{interval.low:+.2f}, {interval.high:+.2f}]"


def _by_layer(results: dict[str, Any]) -> list[str]:
    (case,) = (c for c in results["cases"] if (c["activation"], c["init"]) == ("tanh", "He"))
    measured, predicted = decades(case, "measured").mean(axis=0), decades(case, "predicted").mean(axis=0)
    straight = [(DEPTH - l) * (measured[0] - measured[1]) for l in range(1, DEPTH + 1)]
    rows = {"measured": measured, "mean field, layer by layer": predicted, "change of layer 1, extrapolated": straight}
    head = ["tanh, He: layer", *map(str, range(1, DEPTH + 1))]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return lines + [f"| {name} | " + " | ".join(f"{v:+.2f}" for v in values) + " |" for name, values in rows.items()]


def main() -> None:
    """Measure, and write the results and the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=FOLDER)
    said = parser.parse_args()
    results = measure(said.data, said.images, said.seeds)
    (said.out / "mean_field.json").write_text(json.dumps(results) + "\n", encoding="utf-8")
    text = tables(results)
    (said.out / "mean_field.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
