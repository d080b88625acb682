"""The forward and backward pass of a sample, or a few, as a list of lines: symbol, equation, source, numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bpexp.gradients.backprop import backprop, backward, forward
from bpexp.gradients.verification import Verification, verify
from bpexp.insight.paper_sources import source
from bpexp.nn.activations import Activation
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head, error_of
from bpexp.nn.network import Network, Workspace

Section = Literal["parameters", "forward", "backward", "gradient", "update"]


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
    """The lines in the order of computation, the cost, and the verification of the gradient."""

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
        x: (n_0, 1) input, or (n_0, B) of a batch.
        y: (n_L, 1) target, or (n_L, B).
        tolerance: largest relative error of an entry of the gradient.
    """
    lines, cost = pass_lines(network, head, hidden, x, y)
    rng = np.random.default_rng(0)
    parts = [part for pair in network.parameters(network.theta) for part in pair]
    every = max(part.size for part in parts) if network.theta.size <= 1000 else 10
    check = verify(backprop(), network, head, x, y, rng=rng, coordinates=2 * every, tolerance=tolerance)
    return SampleTrace(lines, check, cost)


def pass_lines(network: Network, head: Head, hidden: Sequence[str], x: Array, y: Array) -> tuple[list[Line], float]:
    """The lines of one sample, or of a batch, and the cost, in float64; arguments as in `trace_sample`."""
    twin = network.at(network.theta.astype(np.float64))
    x, y, B = x.astype(np.float64), y.astype(np.float64), x.shape[1]
    work, weight = twin.workspace(B), head.weight(B)
    forward(twin, x, work)
    costs = head.cost_and_delta(work.z[-1], y, work.a[-1], work.delta[-1])
    cost = float(costs.sum()) * weight
    vector = np.empty_like(twin.theta)
    slots = list(twin.parameters(vector))
    backward(twin, work, slots, np.ones((B, 1)))
    vector *= weight
    lines = _parameter_lines(twin)
    lines += _forward_lines(work, y, head, hidden) + _cost_lines(head, costs, cost, len(work.z))
    lines += _top_lines(head, work.z[-1], work.a[-1], y, work.delta[-1], len(work.z))
    return lines + _backward_lines(work.delta, work.slope) + _gradient_lines(slots, head, B), cost


def update_lines(network: Network, theta: Array, lr: float, rule: str = "") -> list[Line]:
    """The parameters theta (P,) after an update, by layer; `rule` says by what, where not by gradient descent alone."""
    lines = []
    for l, (W, b) in enumerate(network.parameters(theta), start=1):
        for letter, value in (("W", W), ("b", b)):
            text, latex = f"{letter}^{l} - {lr:.8g} dC/d{letter}^{l}", _update_latex(letter, l, lr)
            if rule:
                text, latex = f"{letter}^{l} after {rule}", rf"{letter}^{{{l}}} + \Delta {letter}^{{{l}}}"
            found = source("gradient descent") if not rule else f"{rule}; it is no formula of the papers"
            lines.append(Line("update", f"new {letter}^{l}".replace(" ", "_"), text, latex, found, value))
    return lines


def _update_latex(letter: str, l: int, lr: float) -> str:
    return rf"{letter}^{{{l}}} - {lr:.8g} \, \partial C / \partial {letter}^{{{l}}}"


def _parameter_lines(network: Network) -> list[Line]:
    lines = []
    for l, layer in enumerate(network.layers, start=1):
        for letter, value in (("W", layer.W), ("b", layer.b)):
            lines.append(Line("parameters", f"{letter}^{l}", "", "", "", value))
    return lines


def _forward_lines(work: Workspace, y: Array, head: Head, hidden: Sequence[str]) -> list[Line]:
    x, z, a = work.x, work.z, work.a
    said = "the sample" if x.shape[1] == 1 else "the samples, a column each"
    lines = [Line("forward", "a^0", "x", "x", said, x), Line("forward", "y", "target", r"\text{target}", said, y)]
    for l, f in enumerate([*hidden, head.name.split("+")[0]], start=1):
        z_latex = rf"W^{{{l}}} a^{{{l - 1}}} + b^{{{l}}}"
        a_latex = rf"\mathrm{{{f}}}(z^{{{l}}})".replace("_", r"\_")
        lines.append(Line("forward", f"z^{l}", f"W^{l} a^{l - 1} + b^{l}", z_latex, source("forward"), z[l - 1]))
        lines.append(Line("forward", f"a^{l}", f"{f}(z^{l})", a_latex, source("forward"), a[l - 1]))
    return lines


def _cost_lines(head: Head, costs: Array, cost: float, L: int) -> list[Line]:
    """C of one sample; of a batch C_k of each, and C."""
    name = head.name.split("+")[1]
    text, latex, found, value = f"{name}(a^{L}, y)", rf"C(a^{{{L}}}, y)", source(name), np.array([[cost]])
    if len(costs) == 1:
        return [Line("forward", "C", text, latex, found, value)]
    each = Line("forward", "C_k", text, latex, found, costs[np.newaxis])
    whole = r"\frac{1}{B} \sum_k C_k" if head.batch == "mean" else r"\sum_k C_k"
    return [each, Line("forward", "C", f"{head.batch} of C_k", whole, source(f"{head.batch} of samples"), value)]


def _top_lines(head: Head, z: Array, a: Array, y: Array, delta: Array, L: int) -> list[Line]:
    """delta^L, as c (a - y) where a closed form is that, else by the chain rule with its factors."""
    error = error_of(head.output, z, y)
    constant = _constant(delta, error)
    if head.form == "closed" and np.allclose(delta, constant * error, rtol=1e-9, atol=0):
        text, latex = (_times(constant, difference) for difference in (f"a^{L} - y", rf"a^{{{L}}} - y"))
        return [Line("backward", f"delta^{L}", text, latex, source(head.name), delta)]
    slope = head.slope(z, y)
    found = source("slope of C") if np.isfinite(slope).all() else _not_finite(slope, head)
    lines = [Line("backward", f"dC/da^{L}", "slope of C", r"\nabla_a C", found, slope)]
    if not isinstance(head.output, Activation):
        text = f"sum_j dC/da_j^{L} da_j^{L}/dz_i^{L}"
        latex = r"\sum_j \frac{\partial C}{\partial a_j} \frac{\partial a_j}{\partial z_i}"
        return [*lines, Line("backward", f"delta^{L}", text, latex, source("full chain rule"), delta)]
    lines.append(_slope_line(L, head.output.df(z)))
    text, latex = f"dC/da^{L} * f'(z^{L})", rf"\nabla_a C \odot f'(z^{{{L}}})"
    return [*lines, Line("backward", f"delta^{L}", text, latex, source("delta^L"), delta)]


def _not_finite(slope: Array, head: Head) -> str:
    """Why dC/da is not finite, in place of its source."""
    if np.isnan(slope).any():
        return "not finite, for z is beyond the range of float64"
    return "infinite, for a is 0 or 1 in float64" + ("" if head.form == "chain" else "; delta is from z")


def _constant(delta: Array, difference: Array) -> float:
    """c in delta = c (a - y), from the largest entry."""
    k = int(np.abs(difference).argmax())
    return float(delta.flat[k] / difference.flat[k]) if difference.flat[k] else 1.0


def _times(constant: float, text: str) -> str:
    return text if abs(constant - 1) < 1e-12 else f"{constant:.8g} ({text})"


def _slope_line(l: int, slope: Array) -> Line:
    return Line("backward", f"f'(z^{l})", f"slope of a^{l}", rf"f'(z^{{{l}}})", source("slope of f"), slope)


def _backward_lines(delta: list[Array], slope: list[Array]) -> list[Line]:
    lines = []
    for l in range(len(delta) - 1, 0, -1):
        lines.append(_slope_line(l, slope[l - 1]))
        text = f"(W^{l + 1})^T delta^{l + 1} * f'(z^{l})"
        latex = rf"(W^{{{l + 1}}})^T \delta^{{{l + 1}}} \odot f'(z^{{{l}}})"
        lines.append(Line("backward", f"delta^{l}", text, latex, source("recursion"), delta[l - 1]))
    return lines


def _gradient_lines(slots: list[tuple[Array, Array]], head: Head, B: int) -> list[Line]:
    """dC/dW^l and dC/db^l; of a batch with the factor of its samples, and `1` for the column of ones (B, 1)."""
    text, latex = ("1/B ", r"\frac{1}{B} ") if B > 1 and head.batch == "mean" else ("", "")
    ones, ones_latex = (" 1", r" \mathbf{1}") if B > 1 else ("", "")
    found = source("gradient") if B == 1 else source("gradient of a batch")
    lines = []
    for l, (dW, db) in enumerate(slots, start=1):
        W = f"{text}delta^{l} (a^{l - 1})^T", rf"{latex}\delta^{{{l}}} (a^{{{l - 1}}})^T"
        b = f"{text}delta^{l}{ones}", rf"{latex}\delta^{{{l}}}{ones_latex}"
        lines += [Line("gradient", f"dC/dW^{l}", *W, found, dW), Line("gradient", f"dC/db^{l}", *b, found, db)]
    return lines
