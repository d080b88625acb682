"""Times what the docstrings quote: `python -m tests.data.measure`. Not a test; the figures depend on the machine."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from bpexp.data.batches import Batches
from bpexp.data.dataset import Array, Part


def best(run: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of the fastest of several runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def gathers(images: Array, inputs: Array, B: int) -> tuple[float, float]:
    """Microseconds to gather a batch of float32, and of bytes that are then scaled."""
    order = np.random.default_rng(0).permutation(len(images))
    batches = [order[i : i + B] for i in range(0, len(order) - B, B)]
    x, u = np.empty((B, 784), np.float32), np.empty((B, 784), np.uint8)

    def once() -> None:
        for rows in batches:
            inputs.take(rows, axis=0, out=x, mode="clip")

    def each() -> None:
        for rows in batches:
            images.take(rows, axis=0, out=u, mode="clip")
            np.divide(u, np.float32(255), out=x)

    return best(once) / len(batches) * 1e6, best(each) / len(batches) * 1e6


def epoch(inputs: Array, B: int) -> float:
    """Microseconds a batch of a whole epoch of `Batches`, permutation included."""
    part = Part(X=inputs, Y=np.zeros((len(inputs), 10), np.float32), rows=np.arange(len(inputs)), labels=None)
    batches = Batches(part, B, np.random.default_rng(0))
    return best(lambda: [None for _ in batches.epoch()]) / len(batches) * 1e6


def main() -> None:
    print(f"{'images':>7} {'B':>4} {'float32':>9} {'bytes':>9} {'Batches':>9}   us a batch of 784 inputs")
    for n in (1_000, 5_000, 60_000):
        images = np.random.default_rng(0).integers(0, 256, (n, 784), dtype=np.uint8)
        inputs = images.astype(np.float32) / np.float32(255)
        for B in (32, 128):
            once, each = gathers(images, inputs, B)
            print(f"{n:>7} {B:>4} {once:>9.1f} {each:>9.1f} {epoch(inputs, B):>9.1f}")


if __name__ == "__main__":
    main()
