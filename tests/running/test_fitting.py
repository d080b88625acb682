"""Words that fit a line: which leave, in which order, and how wide letters are counted."""

from __future__ import annotations

import math

import pytest

from bpexp.running.fitting import columns, fitted, number

WORDS = {"a": "first", "b": "second", "c": "", "d": "fourth"}
LEAVING = [("b", "2nd"), ("a", ""), ("b", "")]


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (80, "first  second  fourth"),
        (21, "first  second  fourth"),
        (20, "first  2nd  fourth"),
        (17, "2nd  fourth"),
        (10, "fourth"),
        (3, "fourth"),
    ],
)
def test_words_leave_in_their_order(width: int, line: str) -> None:
    assert fitted(WORDS, LEAVING, width) == line


def test_a_chinese_letter_takes_two_columns() -> None:
    assert (columns("ab"), columns("\u6df1\u5ea6")) == (2, 4)
    assert fitted({"a": "\u6df1\u5ea6", "b": "x"}, [("b", "")], 6) == "\u6df1\u5ea6"


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.0, "0.0000"), (0.12345, "0.1235"), (1e-9, "1e-09"), (1e30, "1e+30"), (math.nan, "nan"), (-math.inf, "-inf")],
)
def test_a_measure_is_short_whatever_it_is(value: float, told: str) -> None:
    assert number(value) == told
