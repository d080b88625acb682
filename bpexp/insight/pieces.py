"""Pieces of a batch, and sums over its samples that are combined from piece to piece.

A batch of any size is measured in pieces, so that memory does not grow with it. What is measured of a piece is a
`Total` or a `Spread`; both are combined exactly, so a batch in pieces gives the same numbers as in one, to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from bpexp.nn.activations import Activation
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network, Workspace


@dataclass(frozen=True, slots=True, eq=False)
class Total:
    """A sum over samples: `value` (any shape) is the sum, `count` the number of samples."""

    value: Array
    count: int

    @property
    def mean(self) -> Array:
        """The sum divided by the number of samples."""
        return self.value / self.count

    @property
    def root(self) -> float:
        """sqrt(sum of all entries / number of samples): of `squares` the root mean square of a sample's norm."""
        return math.sqrt(float(self.value.sum()) / self.count)

    def merge(self, other: Total) -> Total:
        """The sum over the samples of both, in float64."""
        return Total(np.add(self.value, other.value, dtype=np.float64), self.count + other.count)


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Mean over samples, and `squares`, the sum of the squared deviations from it; both of one shape, in float64."""

    mean: Array
    squares: Array
    count: int

    @property
    def variance(self) -> Array:
        """The mean of the squared deviations (divisor: the number of samples)."""
        return self.squares / self.count

    def merge(self, other: Spread) -> Spread:
        """Mean and squared deviations over the samples of both, without cancellation. Source: Chan et al. (1983)."""
        count = self.count + other.count
        shift = other.mean - self.mean
        between = np.square(shift) * (self.count * other.count / count)
        return Spread(self.mean + shift * (other.count / count), self.squares + other.squares + between, count)


Statistic: TypeAlias = Total | Spread


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Some samples of a batch, one a column: a pass over them, and the sums that a probe may take of it.

    Args:
        network: the network, before the update.
        work: x, z, a, slope = f'(z) and delta of these samples, by layer; delta / weight is dC_k/dz of sample k.
        head: output and loss.
        y: (n_L, b) targets of these samples.
    """

    network: Network
    work: Workspace
    head: Head | None = None
    y: Array | None = None

    @property
    def samples(self) -> int:
        """b, the number of samples of this piece."""
        return int(self.work.z[0].shape[1])

    def total(self, array: Array) -> Total:
        """The sum over the samples, which are the last axis of the array: (..., b) gives (...)."""
        return Total(self._of_samples(array).sum(axis=-1, dtype=np.float64), self.samples)

    def squares(self, array: Array) -> Total:
        """The sum over the samples of squares, (...), for (..., b); in float64, as a small one is 0 in float32."""
        exact = self._of_samples(array).astype(np.float64, copy=False)
        return Total(np.vecdot(exact, exact), self.samples)

    def products(self, left: Array, right: Array) -> Total:
        """The sum over the samples k of left_k right_k^T, (n, m), for left (n, b) and right (m, b)."""
        return Total(self._of_samples(left) @ self._of_samples(right).T, self.samples)

    def spread(self, array: Array) -> Spread:
        """Mean and squared deviations over the samples, which are the last axis of the array: (..., b) gives (...)."""
        mean = self._of_samples(array).mean(axis=-1, dtype=np.float64)
        return Spread(mean, np.square(array - mean[..., None]).sum(axis=-1), self.samples)

    def _of_samples(self, array: Array) -> Array:
        if np.ndim(array) == 0 or array.shape[-1] != self.samples:
            shape = np.shape(array)
            raise ValueError(f"the last axis must be the {self.samples} samples of the piece, but the shape is {shape}")
        return array

    def slopes(self) -> Iterator[tuple[int, Activation, Array]]:
        """l, activation and f'(z^l) (n_l, b) of every layer that has one: all but a softmax output."""
        for l, f in enumerate(self.network.hidden, start=1):
            yield l, f, self.work.slope[l - 1]
        output, L = self.network.output, len(self.network.layers)
        if isinstance(output, Activation):
            yield L, output, output.df(self.work.z[-1])


Statistics: TypeAlias = Mapping[str, Statistic]
Reduction: TypeAlias = Callable[[Piece], Statistics]
"""What a probe takes of each piece, by names of its own."""


def reduce(reductions: Sequence[Reduction], pieces: Iterable[Piece]) -> dict[Reduction, dict[str, Statistic]]:
    """What each reduction gives for the whole batch, of which the pieces are seen one after the other.

    Raises TypeError for a reduction that returns anything but a Total or a Spread, or other names for another piece.
    """
    whole: dict[Reduction, dict[str, Statistic]] = {}
    for piece in pieces if reductions else ():
        for reduction in reductions:
            found = _checked(reduction, reduction(piece))
            whole[reduction] = _merged(reduction, whole[reduction], found) if reduction in whole else found
    return whole


def _checked(reduction: Reduction, found: Statistics) -> dict[str, Statistic]:
    for name, value in found.items():
        if not isinstance(value, Total | Spread):
            raise TypeError(
                f"{reduction.__qualname__} returns {type(value).__name__} as {name!r}, which speaks of one piece of "
                "the batch only; return what piece.total, squares, products or spread gives"
            )
    return dict(found)


def _merged(reduction: Reduction, one: dict[str, Statistic], two: dict[str, Statistic]) -> dict[str, Statistic]:
    if one.keys() != two.keys():
        raise TypeError(f"{reduction.__qualname__} returns {list(one)} for one piece, {list(two)} for another")
    return {name: value.merge(two[name]) for name, value in one.items()}  # type: ignore[arg-type]
