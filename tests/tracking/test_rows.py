"""Which rows of a journal MLflow gets: all of a short series, ever fewer of a long one, the same whoever sends them."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpexp.records.journal import Journal
from bpexp.tracking.manifest import Facts, Sent
from bpexp.tracking.rows import BATCH, Row, batches, kept, last_rows
from bpexp.training.events import EpochEnded


def facts(points: int | None, every: int | str = "auto") -> Facts:
    return Facts("run", "a run", "sqlite:///x", "bpexp", 1, every=every, points=points)


def chosen(n: int, whole: int | None) -> list[int]:
    return [number for number in range(n) if kept(number, whole)]


def test_the_rule_by_hand() -> None:
    assert chosen(33, 4) == [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
    assert chosen(9, None) == list(range(9))


@given(st.integers(1, 300), st.integers(1, 3000))
def test_the_number_of_rows_grows_as_a_logarithm(whole: int, n: int) -> None:
    numbers = chosen(n, whole)
    doublings = max(0.0, math.log2(n / whole))
    assert len(numbers) <= whole * (1 + doublings / 2) + doublings + 1
    assert numbers[: min(n, whole)] == list(range(min(n, whole)))
    for last, number in pairwise(numbers):  # no gap is longer than 2 / whole of the way so far
        assert number - last <= max(1, 2 * number / whole)


def journal(folder: Path, epochs: int, value: float = 0.5) -> Path:
    """A journal with three series of an epoch and one at some of them."""
    with_journal = Journal(folder)
    for epoch in range(epochs):
        with_journal.on_epoch(EpochEnded(epoch, 2 * epoch, {"loss/train": value + epoch}, 0.1))
        if epoch % 7 == 0:
            with_journal.metrics(2 * epoch, {"fixed/norm/W1": value})
    with_journal.close("finished", "done")
    return with_journal.path


def sent_of(path: Path, points: int | None, offsets: list[int]) -> tuple[list[Row], Sent]:
    """The rows that are sent up to each of the offsets in turn, and to the end."""
    rows: list[Row] = []
    sent = Sent()
    for upto in [*offsets, None]:
        for found, after in batches(path, sent, facts(points), upto):
            rows += found
            sent = after
    return rows, sent


@pytest.mark.parametrize("points", [None, 1, 16, 500])
def test_the_same_rows_at_once_and_in_parts(points: int | None, tmp_path: Path) -> None:
    path = journal(tmp_path, 700)
    whole, end = sent_of(path, points, [])
    size = path.stat().st_size
    parts, other = sent_of(path, points, [size // 5, size // 3, size // 3, size // 2])
    assert sorted(whole, key=str) == sorted(parts, key=str)
    assert end == other or (end.offset, end.series, end.held) == (other.offset, other.series, other.held)
    epochs = [row.step // 2 for row in whole if row.name == "loss/train"]
    assert epochs == chosen(700, points)
    last = {row.name: row for row in last_rows(end)}
    left_out = epochs[-1] != 699
    assert ("loss/train" in last) == left_out
    if left_out:
        assert (last["loss/train"].step, last["loss/train"].value) == (1398, 699.5)


def test_a_batch_is_of_a_bounded_size_and_lists_metrics_in_mlflows_order(tmp_path: Path) -> None:
    path = journal(tmp_path, 2000)
    for rows, _ in batches(path, Sent(), facts(None)):
        assert len(rows) <= BATCH + 10
        assert [row.name.count("/") for row in rows] == sorted(row.name.count("/") for row in rows)


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    path = journal(tmp_path, 3)
    whole, _ = sent_of(path, None, [])
    path.write_bytes(path.read_bytes() + b'{"time": 1, "step": 9, "metrics": {"loss/tr')
    again, sent = sent_of(path, None, [])
    assert again == whole
    assert sent.offset == path.read_bytes().rfind(b"\n") + 1
