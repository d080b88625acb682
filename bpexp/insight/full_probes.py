"""Probes of the full set: activations, weights, gradient noise, cosine between the gradients of successive steps."""

from __future__ import annotations

import numpy as np

from bpexp.insight.probes import View, norm, probe
from bpexp.nn.arrays import Array


@probe("activation")
def activation(view: View) -> dict[str, float]:
    """Mean and standard deviation of a^l over units and samples."""
    measures = {}
    for l, a in enumerate(view.workspace.a, start=1):
        measures[f"activation/mean_layer_{l}"] = float(a.mean())
        measures[f"activation/spread_layer_{l}"] = float(a.std())
    return measures


@probe("weight_norm", "training_batch")
def weight_norm(view: View) -> dict[str, float]:
    """||W^l|| and ||b^l||: Euclidean norms."""
    return {f"weight_norm/{name}": norm(part) for name, part in view.arrays(view.network.theta)}


def squared_sample_norms(view: View) -> Array:
    """||g_k||^2 = sum_l ||delta_k^l||^2 (||a_k^{l-1}||^2 + 1), (B,), of the gradient g_k of each sample.

    g_k consists of delta_k^l (a_k^{l-1})^T and delta_k^l for each layer, and is not formed. Source: Goodfellow (2015),
    arXiv 1510.01799.
    """
    work = view.workspace
    total = np.zeros(work.delta[0].shape[1])
    for l, delta in enumerate(work.delta):
        squares = np.einsum("ij,ij->j", delta, delta, dtype=np.float64) / work.weight**2
        below = work.below(l)
        total += squares * (np.einsum("ij,ij->j", below, below, dtype=np.float64) + 1)
    return total


def _norm_of_sum(view: View) -> float:
    """weight ||sum_k g_k|| over the samples of the workspace; weight is that of a sample in the cost of the batch."""
    work = view.workspace
    parts = [part for l, d in enumerate(work.delta) for part in (d @ work.below(l).T, d.sum(axis=1))]
    return norm(np.array([norm(part) for part in parts]))


@probe("gradient_noise", "training_batch")
def gradient_noise(view: View) -> dict[str, float]:
    """Noise scale tr(S) / |G|^2 and signal-to-noise ratio |G| / sqrt(tr(S) / B), from per-sample gradient norms.

    S is the covariance of the per-sample gradients, G the true gradient; tr(S) and |G|^2 are unbiased estimates from
    the batch. Where that of |G|^2 is not positive, the ratio is 0 and the scale is left out. If the batch is processed
    in pieces, B and the estimates are those of the last piece. Source: McCandlish et al. (2018), arXiv 1812.06162,
    appendix A.
    """
    squares = squared_sample_norms(view)
    B = squares.size
    if B < 2:
        return {}
    mean_gradient = _norm_of_sum(view) / (view.workspace.weight * B)
    variance = (float(squares.mean()) - mean_gradient**2) * B / (B - 1)
    signal = max(mean_gradient**2 - variance / B, 0.0)
    if not (signal > 0 and variance > 0):
        return {"gradient_noise/signal_to_noise": 0.0}
    ratio = float(np.sqrt(signal * B / variance))
    return {"gradient_noise/scale": variance / signal, "gradient_noise/signal_to_noise": ratio}


@probe("gradient_cosine", "previous_gradient")
def gradient_cosine(view: View) -> dict[str, float]:
    """g_t . g_{t-1} / (||g_t|| ||g_{t-1}||) of the gradients of successive steps; {} at the first step."""
    if view.previous is None:
        return {}
    product = norm(view.gradient) * norm(view.previous)
    if product == 0:
        return {}
    dot = float(np.dot(view.gradient.astype(np.float64), view.previous.astype(np.float64)))
    return {"gradient_cosine/successive": dot / product}
