"""Damaged files, a few hundred times each: refused in a line, or read as they say; never another exception."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.reliability.mutations import Pickles, damage
from experiments.reliability.readable_files import readable_files

COUNT = 100
"""`python -m experiments.reliability.mutations` damages each file 10 000 times."""

PICKLES = Pickles()
NAMES = ["IDX, a.idx", "IDX, a.idx.gz", "table, a.csv", "table, a.csv.gz", "NPZ, a.npz", "NPZ, b.npz", "result.json"]
NAMES += ["metrics.jsonl", "network.json", "network.npz", "split.npz", "histograms.npz", "sweep.json", "study.json"]
NAMES += ["checkpoint", "tracked.json", "delivery.json"]


def test_each_file_of_a_run_has_its_reader_here(tmp_path: Path) -> None:
    assert list(readable_files(tmp_path)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_no_mutation_does_harm(name: str, tmp_path: Path) -> None:
    count = COUNT // 3 if name.startswith("table") else COUNT
    counts = damage(readable_files(tmp_path)[name], count, np.random.default_rng(7), PICKLES)
    assert counts.good, counts
    assert counts.refused + counts.right == count
    assert counts.refused > count // 3


def test_a_reader_that_lets_something_through_is_seen(tmp_path: Path) -> None:
    """The harness itself: a reader that returns the wrong thing, and one that raises something else."""
    from dataclasses import replace

    good = readable_files(tmp_path)["result.json"]
    outcome = good.read()
    careless = damage(replace(good, read=lambda: outcome), 50, np.random.default_rng(0), PICKLES)
    assert careless.wrong
    assert not careless.good
    foreign = damage(
        replace(good, read=lambda: good.path.read_bytes().decode("utf-8")[9]), 50, np.random.default_rng(1), PICKLES
    )
    assert foreign.foreign or foreign.wrong
    greedy = damage(replace(good, read=lambda: bytearray(10**7)), 2, np.random.default_rng(0), PICKLES)
    assert greedy.over_memory == 2
