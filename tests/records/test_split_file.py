"""The rows of each part on disk: those of the file, also of an official test set and under a limit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bpexp
from bpexp.data import Raw, prepare
from bpexp.errors import RecordError
from bpexp.records.split_file import load_split, save_split

LEAN = ("tracking=none", "probe=off", "epochs=1", "model.hidden=[2]")


def raw(n: int, official: int = 0) -> Raw:
    """Samples whose inputs are their row numbers; those of the official test set are negative."""
    test = (-np.arange(official, dtype=float)[:, None], np.arange(official) % 2) if official else None
    X, y = np.arange(n, dtype=float)[:, None], np.arange(n) % 2
    return Raw(X, y, task="classification", source="made up", digest="0123", test=test)


@pytest.mark.parametrize("official", [0, 300])
@pytest.mark.parametrize("limit", [None, 40])
@pytest.mark.parametrize("validation", [0, 0.1])
def test_the_rows_of_each_part_come_back(official: int, limit: int | None, validation: float, tmp_path: Path) -> None:
    data = prepare(
        raw(400, official),
        name="x",
        rng=np.random.default_rng(3),
        validation=validation,
        limit=limit,
        dtype="float64",
        scaling="none",
    )
    save_split(tmp_path, data)
    found = load_split(tmp_path)
    for rows, part in ((found.train, data.train), (found.validation, data.validation)):
        inputs = np.empty(0) if part is None else part.batch()[0][0]
        np.testing.assert_array_equal(rows, inputs)
    assert data.test is not None
    np.testing.assert_array_equal(found.test * (-1 if official else 1), data.test.batch()[0][0])
    assert (found.official_test, found.digest) == (bool(official), "0123")
    parts = [found.train, found.validation] + ([] if official else [found.test])
    together = np.concatenate(parts)
    assert len(set(together)) == len(together)
    assert limit is not None or len(together) == 400
    with np.load(tmp_path / "split.npz") as archive:
        assert archive["train"].dtype == (np.uint16 if archive["train"].max() > 255 else np.uint8)


def test_the_split_of_a_run_names_rows_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    numbers = np.random.default_rng(0).permutation(60)
    text = "".join(f"{number},{i},{i % 2}\n" for i, number in enumerate(numbers))
    Path("x.csv").write_text(f"number,row,y\n{text}", encoding="utf-8")
    run = bpexp.run("data=csv", "data.path=x.csv", *LEAN)
    split = run.split
    assert sorted(np.concatenate([split.train, split.validation, split.test])) == list(range(60))
    assert (len(split.train), len(split.validation), len(split.test)) == (42, 6, 12)
    rows = [[numbers[i], i] for i in split.test]
    right = run.predict(rows).iloc[:, 0].astype(str) == [str(i % 2) for i in split.test]
    assert right.mean() == run.metrics["final/accuracy_test"]


def test_rows_that_were_left_out_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"{i * 1.5},{'' if i % 7 == 3 else i * 2.5},{'ab'[i % 2]}" for i in range(70)]
    Path("x.csv").write_text("\n".join(["p,q,kind", *lines[:20], "", *lines[20:]]), encoding="utf-8")
    run = bpexp.run("data=csv", "data.path=x.csv", "data.missing=drop_rows", *LEAN)
    split = run.split
    kept = np.concatenate([split.train, split.validation, split.test])
    assert sorted(kept) == [i for i in range(70) if i % 7 != 3]
    table = pd.read_csv("x.csv").iloc[split.test]
    assert (run.predict(table)["kind"] == table["kind"]).mean() == run.metrics["final/accuracy_test"]


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "without a part"])
def test_a_damaged_split_is_named_in_a_line(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "split.npz"
    if damage != "gone":
        save_split(tmp_path, prepare(raw(60), name="x", rng=np.random.default_rng(0)))
        content = path.read_bytes()
        path.write_bytes({"empty": b"", "cut": content[: len(content) // 2]}.get(damage, content))
    if damage == "without a part":
        np.savez(path, train=np.arange(3))
    with pytest.raises(RecordError, match=r"^'.*split\.npz': ") as caught:
        load_split(tmp_path)
    assert "\n" not in str(caught.value)
