"""Probes of the full set: activations, weights, the noise of the gradient, and how it turns from step to step."""

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
    """||g_k||^2 (B,) of the gradient of each sample, without forming one.

    The gradient of sample k in layer l is delta_k (a_k^{l-1})^T and delta_k, so that its square is
    ||delta_k||^2 (||a_k^{l-1}||^2 + 1), summed over layers. Source: Goodfellow (2015), arXiv 1510.01799.
    """
    work = view.workspace
    total = np.zeros(work.delta[0].shape[1])
    for l, delta in enumerate(work.delta):
        squares = np.einsum("ij,ij->j", delta, delta, dtype=np.float64) / work.weight**2
        below = work.below(l)
        total += squares * (np.einsum("ij,ij->j", below, below, dtype=np.float64) + 1)
    return total


def _norm_of_sum(view: View) -> float:
    """Norm of the summed gradient of the samples of the workspace, by back-propagation."""
    work = view.workspace
    parts = [part for l, d in enumerate(work.delta) for part in (d @ work.below(l).T, d.sum(axis=1))]
    return norm(np.array([norm(part) for part in parts]))


@probe("gradient_noise", "training_batch")
def gradient_noise(view: View) -> dict[str, float]:
    """Noise scale tr(S) / |G|^2 and signal-to-noise |G| / sqrt(tr(S) / B), from the norms of single samples.

    S is the covariance of the samples' gradients, |G|^2 the square of the true one's norm; both estimated without bias
    from the batch. Source: McCandlish et al. (2018), arXiv 1812.06162, appendix A. Where the estimate of the signal is
    not positive the signal-to-noise is 0 and there is no scale to tell. Of a batch walked in pieces B and both
    estimates are those of the last piece.
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
    """Cosine between the gradients of this step and the one before, over theta; nothing at the first step."""
    if view.previous is None:
        return {}
    product = norm(view.gradient) * norm(view.previous)
    if product == 0:
        return {}
    dot = float(np.dot(view.gradient.astype(np.float64), view.previous.astype(np.float64)))
    return {"gradient_cosine/successive": dot / product}
