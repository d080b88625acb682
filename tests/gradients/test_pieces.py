"""Large batches are walked in pieces, which changes the order of the sum and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from bpexp.gradients import gradient_methods
from bpexp.gradients.comparison import compare
from bpexp.gradients.jacobian import PIECE
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network


@pytest.mark.parametrize("batch", ["mean", "sum"])
@pytest.mark.parametrize("B", [PIECE, PIECE + 1, 2 * PIECE + 37])
def test_jacobian_in_pieces_is_the_gradient_of_the_whole(batch: str, B: int) -> None:
    rng = np.random.default_rng(0)
    head = build_head({"name": "softmax"}, {"name": "cross_entropy"}, batch=batch)
    network = Network([4, 5, 3], [activations.build("tanh")], head.output, "float64")
    network.theta[...] = rng.normal(size=network.theta.size)
    x, y = rng.normal(size=(4, B)), np.eye(3)[:, rng.integers(3, size=B)]
    whole = gradient_methods.build("backprop", piece=B)(network, head, x, y)
    pieces = gradient_methods.build("jacobian")(network, head, x, y)
    assert compare(network, pieces.vector, whole.vector).error < 1e-12
    assert pieces.cost == pytest.approx(whole.cost, rel=1e-13)
