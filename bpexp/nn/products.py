"""The products of matrices of a pass, W a, delta a^T and W^T delta: whole, or in blocks, which is about speed alone.

A block is some whole columns of the result, or some whole rows. Who reads `bpexp.gradients.backprop` needs no more of
this module than that `Product` multiplies two matrices.

OpenBLAS copies both matrices of a product before it multiplies. On processors with AVX-512 it has kernels that do not,
for products up to a size: W^1 x of 784-32-32-10 takes 0.57 of the time at B = 128 when it is done in blocks of 32
columns, and that of 784-10-10 takes 0.29 at B = 512; with the kernels of AVX2 it takes 1.15 and 1.05, so that there
products stay whole (`python -m experiments.speed.products`). So they do with several BLAS threads, which share a whole
product, while a small one is done by one of them. What is done in blocks is equal to rounding, since the kernels sum in
different orders.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from bpexp.nn.arrays import Array
from bpexp.registry import Range

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Blocks = Annotated[int, Range(least=0)] | Literal["auto"]
"""Columns of a block; 0 for whole products, "auto" for the rule of `block`."""

Product = Callable[[Array, Array, Array], Array]
"""left (n, m) times right (m, B), written into `out` (n, B) and returned; each with the leading axes of a stack."""

KERNELS = frozenset({"SkylakeX", "Cooperlake", "SapphireRapids"})
"""The architectures for which OpenBLAS has small kernels, as threadpoolctl and the record of a run name them."""

SMALL = 1_000_000
"""Multiplications that a small kernel does at most."""

AREA, DEPTH = 1200, 32
"""Where the right matrix is a transposed one: the most numbers of the result, and the least m."""

WIDE, NARROW = 32, 4
"""The least number of columns of a block; the second where the right matrix is a transposed one, and for rows."""


class Products:
    """How the products of a pass of B samples through layers of n_0, ..., n_L units are done, layer by layer.

    For the layer with index l, counted from 0, of n units on m: forward[l] does W a, (n, m) (m, B); outer[l] does
    delta a^T, (n, B) (B, m), a sum of outer products over the samples; and back[l] does W^T delta, (m, n) (n, B).

    Args:
        sizes: n_0, ..., n_L.
        B: samples of a pass.
        whole: does a product in one go, as np.dot, or np.matmul for a stack.
        blocks: as the parameter of `gradient=backprop`.
    """

    def __init__(self, sizes: Sequence[int], B: int, whole: Product, blocks: Blocks) -> None:
        def chosen(n: int, m: int, columns: int, *, transposed: bool = False) -> Product:
            if blocks != "auto":
                shape = n, min(blocks or columns, columns)
            else:
                shape = block(n, m, columns, transposed=transposed) if blocks_pay() else (n, columns)
            return whole if shape == (n, columns) else functools.partial(in_blocks, shape)

        self.whole = whole
        pairs = list(pairwise(sizes))
        # In memory a sample of x is a row, so that x (n_0, B) is a transposed matrix and x^T is none; a (n_l, B) of any
        # other layer lies as it is written, so that a^T is the transposed one.
        self.forward = [chosen(n, m, B, transposed=l == 0) for l, (m, n) in enumerate(pairs)]
        self.outer = [chosen(n, B, m, transposed=l > 0) for l, (m, n) in enumerate(pairs)]
        self.back = [chosen(m, n, B) for m, n in pairs]


def block(n: int, m: int, B: int, *, transposed: bool) -> tuple[int, int]:
    """Rows and columns of the blocks of the product of (n, m) and (m, B) under "auto"; (n, B) for the whole.

    A function of the shapes alone, and of whether the right matrix is a transposed one. Measured on an EPYC with
    AVX-512, float32, one BLAS thread, n from 8 to 512 and B from 32 to 512: other blocks are slower than the whole.
    """
    most = min(AREA // n, SMALL // (n * m)) if transposed else SMALL // (n * m)
    if most >= B or (transposed and m < DEPTH):
        return n, B
    if most >= (NARROW if transposed else WIDE):
        return n, _even(B, most)
    rows = 0 if transposed else SMALL // (m * B)
    return (_even(n, rows), B) if rows >= NARROW else (n, B)


def _even(total: int, most: int) -> int:
    """The size of the fewest blocks of nearly equal sizes, all but the last of which are multiples of 4."""
    size = -(-total // -(-total // (most - most % 4)))
    return size + -size % 4


def in_blocks(shape: tuple[int, int], left: Array, right: Array, out: Array) -> Array:
    """left (..., n, m) times right (..., m, B) into out (..., n, B), in blocks of whole rows or of whole columns."""
    rows, columns = shape
    if columns < out.shape[-1]:
        _by_columns(columns, left, right, out)
    else:
        _by_columns(rows, right.mT, left.mT, out.mT)
    return out


def _by_columns(columns: int, left: Array, right: Array, out: Array) -> None:
    end = out.shape[-1] // columns * columns
    np.matmul(left[..., None, :, :], _split(right[..., :end], columns), out=_split(out[..., :end], columns))
    if end < out.shape[-1]:
        np.matmul(left, right[..., end:], out=out[..., end:])


def _split(matrix: Array, columns: int) -> Array:
    """(..., m, B) as a view (..., B / columns, m, columns)."""
    *stack, m, B = matrix.shape
    return matrix.reshape(*stack, m, B // columns, columns).swapaxes(-2, -3)


def product(left: Array, right: Array) -> Array:
    """left (..., n, m) times right (..., m, B) by the rule of "auto", into a new array."""
    n, m, B = *left.shape[-2:], right.shape[-1]
    shape = block(n, m, B, transposed=right.strides[-2] < right.strides[-1])
    if shape == (n, B) or not blocks_pay():
        return np.asarray(np.dot(left, right) if left.ndim == 2 else np.matmul(left, right))
    return in_blocks(shape, left, right, np.empty((*left.shape[:-1], B), np.result_type(left, right)))


def blocks_pay() -> bool:
    """Whether the rule is made for the library that multiplies, with the number of threads that it has now."""
    return has_small_kernels() and _numpys_library().info()[0]["num_threads"] == 1


@functools.cache
def has_small_kernels() -> bool:
    """Whether the library that multiplies, which a run records, has the kernels for which the rule is made."""
    blas = numpys_blas()
    return blas.get("internal_api") == "openblas" and blas.get("architecture") in KERNELS


def numpys_blas() -> dict[str, Any]:
    """threadpoolctl's description of the BLAS that NumPy uses, {} if it knows none; SciPy may load another one."""
    found: list[dict[str, Any]] = _numpys_library().info()
    return found[0] if found else {}


@functools.cache
def _numpys_library() -> ThreadpoolController:
    """The BLAS that NumPy uses, where threadpoolctl knows it."""
    from threadpoolctl import ThreadpoolController  # imported here: most predictions of a saved model do without

    known = ThreadpoolController().select(user_api="blas")
    paths = [pool["filepath"] for pool in known.info()]
    bundled = f"{os.sep}{Path(np.__file__).parent.name}"
    ours = [path for path in paths if bundled in path] or paths
    return known.select(filepath=ours[:1])
