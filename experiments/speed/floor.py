"""The floor: the matrix products that no implementation can do without, each done in the fastest way that was found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from experiments.speed.work import Array, Case, Samples, Turn, network

Way = Sequence[Callable[[], object]]
"""One product, as calls without arguments."""

WIDTHS = (4, 8, 16, 32, 48, 64, 96, 128, 196, 392)
WAYS = [("whole", 0), ("samples", 0), *((kind, width) for kind in ("columns", "rows") for width in WIDTHS)]
"""What is tried: kind and, for blocks, width."""

PIECES = (64, 128, 256, 512)
"""Samples of a full batch that are multiplied at once; all at once was never the fastest."""

TURNS = 7
"""Times that a way is timed; the shortest counts."""


class Products:
    """The 3L - 1 products of a step, into buffers; nothing else.

    z^l = W^l a^{l-1}        dW^l = delta^l (a^{l-1})^T        (W^l)^T delta^l for l > 1
    """

    def __init__(self, case: Case, data: Samples) -> None:
        self._weights = [layer.W for layer in network(case).layers]
        self._dW = [np.empty_like(W) for W in self._weights]
        B = case.B or len(data)
        x = data.X[:B].T if case.B is None else data.X[:B].copy().T
        sizes = PIECES if case.B is None else (B,)
        self._calls = min((self._step(x, piece) for piece in sizes), key=_seconds)

    def prepare(self, turn: Turn) -> None:
        self.steps = turn.steps

    def go(self) -> float:
        start = time.perf_counter()
        for _ in range(self.steps):
            for call in self._calls:
                call()
        return time.perf_counter() - start

    def theta(self) -> None:
        return None

    def _step(self, x: Array, piece: int) -> Way:
        """The calls of a step over x (n_0, B) in pieces, each product in its fastest way."""
        chosen: list[tuple[str, int]] = []
        buffers: dict[int, list[list[Array]]] = {}
        calls: list[Callable[[], object]] = []
        for start in range(0, x.shape[1], piece):
            part = x[:, start : start + piece]
            if part.shape[1] not in buffers:
                buffers[part.shape[1]] = self._buffers(part.shape[1])
            todo = list(self._products(part, *buffers[part.shape[1]]))
            chosen = chosen or [_fastest(*one) for one in todo]
            for how, one in zip(chosen, todo, strict=True):
                calls += way(*how, *one)
        return calls

    def _buffers(self, n: int) -> list[list[Array]]:
        """Arrays for z, a and delta of n samples."""
        rng = np.random.default_rng(2)
        return [[rng.random((len(W), n), dtype=np.float32) for W in self._weights] for _ in range(3)]

    def _products(
        self, x: Array, z: list[Array], a: list[Array], delta: list[Array]
    ) -> Iterator[tuple[Array, Array, Array]]:
        below = [x, *a]
        yield from zip(self._weights, below, z, strict=False)
        for l in range(len(self._weights) - 1, -1, -1):
            yield delta[l], below[l].T, self._dW[l]
            if l:
                yield self._weights[l].T, delta[l], delta[l - 1]


def way(kind: str, width: int, left: Array, right: Array, out: Array) -> Way:
    """left (n, m) times right (m, B): by samples, or in blocks of columns or of rows; whole if it is no wider."""
    if kind == "samples":
        return [partial(np.dot, right.T, left.T, np.empty(out.T.shape, out.dtype))]
    if kind == "columns" and width < out.shape[1]:
        return _by_columns(width, left, right, out)
    if kind == "rows" and width < out.shape[0]:
        return _by_columns(width, right.T, left.T, out.T)
    return [partial(np.dot, left, right, out)]


def _by_columns(width: int, left: Array, right: Array, out: Array) -> Way:
    end = out.shape[1] // width * width
    calls = [partial(np.matmul, left, _split(right[:, :end], width), out=_split(out[:, :end], width))]
    return calls + [partial(np.matmul, left, right[:, end:], out=out[:, end:])] * (end < out.shape[1])


def _split(matrix: Array, width: int) -> Array:
    """(m, B) as a view (B / width, m, width)."""
    return matrix.reshape(len(matrix), -1, width).swapaxes(0, 1)


def _fastest(*product: Array) -> tuple[str, int]:
    return min(WAYS, key=lambda one: _seconds(way(*one, *product)))


def _seconds(way: Way) -> float:
    """The shortest time of a way, in processor time of this process."""
    times = []
    for _ in range(TURNS):
        start = time.process_time()
        for call in way:
            call()
        times.append(time.process_time() - start)
    return min(times)
