"""The ledger: per-layer log change of delta, split into weights and slope: where a gradient vanishes.

By the recursion of 002, delta^{l-1} = (W^l)^T delta^l * f'(z^{l-1}). In log10 of the root mean square over the batch
(see `delta_norm`) the change is the sum of two entries per layer:

    weights: log10 ||(W^l)^T delta^l|| - log10 ||delta^l||      the factor of W^T
    slope:   log10 ||delta^{l-1}|| - log10 ||(W^l)^T delta^l||  the factor of f', at most 0 where |f'| <= 1

ledger/top is log10 ||delta^L||. It is the sum of ledger/loss = log10 ||dC/da^L|| and ledger/output, the factor of the
output function, where dC/da is finite. For a chain of single neurons the entries are the logs of the factors w and
mu'(z) of the product in 003.

The split describes this recursion; it names no cause. It depends on the order, W^T before f' (the other order gives
other entries), and on the direction of delta, which W and f' of the layers above have made. That f' has the large
negative entry does not mean that W could not undo it: under a sigmoid the slope entry is at most log10(1/4) whatever W
is, and larger weights keep delta all the same. What a change of W does is known by changing it, or from
`bpexp.insight.mean_field`.

The entries speak of this recursion, so a gradient method that propagates otherwise (feedback alignment, a misprint) has
no ledger.
"""

from __future__ import annotations

import numpy as np

from bpexp.insight.pieces import Piece, Total
from bpexp.insight.probes import Measures, View, probe, squared_deltas


def _squares(piece: Piece) -> dict[str, Total]:
    """Squares of delta^l as layer_l, of (W^l)^T delta^l as carried_l for l > 1, and of dC_k/da^L as loss."""
    layers, delta = piece.network.layers, piece.work.delta
    carried = {f"carried_{l + 1}": piece.squares(layers[l].W.T @ delta[l]) for l in range(1, len(layers))}
    if piece.head is None or piece.y is None:
        return {**squared_deltas(piece), **carried}
    slope = piece.head.slope(piece.work.z[-1], piece.y)
    return {**squared_deltas(piece), **carried, "loss": piece.squares(slope)}


@probe(
    "ledger",
    samples=_squares,
    by_transpose=True,
    population="logs of roots of means over all samples of the batch; of a sample, the sum over all units of a layer",
)
def ledger(view: View) -> Measures:
    """ledger/top + the entries of the layers above l = log10 of delta_norm/layer_l, to rounding; -inf if delta is 0."""
    norms = {name: squares.root for name, squares in view.samples.items()}
    L = len(view.network.layers)
    top = norms[f"layer_{L}"] / view.weight
    entries = {"ledger/top": _log(top)}
    if "loss" in norms and np.isfinite(norms["loss"]) and norms["loss"] > 0:
        entries["ledger/loss"] = _log(norms["loss"])
        entries["ledger/output"] = _log(top) - _log(norms["loss"])
    for l in range(L - 1, 0, -1):
        above, carried, below = norms[f"layer_{l + 1}"], norms[f"carried_{l + 1}"], norms[f"layer_{l}"]
        entries[f"ledger/weights_layer_{l}"] = _log(carried) - _log(above) if above > 0 else 0.0
        entries[f"ledger/slope_layer_{l}"] = _log(below) - _log(carried) if carried > 0 else 0.0
    return entries


def _log(value: float) -> float:
    return float(np.log10(value)) if value > 0 else -np.inf
