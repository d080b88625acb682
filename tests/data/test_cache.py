"""Raw data sets are read once, and again as soon as what they depend on has changed."""

from __future__ import annotations

import json
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

import bpexp
from bpexp.api import Result
from bpexp.data import Raw, cache, datasets
from bpexp.data.cache import load_raw
from bpexp.data.dataset import Loader


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cache, "_kept", type(cache._kept)())
    monkeypatch.chdir(tmp_path)


def load(name: str, seed: int = 0, **params: object) -> Raw:
    return load_raw(name, params, seed, lambda: np.random.default_rng(seed))


def table(path: Path, first: int) -> Path:
    """A CSV file of 60 samples, all of whose versions have the same size."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{first},{i % 7},{'ab'[i % 2]}\n" for i in range(60)))
    return path


def digest(run: Result) -> str:
    """The digest of the data that a run was trained on."""
    assert run.outcome.ok
    return str(json.loads((run.directory / "network.json").read_text())["data"]["digest"])


TINY = ("data=csv", "data.path=x.csv", "epochs=1", "batch_size=20", "tracking=none")


def test_runs_in_two_working_directories_read_their_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = []
    for name, first in (("one", 1), ("two", 2)):
        table(tmp_path / name / "x.csv", first)
        monkeypatch.chdir(tmp_path / name)
        digests.append(digest(bpexp.run(*TINY)))
    assert digests[0] != digests[1]


def test_a_run_sees_that_a_file_was_edited(tmp_path: Path) -> None:
    path = table(tmp_path / "x.csv", 1)
    before = digest(bpexp.run(*TINY))
    table(path, 2)
    assert digest(bpexp.run(*TINY)) != before


def test_an_edit_that_keeps_size_and_modification_time_is_seen(tmp_path: Path) -> None:
    path = table(tmp_path / "x.csv", 1)
    first = load("csv", path="x.csv")
    status = path.stat()
    table(path, 2)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load("csv", path="x.csv").X[0, 0] == 2
    assert first.X[0, 0] == 1


def test_an_unedited_file_is_read_once(tmp_path: Path) -> None:
    table(tmp_path / "x.csv", 1)
    first = load("csv", path="x.csv")
    assert load("csv", path="x.csv") is first
    assert load("csv", path="x.csv", seed=5) is first
    assert load("csv", path=str(tmp_path / "x.csv")) is not first  # the source that is recorded is another


@pytest.mark.parametrize("name", ["npz", "idx", "mnist"])
def test_every_loader_of_files_declares_them(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    for part in ("train", "t10k"):
        for kind in ("images-idx3", "labels-idx1"):
            shape = (4, 2, 2) if "images" in kind else (4,)
            head = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
            (folder / f"{part}-{kind}-ubyte").write_bytes(head + bytes(int(np.prod(shape))))
    np.savez(tmp_path / "d.npz", X=np.eye(4), y=[0, 1, 0, 1])
    monkeypatch.delenv("BPEXP_DATA", raising=False)
    params = {"npz": {"path": "d.npz"}, "idx": {"path": "d"}, "mnist": {"root": "d"}}[name]
    files = list(datasets.build(name, **params).files())
    assert len(files) == (1 if name == "npz" else 4)
    assert all(path.is_file() for path in files)


def test_idx_declares_the_files_that_it_is_given_and_a_missing_file_is_no_error_yet(tmp_path: Path) -> None:
    assert list(datasets.build("idx", path="x", labels="y").files()) == [Path("x"), Path("y")]
    assert list(datasets.build("idx", path="x").files()) == [Path("x")]
    assert list(datasets.build("csv", path="~/x.csv").files()) == [Path.home() / "x.csv"]


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A seeded data set called `drawn` and one called `fixed`; the list gets an entry for each load."""
    done: list[float] = []
    started = threading.Event()

    def load(rng: np.random.Generator) -> Raw:
        done.append(rng.random())
        started.wait(0.05)  # other threads arrive meanwhile
        return Raw(X=np.eye(2), y=np.arange(2), task="classification", source="made up", digest=str(done[-1]))

    made = {"drawn": lambda: Loader(load, seeded=True), "fixed": lambda: Loader(load, seeded=False)}
    monkeypatch.setattr(datasets, "_factories", {**datasets._factories, **made})
    return done


def test_only_a_seeded_data_set_is_loaded_for_each_seed(loads: list[float]) -> None:
    assert load("drawn").digest == load("drawn").digest != load("drawn", seed=1).digest
    assert len(loads) == 2
    assert load("fixed") is load("fixed", seed=1)
    assert len(loads) == 3


def test_few_data_sets_are_kept(loads: list[float]) -> None:
    for seed in (0, 1, 0, 2, 0, 1):
        load("drawn", seed=seed)
    assert len(loads) == 4  # 1 was used the longest time ago when 2 came
    assert len(cache._kept) == cache.KEPT


def test_threads_share_one_load(loads: list[float]) -> None:
    results: list[Raw] = []
    threads = [threading.Thread(target=lambda: results.append(load("drawn"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len({id(raw) for raw in results}) == 1


def test_a_file_that_is_edited_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path / "x.csv", 1)
    loader = datasets.build("csv", path="x.csv")

    def edited(rng: np.random.Generator) -> Raw:
        raw = loader.load(rng)
        table(path, 2)
        return raw

    with monkeypatch.context() as patch:
        patch.setattr(datasets, "_factories", {"csv": lambda path: Loader(edited, False, loader.files)})
        assert load("csv", path="x.csv").X[0, 0] == 1
    assert load("csv", path="x.csv").X[0, 0] == 2
