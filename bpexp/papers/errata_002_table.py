"""The entries of 002: where each formula stands, how it reads, and whether it holds."""

from __future__ import annotations

from bpexp.papers import errata_002 as code
from bpexp.papers.literal_pass import Steps

book = code.book

FIRST, SINGLE = "Notation and Structure", "Single Neuron per Layer"
MULTIPLE, NESTED = "Multiple Neuron in Each Layer", "Recursive Gradient Generalization"
VECTOR, DELTA = "Vectorizing", "Matrix Form of delta"
CODE = "Derivations Used in Code"
book.enter(
    "forward-first",
    FIRST,
    "a_0^(1) = sigma(w_(0,0) a_0 + w_(1,0) a_1 + ... + b_0)",
    "convention",
    "(from, to) here; (to, from) from Generalizing on, where w is the transpose",
    code.forward_first,
)
book.enter(
    "first-shapes",
    FIRST,
    "n_0, n_1 units in layers 0, 1; a^(0): n_1 + 1, W^(1): (n_2 + 1) x (n_1 + 1)",
    "shape error",
    "a^(0): n_0, W^(1): n_1 x n_0, b^(1): n_1",
    code.first_shapes,
)
book.enter(
    "forward",
    "Generalizing",
    "a^(k+1) = sigma(W^(k+1) a^(k) + b^(k+1)), sums over i = 0, ..., n_k",
    "correct",
    "with n_k + 1 units in layer k there, n_k from Multiple Neuron on",
    code.forward,
)
book.enter(
    "chain-product",
    SINGLE,
    "dC/dw^(k) = dC/da^(L) da^(L)/dz^(L) dz^(L)/da^(L-1) ... da^(k)/dz^(k) dz^(k)/dw^(k)",
    "correct",
    "for b^(k) with dz^(k)/db^(k) = 1",
    code.chain_product,
)
book.enter("batch-mean", "Averaging Gradients", "dC/dw = 1/n sum_{k=0}^{n-1} dC_k/dw", "correct", "", code.batch_mean)
book.enter(
    "layer-width", MULTIPLE, "layer k has n_{k-1} units", "shape error", "n_k: the sums below it say so", code.width
)
book.enter(
    "cost",
    MULTIPLE,
    "C_0 = 1/n_L sum_j (a_j^(L) - y_j)^2",
    "convention",
    "1/n_L of the cost of 000 and 003, so gradients are n_L times smaller",
    code.cost,
)
book.enter(
    "own-chain",
    MULTIPLE,
    "dC/dw_ji^(L) = dC/da_j da_j/dz_j dz_j/dw_ji",
    "correct",
    "for an elementwise output; softmax needs the sum over all a_j",
    Steps(last=code.own_chain),
)
book.enter(
    "dw-double-sum",
    MULTIPLE,
    "dC/dw_ab^(L-1) = sum_j sum_i dC/da_j da_j/dz_j dz_j/da_i da_i/dz_i dz_i/dw_ab",
    "correct",
    "the terms i != a vanish, so the sum over i is idle",
    Steps(weight=code.double_sum),
)
book.enter(
    "db-free-index",
    MULTIPLE,
    "dC/db_i^(L-1) = sum_j sum_i dC/da_j da_j/dz_j dz_j/da_i da_i/dz_i dz_i/db_i",
    "silently wrong",
    "the sum over j alone: i is free; summed too, all biases of the layer get one number",
    Steps(bias=code.free_index),
)
book.enter(
    "nested",
    NESTED,
    "dC/dw_ab^(k), dC/db_i^(k) = sum over k_L, ..., k_{k+1} of the product along the path",
    "correct",
    "",
    Steps(carry=code.nested),
)
book.enter("delta-gradients", VECTOR, "dC/dW = delta a^T, dC/db = delta", "correct", "of one sample", Steps())
book.enter(
    "expanded-no-slope",
    DELTA,
    "delta_1^(l) = delta_1 w_(1,1) + delta_2 w_(2,1) + ..., without sigma'",
    "silently wrong",
    "times sigma'(z_1^(l)), as in the line before and the matrix form after it",
    Steps(carry=code.no_slope),
)
book.enter(
    "expanded-from-1",
    DELTA,
    "the same sum from unit 1 to n_{l+1} - 1",
    "silently wrong",
    "from unit 0: units count from 0, and the term of unit 0 is left out",
    Steps(carry=code.from_one),
)
book.enter(
    "expanded",
    DELTA,
    "both: from unit 1, and without sigma'",
    "silently wrong",
    "delta^(l) = (W^(l+1))^T delta^(l+1) * sigma'(z^(l)), all units",
    Steps(carry=code.expanded),
)
book.enter(
    "final",
    "Final 3 Vectorized Results",
    "delta^(l) = (W^(l+1))^T delta^(l+1) * sigma'(z^(l)); dC/db = delta; dC/dW = delta (a^(l-1))^T",
    "correct",
    "",
    Steps(),
)
book.enter(
    "output-delta",
    CODE,
    "delta^(3) = A^(3) - Y",
    "correct",
    "for softmax with cross-entropy",
    Steps(last=code.a_minus_y),
)
book.enter(
    "full-chain",
    CODE,
    "dC/dz_i = sum_j dC/dA_j dA_j/dz_i",
    "correct",
    "for every output and loss",
    Steps(last=code.full_chain),
)
book.enter(
    "softmax-jacobian", CODE, "dA_j/dz_i = A_j (1 - A_j) if i = j else -A_j A_i", "correct", "", code.softmax_jacobian
)
book.enter("cross-entropy-slope", CODE, "dC/dA_j = -y_j / A_j", "correct", "", code.cross_entropy_slope)
book.enter(
    "batch",
    CODE,
    "dC/dW^(l) = 1/n delta^(l) (A^(l-1))^T, dC/db^(l) = 1/n sum delta^(l)",
    "correct",
    "for the mean over the samples: that is what is summed over, as its stated shape 10 x 1 says",
    Steps(weight=code.batch_weight, bias=code.batch_bias),
)
book.enter("relu-slope", CODE, "sigma'(Z) = I(Z > 0)", "convention", "says 0 at the kink", code.relu_slope)
book.enter("update", CODE, "W <- W - eta dC/dW", "correct", "", code.update)
