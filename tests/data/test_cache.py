"""Raw data are kept between runs as long as the files behind them stay what and where they are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from bpexp.data import cache
from bpexp.data.dataset import Raw


@pytest.fixture(autouse=True)
def _empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache, "_kept", type(cache._kept)())


def load(path: str = "x.csv", seed: int = 0) -> Raw:
    return cache.load_raw("csv", {"path": path}, seed, lambda: np.random.default_rng(seed))


def write(first: int, at: int, path: str = "x.csv") -> None:
    """A table of the same size whatever its first cell, changed at this time in nanoseconds."""
    Path(path).write_text(f"a,b,c\n{first},0,0\n" + "1,2,1\n3,4,0\n" * 4, encoding="utf-8")
    os.utime(path, ns=(at, at))


def test_an_unchanged_file_is_read_once() -> None:
    write(1, at=1_000)
    assert load() is load(seed=1)


def test_a_file_of_the_same_size_and_another_time_is_read_again() -> None:
    write(1, at=1_000)
    first = load()
    write(2, at=2_000)
    assert (first.X[0, 0], load().X[0, 0]) == (1, 2)


def test_a_file_of_another_size_and_the_same_time_is_read_again() -> None:
    write(1, at=1_000)
    first = load()
    write(10, at=1_000)
    assert (first.X[0, 0], load().X[0, 0]) == (1, 10)


def test_a_relative_path_is_another_file_in_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    write(1, at=1_000)
    first = load()
    Path("other").mkdir()
    monkeypatch.chdir("other")
    write(2, at=1_000)
    assert (first.X[0, 0], load().X[0, 0]) == (1, 2)


def test_what_is_drawn_is_another_set_for_each_seed() -> None:
    def drawn(seed: int) -> Raw:
        return cache.load_raw("xor", {}, seed, lambda: np.random.default_rng(seed))

    assert drawn(0) is drawn(0)
    assert drawn(0).digest != drawn(1).digest


def test_few_sets_are_kept() -> None:
    for name in ("x.csv", "y.csv", "z.csv"):
        write(1, at=1_000, path=name)
        load(name)
    assert len(cache._kept) == cache.KEPT
