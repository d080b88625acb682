"""Mini-batches of one part: a new order every epoch, gathered into reused buffers.

Of bytes at least `TOGETHER` samples are gathered and scaled at once, in batches that are handed out one by one: for a
single sample the calls would take longer than the work (`python -m tests.data.measure`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bpexp.data.dataset import Part
from bpexp.errors import ConfigError
from bpexp.nn.arrays import Array

Batch = tuple[Array, Array]

TOGETHER = 64
"""Samples of bytes that are gathered at once, at least; more would leave no room for the rest in the cache."""


class Batches:
    """The mini-batches of a part: every sample exactly once per epoch, columns are samples.

    A batch is valid until the next one is drawn, because its buffers are reused. The last batch of an epoch is shorter
    where batch_size does not divide the part. A full batch is not shuffled; it is a view where the part holds
    inputs and its rows are a contiguous range, else it is gathered and scaled once and kept.

    `part` and `size` are the samples and B, and `full` is the one batch of a training by full batches, else None.
    `buffers` are the arrays x (G, B, n_0) and y (G, B, n_L) that it gathers into, G batches at once, and those of the
    last batch; () for a full batch. Others, also with another G, may be put in their place between two epochs.

    Args:
        part: the samples.
        batch_size: B, samples per batch, from 1 to the size of the part.
        rng: draws one permutation per epoch.
        shuffle: whether the order changes every epoch; if not, it is that of the part's rows.

    Raises ConfigError for a batch_size out of range.
    """

    def __init__(self, part: Part, batch_size: int, rng: np.random.Generator, *, shuffle: bool = True) -> None:
        if not 1 <= batch_size <= len(part):
            raise ConfigError(f"batch_size must be between 1 and the {len(part)} training samples, not {batch_size!r}")
        self.part = part
        self.size = batch_size
        self._rng = rng
        self._shuffle = shuffle
        self.full = part.batch() if batch_size == len(part) else None
        self._drawn_from, self._done = rng.bit_generator.state, 0
        at_once = 1 if part.divisor is None else -(-TOGETHER // batch_size)
        shapes = (at_once, batch_size), (1, len(part) % batch_size)
        self.buffers = () if self.full else tuple(_buffers(part, shape) for shape in shapes)

    def __len__(self) -> int:
        """Steps per epoch, ceil(N / B)."""
        return -(-len(self.part) // self.size)

    def epoch(self) -> Iterator[Batch]:
        """The batches x (n_0, B), y (n_L, B) of one epoch; its order is drawn at the call, not at the first batch.

        After `load_state`, those of the running epoch that are left.
        """
        order, done = self.order()
        return self._walk(order, done) if self.full is None else iter((self.full,)[done:])

    def order(self) -> tuple[Array, int]:
        """The rows of one epoch in their order, and how many of its batches are done; for who gathers them himself."""
        done, self._done = self._done, 0
        self._drawn_from = self._rng.bit_generator.state
        shuffled = self._shuffle and self.full is None
        return self._rng.permutation(self.part.rows) if shuffled else self.part.rows, done

    def state(self, done: int) -> dict[str, Any]:
        """The place in the shuffle: `done` batches of the running epoch, and the random state that gave its order."""
        whole = done == len(self)
        return {"rng": self._rng.bit_generator.state if whole else self._drawn_from, "done": 0 if whole else done}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a place in the shuffle; raises ValueError for one of another kind of random generator."""
        self._rng.bit_generator.state = self._drawn_from = state["rng"]
        self._done = state["done"]

    def _walk(self, order: Array, done: int) -> Iterator[Batch]:
        B, (whole, rest) = self.size, self.buffers
        at_once, end = len(whole[0]) * B, len(order) - len(order) % B
        batches = [(x.T, y.T) for x, y in zip(*whole, strict=True)]
        for start in range(done * B, end, at_once):
            rows = order[start : min(start + at_once, end)]
            self._gather(rows, whole)
            yield from batches[: len(rows) // B]
        if end < len(order):
            self._gather(order[end:], rest)
            yield rest[0][0].T, rest[1][0].T

    def _gather(self, rows: Array, buffers: Batch) -> None:
        x, y = (array.reshape(-1, array.shape[-1])[: len(rows)] for array in buffers)
        self.part.inputs(rows, out=x)
        self.part.Y.take(rows, axis=0, out=y, mode="clip")


def _buffers(part: Part, shape: tuple[int, int]) -> Batch:
    """Room for x and y of the training dtype."""
    return tuple(np.empty((*shape, A.shape[1]), dtype=part.Y.dtype) for A in (part.X, part.Y))  # type: ignore[return-value]
