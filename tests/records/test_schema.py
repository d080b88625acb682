"""Records come back as their dataclasses, or one line names file, field, found and expected."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from bpexp.errors import RecordError
from bpexp.records.schema import read_record, typed
from bpexp.registry import Range


@dataclass(frozen=True)
class Place:
    """Part of a record."""

    epoch: int
    rate: float = 0.5


@dataclass(frozen=True)
class Example:
    """A record with one field of each kind."""

    name: str
    count: Annotated[int, Range(least=0)]
    way: Literal["up", "down"] = "up"
    good: bool = True
    limit: int | None = None
    mixed: int | str = 0
    values: list[float] = field(default_factory=list)
    shape: tuple[int, ...] = ()
    pair: tuple[int, str] = (0, "")
    metrics: dict[str, float] = field(default_factory=dict)
    at: Place | None = None
    steps: list[Place] = field(default_factory=list)
    rest: Any = None


NEEDED = {"name": "x", "count": 3}
FULL = {
    **NEEDED,
    "way": "down",
    "good": False,
    "limit": 4,
    "mixed": "text",
    "values": [1, 2.5, "inf"],
    "shape": [2, 3],
    "pair": [1, "a"],
    "metrics": {"loss": 1, "accuracy": "-inf"},
    "at": {"epoch": 2},
    "steps": [{"epoch": 1, "rate": 1}],
    "rest": [{"any": None}],
}


def write(folder: Path, content: Any) -> Path:
    path = folder / "example.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_every_kind_of_field_comes_back(tmp_path: Path) -> None:
    found = read_record(write(tmp_path, {"format": 2, **FULL}), Example, newest=2)
    assert found == Example(
        name="x",
        count=3,
        way="down",
        good=False,
        limit=4,
        mixed="text",
        values=[1.0, 2.5, math.inf],
        shape=(2, 3),
        pair=(1, "a"),
        metrics={"loss": 1.0, "accuracy": -math.inf},
        at=Place(2),
        steps=[Place(1, 1.0)],
        rest=[{"any": None}],
    )
    assert type(found.values[0]) is float
    assert read_record(write(tmp_path, NEEDED), Example) == Example("x", 3)


WRONG = {
    "no mapping": ([NEEDED], "found .*; expected a mapping of fields"),
    "missing": ({"name": "x"}, "count: is missing; expected a whole number"),
    "unknown": ({**NEEDED, "nmae": 1}, "unknown field 'nmae'; did you mean 'name'"),
    "text": ({**NEEDED, "name": 3}, "name: found 3; expected a text"),
    "bool for int": ({**NEEDED, "count": True}, "count: found True; expected a whole number"),
    "float for int": ({**NEEDED, "count": 3.0}, "count: found 3.0; expected a whole number"),
    "huge": ({**NEEDED, "count": 2**63}, "count: found 9223372036854775808; expected a whole number"),
    "huge float": ({**NEEDED, "metrics": {"a": 10**400}}, r"metrics\['a'\]: found 1000.*; expected a number"),
    "out of range": ({**NEEDED, "count": -1}, "count: found -1; expected a whole number of at least 0"),
    "choice": ({**NEEDED, "way": "left"}, "way: found 'left'; expected one of up, down"),
    "int for bool": ({**NEEDED, "good": 1}, "good: found 1; expected true or false"),
    "null": ({**NEEDED, "name": None}, "name: found None; expected a text"),
    "neither": ({**NEEDED, "mixed": 1.5}, "mixed: found 1.5; expected a whole number or a text"),
    "item": ({**NEEDED, "values": [1, "x"]}, r"values\[1\]: found 'x'; expected a number"),
    "no list": ({**NEEDED, "shape": "23"}, "shape: found '23'; expected a list"),
    "too long": ({**NEEDED, "pair": [1, "a", 2]}, "pair: found 3 values; expected 2"),
    "entry": ({**NEEDED, "metrics": {"a": []}}, r"metrics\['a'\]: found \[\]; expected a number"),
    "nested": ({**NEEDED, "at": {"epoch": "2"}}, "at.epoch: found '2'; expected a whole number"),
    "nested in a list": ({**NEEDED, "steps": [{}]}, r"steps\[0\].epoch: is missing"),
    "newer": ({**NEEDED, "format": 3}, "has format 3; this version reads 1 to 2"),
    "no format": ({**NEEDED, "format": "1"}, "has format '1'; this version reads 1 to 2"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_field_is_named_with_what_was_expected(case: str, tmp_path: Path) -> None:
    content, message = WRONG[case]
    path = write(tmp_path, content)
    with pytest.raises(RecordError, match=message) as caught:
        read_record(path, Example, newest=2)
    assert str(caught.value).startswith(repr(str(path)))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(path))


@pytest.mark.parametrize("name", ["name", *sorted(set(FULL) - {"name", "rest"})])
@pytest.mark.parametrize("value", [None, True, 1, -7, 1.5, "", "x" * 10_000, [], [None], {}, {"a": None}, [[[]]]])
def test_every_field_with_every_type_is_read_or_refused(name: str, value: Any, tmp_path: Path) -> None:
    path = write(tmp_path, {**FULL, name: value})
    try:
        found = read_record(path, Example)
    except RecordError as error:
        assert name in str(error)  # noqa: PT017, either outcome is right, and neither is another exception
    else:
        assert type(getattr(found, name)) in (type(value), float, tuple)


def test_many_values_are_checked_at_once() -> None:
    """A line of a journal has 256 losses: texts and floats go through without a step in Python for each."""
    losses = [0.5] * 1000
    assert typed(losses, list[float], "losses") == losses
    with pytest.raises(RecordError, match=r"losses\[999\]: found \[\]; expected a number"):
        typed([*losses[1:], []], list[float], "losses")
