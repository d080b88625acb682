"""JSON within bounds: what Python would read, and no record holds, is one line."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from bpexp.errors import DataError
from bpexp.files.plain_json import MOST_DEPTH, MOST_VALUES, parse_json

REFUSED = {
    "empty": ("", "is no JSON: Expecting value"),
    "cut": ('{"a": 1', "is no JSON"),
    "two": ("{} {}", "is no JSON: Extra data"),
    "NaN": ('{"a": NaN}', "has the number NaN, which is no JSON; expected a finite number"),
    "infinity": ("[-Infinity]", "has the number -Infinity"),
    "a key twice": ('{"b": {"a": 1, "c": 2, "a": 2}}', "has the key 'a' twice"),
    "a control character": ('"a\nb"', "is no JSON: Invalid control character"),
    "half a pair": ('{"a": "\\ud800"}', "half of a surrogate pair"),
    "digits": ("1" * 5000, "is no JSON: Exceeds the limit"),
    "deep": ("[" * 65 + "]" * 65, "lists in lists; expected at most 64"),
    "very deep": ("[" * 100_000, "lists in lists; expected at most 64"),
    "deep mappings": ('{"a":' * 65 + "1" + "}" * 65, "lists in lists"),
    "many": ("[" + "[]," * MOST_VALUES + "1]", "holds too many values"),
    "bytes": (b"\xff{}", "byte 0xff at position 0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_line(case: str) -> None:
    content, message = REFUSED[case]
    with pytest.raises(DataError, match=message) as caught:
        parse_json(content, "'x.json'")
    assert str(caught.value).startswith("'x.json': ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [{}, [1, 2.5, None, True, "\U0001f600 ["], {"a": {"b": [[]] * 100}}])
def test_read(content: object) -> None:
    assert parse_json(json.dumps(content), "x") == content
    assert parse_json(json.dumps(content, ensure_ascii=False).encode(), "x") == content
    deepest = "[" * MOST_DEPTH + "]" * MOST_DEPTH
    assert parse_json(deepest, "x") is not None


def test_memory_is_bounded_by_the_number_of_values() -> None:
    """The worst text of all that are accepted: empty mappings."""
    text = "[" + "{}," * (MOST_VALUES // 2 - 2) + "1]"
    tracemalloc.start()
    parse_json(text, "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6
