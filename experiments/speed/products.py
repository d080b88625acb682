"""Products in blocks beside whole ones: `python -m experiments.speed.products --core 1`.

For the products of the first layer of n units, W x and delta x^T, over batches of B samples: the block that the rule of
`bpexp.nn.products` chooses, and its time divided by that of the whole product. Both have their turns in every round;
processor time counts, the ratios are medians over the rounds. The rule is for the kernels of AVX-512; with
OPENBLAS_CORETYPE=Haswell the same blocks can be seen on those of AVX2, where bpexp does not use them.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial
from itertools import product

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy is imported, which reads it once

import numpy as np  # noqa: E402

from bpexp.nn.products import block, has_small_kernels, in_blocks  # noqa: E402
from experiments.speed.machine import pin  # noqa: E402
from experiments.speed.work import Array  # noqa: E402

INPUTS, UNITS, BATCHES = 784, (8, 10, 16, 32, 64, 128, 256, 512), (32, 64, 128, 256, 512)
LENGTH = 0.004
"""Seconds of a turn, about."""


def compared(left: Array, right: Array, *, transposed: bool, rounds: int) -> tuple[tuple[int, int], float] | None:
    """The block and the ratio; None where the product stays whole."""
    shape = len(left), right.shape[1]
    chosen, out = block(len(left), *right.shape, transposed=transposed), np.empty(shape, left.dtype)
    if chosen == shape:
        return None
    ways = partial(np.dot, left, right, out), partial(in_blocks, chosen, left, right, out)
    turns = max(1, round(LENGTH / min(seconds(ways[0], 1) for _ in range(3))))
    ratios = []
    for number in range(rounds):
        whole, blocked = (seconds(way, turns) for way in (ways if number % 2 else ways[::-1]))
        ratios.append(blocked / whole if number % 2 else whole / blocked)
    return chosen, float(np.median(ratios))


def seconds(way: partial[Array], turns: int) -> float:
    start = time.process_time()
    for _ in range(turns):
        way()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="turns of both")
    parser.add_argument("--core", type=int, help="pin to this processor core, where the system can")
    args = parser.parse_args()
    pin(args.core)
    print(f"kernels for which the rule is made: {'yes' if has_small_kernels() else 'no'}")
    print("| n | B | W x | | delta x^T | |\n|---|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    for n, B in product(UNITS, BATCHES):
        X, W, delta = (rng.random(shape, dtype=np.float32) for shape in ((B, INPUTS), (n, INPUTS), (n, B)))
        forward = compared(W, X.T, transposed=True, rounds=args.rounds)
        backward = compared(delta, X, transposed=False, rounds=args.rounds)
        cells = [f"{one[0][0]} x {one[0][1]} | {one[1]:.2f}" if one else "whole | 1" for one in (forward, backward)]
        print(f"| {n} | {B} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
