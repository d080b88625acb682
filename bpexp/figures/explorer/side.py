"""One network of the page as plain data: its weights at each snapshot, and the pass of each sample at it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bpexp.data.dataset import Part
from bpexp.figures.explorer.decimals import integers, packed, text
from bpexp.insight.snapshots import Snapshot, changes, layer_states
from bpexp.insight.trace import Line, pass_lines
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network
from bpexp.training.evaluation import evaluate
from bpexp.training.metrics import metrics

WIDE = 64
"""Inputs beyond which the weights of the first layer are a picture, with the numbers of the largest terms alone."""

PICTURES = 48
"""Units of such a layer that have a picture."""

FEW, TERMS = 8, 4
"""Inputs up to which each term of a sum is told, and the number of terms of a larger one."""

SATURATED = 0.99
"""The share of the samples from which on a unit is marked as saturated; one that is dead for all is marked as dead."""

Samples = Sequence[tuple[Array, Array]]
"""x (n_0, 1) and y (n_L, 1) of each sample."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """A network that was trained, and on what it is measured.

    Args:
        name: what it is, in words.
        network: its layers; the weights are those of the snapshots.
        head: output and loss.
        hidden: names of the hidden activations.
        parts: the parts of the data on which it is evaluated.
        fixed: x (n_0, B) and y (n_L, B), the batch on which its layers are measured.
        notes: what is to be known of it, in sentences.
    """

    name: str
    network: Network
    head: Head
    hidden: Sequence[str]
    parts: Mapping[str, Part]
    fixed: tuple[Array, Array]
    notes: Sequence[str] = ()


def told_side(side: Side, snapshots: Sequence[Snapshot], samples: Samples) -> dict[str, Any]:
    """Everything that the page tells of a network."""
    variants: list[list[list[str]]] = []
    with np.errstate(all="ignore"):  # of a network that diverged nothing is finite
        told = [_snapshot(side, one, snapshots[0].theta, samples, variants) for one in snapshots]
    return {
        "name": side.name,
        "functions": [*side.hidden, *side.head.name.split("+")],
        "notes": list(side.notes),
        "variants": variants,
        "snapshots": told,
    }


def _snapshot(
    side: Side, snapshot: Snapshot, start: Array, samples: Samples, variants: list[list[list[str]]]
) -> dict[str, Any]:
    network = side.network.at(snapshot.theta)
    quality = [f"{metric.name}/" for metric in metrics.values() if metric.chooses or metric.name == "loss"]
    found = {
        f"{name}/{part}": value
        for part, rows in side.parts.items()
        for name, value in evaluate(network, side.head, rows).items()
    }
    return {
        "label": snapshot.label,
        "step": snapshot.step,
        "epoch": snapshot.epoch,
        "metrics": {name: text(value) for name, value in found.items() if name.startswith(tuple(quality))},
        "layers": _layers(side, network, start),
        "weights": [_weights(l, W, b) for l, (W, b) in enumerate(network.parameters(network.theta))],
        "passes": [_pass(network, side, *sample, variants) for sample in samples],
    }


def _layers(side: Side, network: Network, start: Array) -> list[dict[str, str]]:
    """What is measured of each layer on the fixed batch, how far W is from its start, and a letter for each unit."""
    layers = []
    states = layer_states(network, side.head, *side.fixed)
    for state, change in zip(states, changes(network, network.theta, start), strict=True):
        told = {name: text(value) for name, value in {**state.measures, "change": change}.items() if value is not None}
        saturated = np.where(state.saturated >= SATURATED, "s", "-")
        layers.append({**told, "units": "".join(np.where(state.dead, "d", saturated))})
    return layers


def _weights(l: int, W: Array, b: Array) -> dict[str, Any]:
    """W and b of a layer, counted from 0; of a wide first layer a picture with 255 shades in place of W."""
    if l or W.shape[1] <= WIDE:
        return {"W": packed(W), "b": packed(b)}
    shown = W[:PICTURES]
    most = float(np.abs(shown).max())
    scaled = np.rint(shown / most * 127) + 128 if most > 0 else np.full(shown.shape, 128.0)
    shades = np.where(np.isfinite(scaled), scaled, 0).astype(np.uint8)
    picture = base64.b64encode(shades.tobytes()).decode()
    return {"picture": picture, "units": len(shown), "most": text(most), "b": packed(b)}


def weights_size(sizes: Sequence[int]) -> int:
    """Characters that the weights of a network with these widths take of the page, at one snapshot."""
    each = 4  # of a decimal in base64
    found = sum(n * (m + 1) for m, n in pairwise(sizes)) * each
    return found - (sizes[0] * sizes[1] * each if sizes[0] > WIDE else 0)


def _pass(network: Network, side: Side, x: Array, y: Array, variants: list[list[list[str]]]) -> dict[str, Any]:
    lines, _ = pass_lines(network, side.head, side.hidden, x, y)
    steps = [_step(line) for line in lines if line.section != "parameters"]
    if steps not in variants:
        variants.append(steps)
    value = {line.symbol: line.value for line in lines}
    below = [value[f"a^{l}"] for l in range(len(network.layers))]
    return {
        "variant": variants.index(steps),
        "values": {line.symbol: packed(line.value) for line in lines if line.section in ("forward", "backward")},
        "terms": _terms(value["W^1"], x) if len(x) > WIDE else None,
        "slopes": [_largest(value[f"dC/dW^{l}"], a) for l, a in enumerate(below, start=1)],
    }


def _step(line: Line) -> list[str]:
    return [line.section, line.symbol, line.equation, line.source]


def _terms(W: Array, a: Array) -> dict[str, str]:
    """Of each unit i the inputs j with the largest |W_ij a_j|, and their W_ij."""
    size = np.abs(W * a.T)
    chosen = np.argsort(-size, axis=1, kind="stable")[:, :TERMS]
    return {"j": integers(chosen), "W": packed(np.take_along_axis(W, chosen, axis=1))}


def _largest(slope: Array, a: Array) -> dict[str, str]:
    """The columns j of dC/dW (n_l, n_{l-1}) with the largest |a_j|, for as many j as a sum tells terms."""
    n = len(a)
    chosen = np.arange(n) if n <= FEW else np.argsort(-np.abs(a[:, 0]), kind="stable")[:TERMS]
    return {"j": integers(chosen), "values": packed(slope[:, chosen])}
