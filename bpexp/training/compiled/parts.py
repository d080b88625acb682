"""What compiled steps work on: the arrays and addresses of one training, made once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numba import typeof

from bpexp.data.batches import Batches
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network
from bpexp.nn.optimizers import Optimizer
from bpexp.nn.penalties import Clip, Penalty
from bpexp.nn.products import SMALL, has_small_kernels
from bpexp.training.compiled import arguments, kernel, native
from bpexp.training.compiled.forms import Forms
from bpexp.training.compiled.updates import ROOM, RULES

EVEN = 8
"""Samples of a block are a multiple of this: the kernels compute so many at once."""

NARROW = 16
"""The least number of samples of a block."""


@dataclass(slots=True)
class Compilation:
    """How many functions were compiled, why some are not kept on disk, and how long all of it took."""

    new: int = 0
    unkept: dict[str, None] = field(default_factory=dict)
    seconds: float = 0.0

    def __str__(self) -> str:
        if self.unkept:
            told = f"a part of it is compiled by every run: {'; '.join(self.unkept)}"
            return f"compiled in {self.seconds:.1f} s; {told}"
        return f"compiled for this computer in {self.seconds:.1f} s, once; the next run finds that on disk"


@dataclass(slots=True, eq=False)
class Parts:
    """Makes what the compiled loop takes; `alive` holds what it only has addresses of."""

    dtype: np.dtype[Any]
    compilation: Compilation = field(default_factory=Compilation)
    alive: list[Any] = field(default_factory=list)

    def net(self, network: Network, made: Forms) -> arguments.Net:
        """The network and its hidden layers."""
        hidden = made.hidden
        return arguments.Net(
            sizes=np.array(network.sizes, np.int64),
            before=np.cumsum([0, *network.sizes[1:-1]], dtype=np.int64),
            theta=network.theta,
            gradient=np.empty_like(network.theta),
            f=np.array([self.address(form.forward, 3, 2) for form in hidden], np.int64),
            slope=np.array([self.address(form.backward, 3, 2) for form in hidden], np.int64),
            parameters=np.array([self.numbers(form.parameters) for form in hidden], np.int64),
        )

    def head(self, head: Head, made: Forms) -> arguments.Head:
        """Cost and delta of the last layer, in the way in which the head computes them."""
        output, numbers = made.output, self.numbers(made.loss_parameters)
        if made.closed:
            return arguments.Head(self.address(made.loss, 6, 2), 0, 0, 0, 0, 0, numbers, head.batch == "mean")
        by_error = head.form == "error" and output.error is not None
        return arguments.Head(
            closed=0,
            f=self.address(output.forward, 3, 2),
            error=self.address(output.error, 4, 2) if by_error and output.error else 0,
            loss=self.address(made.loss, 5, 2),
            slope=self.address(output.backward, 3, 2),
            output_parameters=self.numbers(output.parameters),
            loss_parameters=numbers,
            mean=head.batch == "mean",
        )

    def samples(self, batches: Batches) -> arguments.Samples:
        """The samples of the training part, without an order."""
        X, Y = (array.T for array in batches.full) if batches.full else (batches.part.X, batches.part.Y)
        divisor = 1.0 if batches.full or batches.part.divisor is None else batches.part.divisor
        scaling = np.array([divisor], self.dtype)
        return arguments.Samples(_shown(X), _shown(Y), np.empty(0, np.int64), scaling, batches.full is not None)

    def work(self, sizes: Sequence[int], batches: Batches, piece: int) -> arguments.Work:
        """Buffers for a batch, or, as in `Backprop`, for a piece of it."""
        rows, block = min(batches.size, piece), block_of(sizes, batches.size, piece)
        gathered = 0 if batches.full else rows
        z, a, delta = (np.empty(rows * sum(sizes[1:]), self.dtype) for _ in range(3))
        x, y = (np.empty((gathered, n), self.dtype) for n in (sizes[0], sizes[-1]))
        zeros = np.zeros(block * sizes[-1], self.dtype)
        return arguments.Work(x, y, z, a, delta, np.empty(block, self.dtype), zeros, rows, block)

    def rule(self, optimizer: Optimizer, penalty: Penalty, clip: Clip, unused: Array) -> arguments.Rule:
        """The optimizer with the vectors (P,) that it has now, penalty and clipping; `unused` stands for no vector."""
        code, names = RULES[type(optimizer)]
        first, second = (*optimizer.state.values(), unused, unused)[:2]
        k0, k1, k2 = (*(float(getattr(optimizer, name)) for name in names), 0.0, 0.0, 0.0)[:3]
        return arguments.Rule(
            update=self.address(code, 5, 3, 5),
            first=first,
            second=second,
            room=np.empty(ROOM, self.dtype),
            decay=float(optimizer.weight_decay),
            k0=k0,
            k1=k1,
            k2=k2,
            l1=float(penalty.l1),
            l2=float(penalty.l2),
            most=math.inf if clip.value is None else float(clip.value),
            norm=math.inf if clip.norm is None else float(clip.norm),
        )

    def blas(self) -> arguments.Blas:
        """The product of two matrices, and room for its arguments."""
        gemm = native.gemm(self.dtype)
        return arguments.Blas(gemm, np.empty(2, np.uint8), np.empty(6, np.int32), np.empty(2, self.dtype))

    def loop(self, *fixed: Any) -> Callable[..., int]:
        """The loop over steps, compiled for arguments of these types."""
        try:
            return self._called(fixed, kept=True)
        except Exception:  # as in `native`
            return self._called(fixed, kept=False)

    def _called(self, fixed: Sequence[Any], *, kept: bool) -> Callable[..., int]:
        found = native.function(kernel.steps, str([typeof(part) for part in fixed]), kept=kept)
        before = len(found.signatures), found.stats.cache_hits.total()
        found(*fixed, 0, 1, np.empty(0), np.empty(0), 0, kernel.ALL)  # no step
        after = len(found.signatures), found.stats.cache_hits.total()
        self._count(after[0] - before[0] - (after[1] - before[1]), "" if kept else native.NO_FOLDER)
        return found  # type: ignore[no-any-return]

    def address(self, code: Callable[..., None], arrays: int, integers: int, floats: int = 0) -> int:
        """The address of a form."""
        made = native.compiled(code, self.dtype, arrays, integers, floats)
        self._count(int(not made.found), made.unkept)
        self.alive.append(made)
        return int(made.native.address)

    def numbers(self, parameters: Sequence[float]) -> int:
        """The address of some parameters."""
        array = np.array([*parameters, 0.0], self.dtype)
        self.alive.append(array)
        return native.place(array)

    def _count(self, new: int, unkept: str) -> None:
        self.compilation.new += new
        if unkept:
            self.compilation.unkept[unkept] = None


def block_of(sizes: Sequence[int], B: int, piece: int) -> int:
    """How many of B samples pass through a network of n_0, ..., n_L units at once.

    All, or at most `piece`; or as many as OpenBLAS multiplies without copying the matrices first (`bpexp.nn.products`).
    """
    most = SMALL // max(n_in * n_out for n_in, n_out in pairwise(sizes)) // EVEN * EVEN
    least = min(B, piece)
    if most < NARROW or most >= least or not has_small_kernels():
        return least
    equal = -(-least // -(-least // most))
    return -(-equal // EVEN) * EVEN


def _shown(array: Array) -> Array:
    """A view that cannot be written to, of samples in neighbouring rows."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
