"""The ledger: per-layer log change of delta, split into weights and slope, which shows why a gradient vanishes.

By the recursion of 002, delta^{l-1} = (W^l)^T delta^l * f'(z^{l-1}). In log10 of the root mean square over the batch
(see `delta_norm`) the change is the sum of two entries per layer:

    weights: log10 ||(W^l)^T delta^l|| - log10 ||delta^l||      the factor of W^T
    slope:   log10 ||delta^{l-1}|| - log10 ||(W^l)^T delta^l||  the factor of f', at most 0 where |f'| <= 1

ledger/top is log10 ||delta^L||. It is the sum of ledger/loss = log10 ||dC/da^L|| and ledger/output, the factor of the
output function, where dC/da is finite. For a chain of single neurons the entries are the logs of the factors w and
mu'(z) of the product in 003.
"""

from __future__ import annotations

import numpy as np

from bpexp.insight.probes import View, norm, probe


@probe("ledger")
def ledger(view: View) -> dict[str, float]:
    """ledger/top + the entries of the layers above l = log10 of delta_norm/layer_l, to rounding; -inf if delta is 0."""
    work, layers = view.workspace, view.network.layers
    scale = 1 / (work.weight * work.delta[0].shape[1] ** 0.5)
    entries = {"ledger/top": _log(norm(work.delta[-1]) * scale), **_top(view, scale)}
    for l in range(len(layers) - 1, 0, -1):
        above, carried, below = norm(work.delta[l]), norm(layers[l].W.T @ work.delta[l]), norm(work.delta[l - 1])
        entries[f"ledger/weights_layer_{l}"] = _log(carried) - _log(above) if above > 0 else 0.0
        entries[f"ledger/slope_layer_{l}"] = _log(below) - _log(carried) if carried > 0 else 0.0
    return entries


def _top(view: View, scale: float) -> dict[str, float]:
    """ledger/loss = log10 ||dC/da^L|| and ledger/output, the log factor of the output's Jacobian; {} if not finite."""
    if view.head is None or view.y is None:
        return {}
    work = view.workspace
    slope = norm(view.head.slope(work.z[-1], view.y)) / work.z[-1].shape[1] ** 0.5
    if not (np.isfinite(slope) and slope > 0):
        return {}
    return {"ledger/loss": _log(slope), "ledger/output": _log(norm(work.delta[-1]) * scale) - _log(slope)}


def _log(value: float) -> float:
    return float(np.log10(value)) if value > 0 else -np.inf
