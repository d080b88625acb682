"""How far a sweep is, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bpexp.records.outcome import Outcome
from bpexp.running.tally import Tally, clock
from bpexp.study.ranking import brief


def outcome(status: str, value: float | None = None, said: tuple[str, ...] = (), **params: Any) -> Outcome:
    metrics = {} if value is None else {"final/accuracy_validation": value, "final/loss_validation": value}
    chosen = None if value is None else "accuracy/validation"
    return Outcome("", str(Path()), status, "", list(said), params, 2.0, metrics, chosen)


def test_the_headline_counts_everything_that_happened() -> None:
    """Done is what has a result: what failed, was killed or lost is told beside it, and so is what has not begun."""
    tally = Tally(10)
    assert tally.headline(0, 0.0) == "0/10 done  10 not begun"
    assert tally.headline(2, 9.0) == "0/10 done  2 running  8 not begun"
    for number, status in enumerate(["finished", "stopped", "failed", "killed", "diverged"]):
        tally.add(number, outcome(status))
    tally.add(7, None)
    told = "2 running  1 failed  1 killed  1 lost  1 diverged"
    assert tally.headline(2, 12.0) == f"3/10 done  0:08 left  {told}  2 not begun"
    assert tally.headline(0, 0.0, broken_off=1) == (
        "3/10 done  1 failed  1 killed  1 lost  1 diverged  1 broken off  3 not begun"
    )
    assert (tally.done, tally.ended) == (3, 6)


def test_time_left_of_jobs_that_are_trained_together_goes_by_their_epochs() -> None:
    """They all run from the beginning and all end at once: neither side by side, nor one after the other."""
    tally = Tally(12)
    assert tally.left(4.0, 0.5) is None, "the first moments of a sweep go into its start"
    assert tally.left(4.0, 6.0) == 4.0
    assert tally.left(100.0, 0.5) == 2300.0
    tally.add(0, outcome("finished"))
    left = tally.left(8.0, 10.5)
    assert left is not None
    assert left < 1.0


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("lr=0.04043878009515104", "lr=0.04044"),
        ("init.std=-1.2345678e-05", "init.std=-1.235e-05"),
        ("0.04043878009515104", "0.04044"),
        ("lr=0.1", "lr=0.1"),
        ("seed=123456789", "seed=123456789"),
        ("data=a=0.123456", "data=a=0.1235"),
        ("model.hidden=[0.123456]", "model.hidden=[0.123456]"),
        ("lr=" + "1" * 5000, "lr=" + "1" * 5000),
        ("x=nan", "x=nan"),
    ],
)
def test_a_long_number_is_told_with_four_digits(word: str, told: str) -> None:
    assert brief(word) == told
    assert Tally(2, brief=True).said([word, "a=b"]) == f"{told} a=b"
    assert Tally(2).said([word]) == word


def test_time_left_goes_by_what_ended_since_the_sweep_was_resumed() -> None:
    tally = Tally(10)
    for number in range(6):
        tally.add(number, outcome("finished"), fresh=False)
    assert tally.left(5.0) is None
    tally.add(6, outcome("finished"))
    assert tally.left(5.0) == 15.0
    assert Tally(None, {0: "finished"}, fresh=1).left(1.0) is None


def test_time_left_goes_by_the_epochs_of_jobs_that_run() -> None:
    """Half a job in 5 seconds leaves nine and a half, before any has ended."""
    tally = Tally(10)
    assert tally.left(5.0, 0.0) is None
    assert tally.left(5.0, 0.5) == 95.0
    tally.add(0, outcome("finished"))
    assert tally.left(5.0, 0.25) == 4.0 * 8.75
    assert tally.headline(1, 5.0, 0.25) == "1/10 done  0:35 left  1 running  8 not begun"


def test_the_best_is_that_of_the_ranking() -> None:
    tally = Tally(9, common=frozenset({"epochs=2"}))
    tally.add(0, outcome("failed", 0.99))
    assert tally.best_line() == ""
    tally.add(1, outcome("finished", 0.5, ("epochs=2", "lr=0.1")))
    tally.add(2, outcome("stopped", 0.75, ("epochs=2", "lr=0.3")))
    tally.add(3, outcome("diverged", 0.9))
    assert tally.best_line() == "best 0.7500 accuracy/validation  job 2  lr=0.3"
    lower = Tally(9)
    for number, value in enumerate([0.5, 0.25, 0.75]):
        lower.add(number, outcome("finished", value, objective="loss/validation"))
    assert lower.best_line().startswith("best 0.2500 loss/validation  job 1")


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.2, "0:01"), (61, "1:01"), (3599, "59:59"), (3600, "1:00:00"), (400000, "4 d 15 h")]
)
def test_clock(seconds: float, told: str) -> None:
    assert clock(seconds) == told
