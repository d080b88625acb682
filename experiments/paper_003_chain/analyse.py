"""A chain of single neurons: the product formula of 003 beside backprop, and how the product shrinks with depth.

python experiments/paper_003_chain/analyse.py                         the formula, and no runs
python experiments/paper_003_chain/analyse.py multirun/DATE/TIME      the trained chains
python experiments/paper_003_chain/analyse.py figure FIGURE.png       the product against depth
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from bpexp.gradients.backprop import backprop
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network
from bpexp.records.journal import history
from bpexp.records.outcome import read_outcome

NAMES = ("sigmoid", "tanh", "relu")
DEPTHS = range(1, 31)
WEIGHTS = (1.0, 4.0)


def chain(name: str, w: Any, b: Any) -> Network:
    """A network of one neuron a layer with weights w (L,) and biases b (L,), in float64."""
    f = activations.build(name)
    network = Network([1] * (len(w) + 1), [f] * (len(w) - 1), f, "float64")
    network.theta[0::2], network.theta[1::2] = w, b
    return network


def product_formula(name: str, w: Any, b: Any, x: float, y: float) -> tuple[Any, Any, Any]:
    """dC/dw and dC/db (L,) of C = (a^L - y)^2 as 003 prints them, and the products (L,).

    dC/dw^(L-j) = 2 (a^L - y) (prod_{i=1..j} mu'(z^(L-i+1)) w^(L-i+1)) mu'(z^(L-j)) a^(L-j-1)
    """
    f = activations.build(name)
    a, z = [np.array([x])], []
    for weight, bias in zip(w, b, strict=True):
        z.append(weight * a[-1] + bias)
        a.append(f.f(z[-1]))
    L = len(w)
    slope = [float(f.df(value)[0]) for value in z]
    product = [float(np.prod([slope[l] * w[l] for l in range(L - j, L)])) for j in range(L)][::-1]
    dC_db = [2 * (a[L][0] - y) * product[l] * slope[l] for l in range(L)]
    return np.array([g * a[l][0] for l, g in enumerate(dC_db)]), np.array(dC_db), np.array(product)


def disagreement(name: str, w: Any, b: Any, x: float, y: float) -> float:
    """max |backprop - formula| over the weights and biases, each relative to the formula's own value."""
    dC_dw, dC_db, _ = product_formula(name, w, b, x, y)
    head = build_head({"name": name}, {"name": "mse"})
    vector = backprop()(chain(name, w, b), head, np.array([[x]]), np.array([[y]])).vector
    formula = np.stack([dC_dw, dC_db], axis=1).ravel()
    scale = np.where(formula == 0, 1.0, np.abs(formula))
    return float((np.abs(vector - formula) / scale).max())


def agreement() -> None:
    """Print the largest relative difference over depths and random chains."""
    rng = np.random.default_rng(0)
    print("| activation | chains | max relative difference |\n|---|---|---|")
    for name in NAMES:
        errors = []
        for L in DEPTHS:
            for _ in range(20):
                w, b = rng.normal(0, 1, L), rng.normal(0, 1, L)
                errors.append(disagreement(name, w, b, *rng.normal(0, 1, 2)))
        print(f"| {name} | {len(errors)} | {max(errors):.1e} |")
    print("\n| w | depth | " + " | ".join(NAMES) + " |\n|---|---|---|---|---|")
    for w in WEIGHTS:
        for L in (2, 4, 8, 16, 30):
            cells = " | ".join(f"{first_product(name, w, L):.1e}" for name in NAMES)
            print(f"| {w:g} | {L} | {cells} |")


def first_product(name: str, w: float, L: int) -> float:
    """da^L/da^1 of a chain with all weights w, all biases 0 and input 1: the product that reaches the first layer."""
    return float(product_formula(name, np.full(L, w), np.zeros(L), 1.0, 0.0)[2][0])


def figure(path: Path) -> None:
    """Draw the product against depth, a panel a weight."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(7.2, 3.4), dpi=120, layout="constrained")
    canvas = FigureCanvasAgg(drawing)
    styles = {"sigmoid": ("#D55E00", "-", "s"), "tanh": ("#0072B2", "--", "o"), "relu": ("#000000", "-.", "^")}
    for axes, w in zip(drawing.subplots(1, len(WEIGHTS)), WEIGHTS, strict=True):
        for name, (colour, line, marker) in styles.items():
            products = [first_product(name, w, L) for L in DEPTHS]
            axes.semilogy(DEPTHS, products, color=colour, linestyle=line, marker=marker, markevery=5, label=name)
        axes.set_title(f"all weights {w:g}, biases 0, input 1", fontsize=10)
        axes.set_xlabel("depth L")
        axes.set_ylabel("product of mu'(z) w over L - 1 layers")
        axes.grid(True, color="#E6E6E6", linewidth=0.7)
    axes.legend(frameon=False)
    canvas.print_png(str(path))


def trained(sweep: Path) -> None:
    """Print a row for each activation and depth of the sweep."""
    rows: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    for path in sweep.glob("*/result.json"):
        outcome = read_outcome(path.parent)
        first = history(path.parent / "metrics.jsonl")["grad_norm/W1"][0][1]
        depth = len(outcome.params["model.hidden"]) + 1
        rows[str(outcome.params["activation"]), depth].append((first, outcome.metrics["final/r2_test"]))
    print("| activation | layers | runs | median first gradient of w1 | r2 on test: median | best | runs above 0.5 |")
    print("|---|---|---|---|---|---|---|")
    for (name, depth), values in sorted(rows.items(), key=lambda row: (NAMES.index(row[0][0]), row[0][1])):
        gradient, r2 = np.array(values).T
        print(
            f"| {name} | {depth} | {len(values)} | {np.median(gradient):.1e} | {np.median(r2):.2f} | {r2.max():.2f} | "
            f"{(r2 > 0.5).sum()} |"
        )


if __name__ == "__main__":
    if len(sys.argv) == 1:
        agreement()
    elif sys.argv[1] == "figure":
        figure(Path(sys.argv[2]))
    else:
        trained(Path(sys.argv[1]))
