"""Times the gathering of batches: `python -m tests.data.measure`. Not a test; the figures depend on the machine.

The caches hold nothing else here, as they do in a training: there float32 numbers take longer than this tells.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from bpexp.data.batches import Batches
from bpexp.data.dataset import Array, Part


def best(run: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of the fastest of several runs."""
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        run()
        times.append(time.thread_time() - start)
    return min(times)


def gathers(images: Array, inputs: Array, B: int) -> list[float]:
    """Microseconds to gather a batch of float32; of bytes that are then divided; and that are then multiplied."""
    order = np.random.default_rng(0).permutation(len(images))
    batches = [order[i : i + B] for i in range(0, len(order) - B, B)]
    x, divisor, factor = np.empty((B, 784), np.float32), np.float32(255), np.float32(1 / 255)

    def float32(rows: Array) -> None:
        inputs.take(rows, axis=0, out=x, mode="clip")

    def divided(rows: Array) -> None:
        x[...] = images.take(rows, axis=0)
        np.divide(x, divisor, out=x)

    def multiplied(rows: Array) -> None:
        x[...] = images.take(rows, axis=0)
        np.multiply(x, factor, out=x)

    return [best(partial(each, way, batches)) / len(batches) * 1e6 for way in (float32, divided, multiplied)]


def each(way: Callable[[Array], None], batches: list[Array]) -> None:
    for rows in batches:
        way(rows)


def epoch(X: Array, B: int, divisor: float | None = None) -> float:
    """Microseconds a batch of a whole epoch of `Batches`, permutation included."""
    part = Part(X, np.zeros((len(X), 10), np.float32), np.arange(len(X)), None, divisor=divisor)
    batches = Batches(part, B, np.random.default_rng(0))
    return best(lambda: [None for _ in batches.epoch()]) / len(batches) * 1e6


def main() -> None:
    names = "float32", "bytes / 255", "bytes x 1/255", "Batches of float32", "Batches of bytes"
    print(f"{'images':>7} {'B':>4} " + " ".join(f"{name:>18}" for name in names) + "   us a batch of 784 inputs")
    for n in (1_000, 5_000, 60_000):
        images = np.random.default_rng(0).integers(0, 256, (n, 784), dtype=np.uint8)
        inputs = images.astype(np.float32) / np.float32(255)
        for B in (1, 32, 128):
            times = [*gathers(images, inputs, B), epoch(inputs, B), epoch(images, B, 255.0)]
            print(f"{n:>7} {B:>4} " + " ".join(f"{time:>18.1f}" for time in times))


if __name__ == "__main__":
    main()
