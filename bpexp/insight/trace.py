"""The forward and backward pass of one sample as a list of lines: symbol, equation, source, numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bpexp.gradients.backprop import backprop, backward, forward
from bpexp.gradients.verification import Verification, verify
from bpexp.nn.activations import Activation
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head, error_of
from bpexp.nn.network import Network, Workspace

Section = Literal["parameters", "forward", "backward", "gradient"]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """`symbol` = `equation` (as text and as LaTeX), its source in the papers, and its value."""

    section: Section
    symbol: str
    equation: str
    latex: str
    source: str
    value: Array


@dataclass(frozen=True, slots=True, eq=False)
class SampleTrace:
    """The lines of one sample in the order of computation, its cost, and the verification of its gradient."""

    lines: list[Line]
    check: Verification
    cost: float


def trace_sample(
    network: Network, head: Head, hidden: Sequence[str], x: Array, y: Array, *, tolerance: float = 1e-5
) -> SampleTrace:
    """Run forward and backward pass in float64 and compare the gradient with differences of the cost.

    Args:
        network: the network.
        head: its output and loss.
        hidden: names of the hidden activations, for the equations.
        x: (n_0, 1) input.
        y: (n_L, 1) target.
        tolerance: largest relative error of an entry of the gradient.
    """
    lines, cost = pass_lines(network, head, hidden, x, y)
    rng = np.random.default_rng(0)
    parts = [part for pair in network.parameters(network.theta) for part in pair]
    every = max(part.size for part in parts) if network.theta.size <= 1000 else 10
    check = verify(backprop(), network, head, x, y, rng=rng, coordinates=2 * every, tolerance=tolerance)
    return SampleTrace(lines, check, cost)


def pass_lines(network: Network, head: Head, hidden: Sequence[str], x: Array, y: Array) -> tuple[list[Line], float]:
    """The lines of one sample and its cost, in float64; arguments as in `trace_sample`."""
    twin = network.at(network.theta.astype(np.float64))
    x, y = x.astype(np.float64), y.astype(np.float64)
    work = twin.workspace(1)
    forward(twin, x, work)
    cost = float(head.cost_and_delta(work.z[-1], y, work.a[-1], work.delta[-1])[0])
    slots = list(twin.parameters(np.empty_like(twin.theta)))
    backward(twin, work, slots, np.ones((1, 1)))
    lines = _parameter_lines(twin)
    lines += _forward_lines(work, y, cost, head, hidden)
    lines += _top_lines(head, work.z[-1], work.a[-1], y, work.delta[-1], len(work.z))
    return lines + _backward_lines(work.delta, work.slope, slots), cost


def _parameter_lines(network: Network) -> list[Line]:
    lines = []
    for l, layer in enumerate(network.layers, start=1):
        for letter, value in (("W", layer.W), ("b", layer.b)):
            lines.append(Line("parameters", f"{letter}^{l}", "", "", "", value))
    return lines


def _forward_lines(work: Workspace, y: Array, cost: float, head: Head, hidden: Sequence[str]) -> list[Line]:
    x, z, a = work.x, work.z, work.a
    lines = [Line("forward", "a^0", "x", "x", "the sample", x), Line("forward", "y", "target", "y", "the sample", y)]
    for l, f in enumerate([*hidden, head.name.split("+")[0]], start=1):
        z_latex = rf"W^{{{l}}} a^{{{l - 1}}} + b^{{{l}}}"
        a_latex = rf"\mathrm{{{f}}}(z^{{{l}}})".replace("_", r"\_")
        lines.append(Line("forward", f"z^{l}", f"W^{l} a^{l - 1} + b^{l}", z_latex, "002, 003 forward", z[l - 1]))
        lines.append(Line("forward", f"a^{l}", f"{f}(z^{l})", a_latex, "002, 003 forward", a[l - 1]))
    name = head.name.split("+")[1]
    value = np.array([[cost]])
    lines.append(
        Line("forward", "C", f"{name}(a^{len(z)}, y)", rf"C(a^{{{len(z)}}}, y)", COST_SOURCES.get(name, ""), value)
    )
    return lines


COST_SOURCES = {
    "mse": "000 cost; 002 C_0; 003 C",
    "cross_entropy": "002, 003 cross-entropy",
    "binary_cross_entropy": "Nielsen, chapter 3",
    "mae": "mean absolute error",
    "huber": "Huber (1964)",
}
"""Source of the cost of one sample, by the name of the loss."""

DELTA_SOURCES = {
    "softmax+cross_entropy": "002 output layer error; 003 appendix",
    "sigmoid+binary_cross_entropy": "Nielsen, chapter 3",
}
"""Source of delta^L = c (a - y), by the name of the pairing."""


def _top_lines(head: Head, z: Array, a: Array, y: Array, delta: Array, L: int) -> list[Line]:
    """delta^L, as c (a - y) where a closed form is that, else by the chain rule with its factors."""
    error = error_of(head.output, z, y)
    constant = _constant(delta, error)
    if head.form == "closed" and np.allclose(delta, constant * error, rtol=1e-9, atol=0):
        source = DELTA_SOURCES.get(head.name, "closed form of the pairing")
        text, latex = (_times(constant, difference) for difference in (f"a^{L} - y", rf"a^{{{L}}} - y"))
        return [Line("backward", f"delta^{L}", text, latex, source, delta)]
    slope = head.slope(z, y)
    source = "003 dC/da_i" if np.isfinite(slope).all() else "infinite, for a is 0 or 1 in float64; delta is from z"
    lines = [Line("backward", f"dC/da^{L}", "slope of C", r"\nabla_a C", source, slope)]
    if not isinstance(head.output, Activation):
        text = f"sum_j dC/da_j^{L} da_j^{L}/dz_i^{L}"
        latex = r"\sum_j \frac{\partial C}{\partial a_j} \frac{\partial a_j}{\partial z_i}"
        return [*lines, Line("backward", f"delta^{L}", text, latex, "002 full chain rule", delta)]
    lines.append(_slope_line(L, head.output.df(z)))
    text, latex = f"dC/da^{L} * f'(z^{L})", rf"\nabla_a C \odot f'(z^{{{L}}})"
    return [*lines, Line("backward", f"delta^{L}", text, latex, "003 delta^L", delta)]


def _constant(delta: Array, difference: Array) -> float:
    """c in delta = c (a - y), from the largest entry."""
    k = int(np.abs(difference).argmax())
    return float(delta.flat[k] / difference.flat[k]) if difference.flat[k] else 1.0


def _times(constant: float, text: str) -> str:
    return text if abs(constant - 1) < 1e-12 else f"{constant:.8g} ({text})"


def _slope_line(l: int, slope: Array) -> Line:
    return Line("backward", f"f'(z^{l})", f"slope of a^{l}", rf"f'(z^{{{l}}})", "000 to 003", slope)


def _backward_lines(delta: list[Array], slope: list[Array], slots: list[tuple[Array, Array]]) -> list[Line]:
    lines = []
    for l in range(len(delta) - 1, 0, -1):
        lines.append(_slope_line(l, slope[l - 1]))
        text = f"(W^{l + 1})^T delta^{l + 1} * f'(z^{l})"
        latex = rf"(W^{{{l + 1}}})^T \delta^{{{l + 1}}} \odot f'(z^{{{l}}})"
        lines.append(Line("backward", f"delta^{l}", text, latex, "002 recursion; 003 delta^(l-1)", delta[l - 1]))
    for l, (dW, db) in enumerate(slots, start=1):
        text, latex = f"delta^{l} (a^{l - 1})^T", rf"\delta^{{{l}}} (a^{{{l - 1}}})^T"
        lines.append(Line("gradient", f"dC/dW^{l}", text, latex, "002, 003 vectorised results", dW))
        lines.append(
            Line("gradient", f"dC/db^{l}", f"delta^{l}", rf"\delta^{{{l}}}", "002, 003 vectorised results", db)
        )
    return lines
