"""The random streams of a run: one seed, and a separate generator for each purpose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Streams:
    """Six independent generators: runs that differ only in the loss draw the same weights, split and batches."""

    init: np.random.Generator
    split: np.random.Generator
    shuffle: np.random.Generator
    data: np.random.Generator
    method: np.random.Generator
    check: np.random.Generator


def streams(seed: int) -> Streams:
    """The random streams of a run with this seed."""
    return Streams(*(np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(6)))
