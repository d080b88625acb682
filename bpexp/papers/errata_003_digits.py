"""The entries of 003's worked example, its summary and its appendix."""

from __future__ import annotations

from bpexp.papers import errata_003 as code
from bpexp.papers.errata_003_table import book
from bpexp.papers.literal_pass import Steps

__all__ = ["book"]

DIGITS, SUMMARY, PROOF = "Worked Example", "Summary", "Appendix"
book.enter("parameters", DIGITS, "784-10-10 has 7960 parameters", "correct", "", code.parameters)
book.enter(
    "z2-from-W1",
    DIGITS,
    "z^(2) = W^(1) a^(1) + b^(2), as vectors and as matrices",
    "shape error",
    "W^(2) a^(1) + b^(2)",
    Steps(z=code.z_from_first),
)
book.enter(
    "softmax-jacobian",
    DIGITS,
    "Softmax'(z)_ij = s_i (1 - s_i) if i = j else -s_i s_j",
    "correct",
    "",
    code.softmax_jacobian,
)
book.enter(
    "softmax-hadamard",
    DIGITS,
    "delta^(2) = dC/da^(2) * Softmax'(z^(2))",
    "shape error",
    "Softmax'(z)^T dC/da, a product with the matrix: entry by entry it is a matrix",
    code.softmax_hadamard,
)
book.enter("cross-entropy", DIGITS, "C = -sum_i y_i log a_i", "correct", "", code.cross_entropy)
book.enter(
    "a-minus-y",
    DIGITS,
    "delta^(2) = a^(2) - y",
    "correct",
    "for softmax with cross-entropy",
    Steps(last=code.a_minus_y),
)
book.enter(
    "W1-for-W2",
    DIGITS,
    "delta^(1) = ReLU'(z^(1)) * (W^(1))^T delta^(2)",
    "shape error",
    "(W^(2))^T delta^(2)",
    Steps(carry=code.through_first),
)
book.enter(
    "relu-slope-gap",
    DIGITS,
    "ReLU'(x) = 1 if x > 0, 0 if x < 0",
    "convention",
    "0 at the kink, as the paper's first definition says; this one says nothing",
    code.relu_slope_gap,
)
book.enter(
    "batch-mean",
    DIGITS,
    "dC/dW = 1/N sum_l delta_l a_l^T, dC/db = 1/N sum_l delta_l",
    "correct",
    "for the mean over the samples",
    Steps(weight=code.mean_weight, bias=code.mean_bias),
)
book.enter(
    "db2-from-Delta1",
    DIGITS,
    "dC/db^(2) = 1/N sum (columns of Delta^(1))",
    "silently wrong",
    "columns of Delta^(2); it runs where n_2 = n_1, as in 784-10-10",
    Steps(bias=code.bias_from_first),
)
book.enter(
    "both-slips",
    "Matrix/Vector Notation, Worked Example",
    "slope-index and db2-from-Delta1 together",
    "silently wrong",
    "both mended",
    Steps(carry=code.slope_index, bias=code.bias_from_first),
)
book.enter("update", DIGITS, "W_new = W - alpha dC/dW", "correct", "", code.update)
book.enter(
    "frozen-recursion",
    SUMMARY,
    "Delta^(l-1) = ReLU'(Z^(1)) * (W^(1))^T Delta^(l)",
    "shape error",
    "ReLU'(Z^(l-1)) * (W^(l))^T Delta^(l)",
    Steps(carry=code.frozen),
)
book.enter(
    "cross-entropy-of-z",
    PROOF,
    "C = -sum_i y_i z_i + log sum_j e^(z_j)",
    "correct",
    "for y that sum to 1",
    code.cross_entropy_of_z,
)
book.enter(
    "appendix-delta", PROOF, "dC/dz = a - y", "correct", "for softmax with cross-entropy", Steps(last=code.a_minus_y)
)
