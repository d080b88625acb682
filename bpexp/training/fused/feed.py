"""The batches of a stack: one batch for all members where their order is one, else a batch of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bpexp.data.batches import Batch, Batches
from bpexp.nn.arrays import Array


class OneOrder:
    """One batch x (n_0, B) for all, y (K, B, n_L), from samplers that draw the same orders of the same samples."""

    def __init__(self, samplers: Sequence[Batches]) -> None:
        self._samplers = samplers
        self._targets: dict[int, Array] = {}

    def epoch(self) -> Iterator[Batch]:
        """The first sampler draws the order, and gathers."""
        for x, y in self._samplers[0].epoch():
            n_L, B = y.shape
            if B not in self._targets:
                self._targets[B] = np.empty((len(self._samplers), B, n_L), y.dtype)
            self._targets[B][...] = y.T
            yield x, self._targets[B]

    def settle(self, done: int) -> None:
        """Give every sampler the place in the shuffle that it would have alone, after `done` batches of the epoch."""
        first, *others = self._samplers
        for sampler in others:
            sampler.load_state(first.state(done))


class OwnOrders:
    """A batch of each sampler: x (K, n_0, B), y (K, B, n_L), in buffers that the next batch overwrites."""

    def __init__(self, samplers: Sequence[Batches]) -> None:
        self._samplers = samplers
        self._full: list[Batch] = []
        self._stacks: list[Batch] = []
        if not samplers[0].buffers:  # full batches, which are always the same
            self._full = [_stacked([next(sampler.epoch()) for sampler in samplers])]
            return
        for both in zip(*(sampler.buffers for sampler in samplers), strict=True):
            xs, ys = (np.stack([array[0] for array in arrays]) for arrays in zip(*both, strict=True))
            self._stacks.append((xs, ys))
        for k, sampler in enumerate(samplers):
            sampler.buffers = tuple((xs[k, None], ys[k, None]) for xs, ys in self._stacks)

    def epoch(self) -> Iterator[Batch]:
        """Every sampler gathers into its part of the stack."""
        walks = [sampler.epoch() for sampler in self._samplers]
        if self._full:
            yield from self._full
            return
        whole, rest = ((xs.mT, ys) for xs, ys in self._stacks)
        for batches in zip(*walks, strict=True):
            yield whole if batches[0][0].shape[-1] == whole[0].shape[-1] else rest

    def settle(self, done: int) -> None:
        """No-op: each sampler knows its own place."""


def _stacked(batches: Sequence[Batch]) -> Batch:
    return np.stack([x.T for x, _ in batches]).mT, np.stack([y.T for _, y in batches])
