"""The entries of 003 up to its worked example: where each formula stands, how it reads, and whether it holds."""

from __future__ import annotations

from bpexp.papers import errata_003 as code
from bpexp.papers.literal_pass import Steps

book = code.book

INTRO, POLYNOMIAL, ONE = "Introducing Neural Networks", "Polynomial Regression", "One Layer of One Neuron"
LAYERS, WIDE, POINTS = "L layers of one neuron", "L Layers with Arbitrary Neurons", "Multiple Training Data Points"
MATRIX = "Matrix/Vector Notation"
book.enter(
    "first-matrix",
    INTRO,
    "a^(L) = W a^(L-1) + b with rows w_11 ... w_(1,n_L) to w_(n_{L-1},1) ... of W",
    "shape error",
    "n_L rows of n_{L-1}, as the text beside it says",
    code.first_matrix,
)
book.enter(
    "cost-sum",
    INTRO,
    "C = sum_{j=1}^N ||a_j^(L) - y_j||^2",
    "convention",
    "N times the mean over the samples",
    code.cost_sum,
)
book.enter("polynomial-cost", POLYNOMIAL, "C = sum_i (p(x_i) - y_i)^2", "correct", "", code.polynomial_cost)
book.enter(
    "polynomial-cost-expanded",
    POLYNOMIAL,
    "C = sum_i ((k_0 x_i^0 + ... + k_d x_i^d) - y_i)",
    "silently wrong",
    "the square of each term: as it stands it has no minimum",
    code.polynomial_cost_expanded,
)
book.enter(
    "polynomial-slope", POLYNOMIAL, "dC/dk_j = sum_i 2 (p(x_i) - y_i) x_i^j", "correct", "", code.polynomial_slope
)
book.enter(
    "one-unit",
    ONE,
    "dC/dw = 2 (a^(1) - y) mu'(z^(1)) a^(0), dC/db = 2 (a^(1) - y) mu'(z^(1))",
    "correct",
    "",
    code.one_unit,
)
book.enter("relu-slope", ONE, "ReLU'(x) = 1 if x > 0, 0 if x <= 0", "convention", "says 0 at the kink", code.relu_slope)
book.enter(
    "chain",
    LAYERS,
    "dC/dw^(L-j) = 2 (a^(L) - y) prod_{i=1}^j mu'(z^(L-i+1)) w^(L-i+1) mu'(z^(L-j)) a^(L-j-1)",
    "correct",
    "for b without the last factor",
    code.chain,
)
book.enter(
    "bias-in-sum",
    WIDE,
    "a_i^(l) = mu(sum_{j=1}^{n_{l-1}} (w_ij a_j + b_i))",
    "silently wrong",
    "b_i behind the sum: inside it counts n_{l-1} times",
    Steps(z=code.bias_in_sum),
)
book.enter("unit-in-unit", WIDE, "da_i^(l)/da_j^(l-1) = mu'(z_i) w_ij", "correct", "", code.unit_in_unit)
book.enter(
    "squared-output",
    WIDE,
    "dC/dw_ij^(L) = 2 (a_i - y_i) mu'(z_i) a_j, dC/db_i^(L) = 2 (a_i - y_i) mu'(z_i)",
    "correct",
    "for an elementwise output",
    Steps(last=code.squared_delta),
)
book.enter(
    "sum-over-k",
    WIDE,
    "dC/dw_ij^(L-1) = sum_k (dC/da_k da_k/da_i) da_i/dz_i dz_i/dw_ij",
    "correct",
    "",
    Steps(carry=code.sum_over_k),
)
book.enter("paths", WIDE, "a unit of layer L - j has prod_{i=0}^{j-1} n_{L-i} paths", "correct", "", code.paths)
book.enter(
    "batch-sum",
    POINTS,
    "C = sum_l ||a_l - y_l||^2 and dC/dw = sum_l ...",
    "convention",
    "N times the gradient of the mean",
    Steps(weight=code.sum_weight, bias=code.sum_bias),
)
book.enter(
    "limit",
    MATRIX,
    "z_k^(l) = sum_{j=1}^{n_l} w_kj a_j^(l-1) + b_k",
    "silently wrong",
    "up to n_{l-1}; up to n_l a layer that narrows leaves inputs out, one that widens has none to read",
    Steps(z=code.limit),
)
book.enter(
    "delta-gradients",
    MATRIX,
    "dC/dW^(l) = delta^(l) (a^(l-1))^T, dC/db^(l) = delta^(l)",
    "correct",
    "of one sample",
    Steps(),
)
book.enter(
    "delta-last",
    MATRIX,
    "delta^(L) = 2 (a^(L) - y) * mu'(z^(L))",
    "correct",
    "for an elementwise output",
    Steps(last=code.squared_delta),
)
book.enter(
    "slope-index",
    MATRIX,
    "delta^(l-1) = mu'(z^(l)) * (W^(l))^T delta^(l), and so for l = L",
    "silently wrong",
    "mu'(z^(l-1)); it runs where n_l = n_{l-1}, as in 784-10-10",
    Steps(carry=code.slope_index),
)
book.enter("cost-mean", MATRIX, "C = 1/N sum_l ||a_l - y_l||^2", "correct", "", code.cost_mean)
book.enter(
    "summary-sum",
    MATRIX,
    "under that cost: dC/dW = sum_l delta_l a_l^T, dC/db = sum_l delta_l",
    "convention",
    "1/N of it, the cost's own: as it stands N times the gradient",
    Steps(weight=code.sum_weight, bias=code.sum_bias),
)
