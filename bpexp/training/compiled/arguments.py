"""What the compiled loop takes, bundled: tuples of arrays and of addresses, which Numba takes apart."""

from __future__ import annotations

from typing import NamedTuple

from bpexp.nn.arrays import Array


class Net(NamedTuple):
    """The network: sizes n_0, ..., n_L, theta and the gradient (P,), and addresses for each of the hidden layers.

    `f` writes a = f(z), `slope` multiplies dC/da by f'(z), and `parameters` are numbers that both take. `before[l - 1]`
    counts the units of the layers 1, ..., l - 1.
    """

    sizes: Array
    before: Array
    theta: Array
    gradient: Array
    f: Array
    slope: Array
    parameters: Array


class Head(NamedTuple):
    """Cost and delta^L: addresses, 0 where there is none.

    Either `closed`, of output and loss together, or `f`, a = f(z); `error`, a - y from z, where the output has one;
    `loss`, C_k and dC_k/da; and `slope`, which makes dC_k/dz of the latter. `mean` if a batch counts by its mean.
    """

    closed: int
    f: int
    error: int
    loss: int
    slope: int
    output_parameters: int
    loss_parameters: int
    mean: bool


class Work(NamedTuple):
    """Buffers: x (R, n_0), y (R, n_L); z, a and delta with (R, n_l) of all layers in a row; R is `rows`.

    `block` samples pass through the network at once. `costs` (block,) and `zeros` (block n_L,) are of the head.
    """

    x: Array
    y: Array
    z: Array
    a: Array
    delta: Array
    costs: Array
    zeros: Array
    rows: int
    block: int


class Samples(NamedTuple):
    """The samples X (N, n_0), Y (N, n_L) and their order; `whole` if the batch is all of them as they lie.

    An input is X / divisor, both in the dtype of the training: one number, of which 1 stands for X as it is.
    """

    X: Array
    Y: Array
    order: Array
    divisor: Array
    whole: bool


class Blas(NamedTuple):
    """The address of gemm, and where its arguments lie, which are all passed by address."""

    gemm: int
    letters: Array
    integers: Array
    numbers: Array


class Rule(NamedTuple):
    """From a gradient to an update: the optimizer, penalty and clipping.

    `update` is the address of the optimizer's rule, `first` and `second` its vectors (P,), `decay` its weight decay, k0
    to k2 its constants (`updates.RULES`), and `room` numbers that the rule may write. l1 and l2 are penalties, 0 for
    none; `most` bounds |g_i| and `norm` the norm of g, infinite for no bound.
    """

    update: int
    first: Array
    second: Array
    room: Array
    decay: float
    k0: float
    k1: float
    k2: float
    l1: float
    l2: float
    most: float
    norm: float
