"""What the compiled loop takes, bundled: tuples of arrays and of addresses, which Numba takes apart."""

from __future__ import annotations

from typing import NamedTuple

from bpexp.nn.arrays import Array


class Net(NamedTuple):
    """The network: sizes n_0, ..., n_L, the gradient (P,), and the addresses of the functions of the hidden layers.

    `before` holds for each layer how many units the layers 1, 2, ... before it have.
    """

    sizes: Array
    before: Array
    theta: Array
    gradient: Array
    f: Array
    slope: Array
    parameters: Array


class Head(NamedTuple):
    """Addresses, 0 where there is none: a closed form, or output, error, loss and the output's chain rule."""

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
    """The optimizer: address, its vectors (P,), its constants; penalty and clipping, infinite or 0 for none."""

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
