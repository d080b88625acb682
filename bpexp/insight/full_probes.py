"""Probes of the full set: activations, weights, cosine between the gradients of successive steps."""

from __future__ import annotations

import numpy as np

from bpexp.insight.pieces import Piece, Spread
from bpexp.insight.probes import Measures, View, norm, probe


def _activations(piece: Piece) -> dict[str, Spread]:
    return {f"layer_{l}": piece.spread(a) for l, a in enumerate(piece.work.a, start=1)}


@probe("activation", samples=_activations, population="all pairs of a unit of a layer and a sample of the batch")
def activation(view: View) -> Measures:
    """Mean and standard deviation of a^l over units and samples."""
    measures = {}
    for l, units in view.samples.items():
        measures[f"activation/mean_{l}"] = float(units.mean.mean())
        measures[f"activation/spread_{l}"] = float(np.sqrt(units.variance.mean() + units.mean.var()))
    return measures


@probe("weight_norm", "training_batch", population="all entries of one W or b, before the update; no samples")
def weight_norm(view: View) -> Measures:
    """||W^l|| and ||b^l||: Euclidean norms."""
    return {f"weight_norm/{name}": norm(part) for name, part in view.arrays(view.network.theta)}


@probe(
    "gradient_cosine",
    "previous_gradient",
    population="all entries of theta, of the gradients of two whole batches: the one of the step, the one before",
)
def gradient_cosine(view: View) -> Measures:
    """g_t . g_{t-1} / (||g_t|| ||g_{t-1}||) of the gradients of successive steps; {} at the first step."""
    if view.previous is None:
        return {}
    product = norm(view.gradient) * norm(view.previous)
    if product == 0:
        return {}
    dot = float(np.dot(view.gradient.astype(np.float64), view.previous.astype(np.float64)))
    return {"gradient_cosine/successive": dot / product}
