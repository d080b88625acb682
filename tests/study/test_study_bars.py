"""The picture of a claim's interval: zero, the claimed region and the interval, each where it belongs."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from bpexp.study.bars import MARGIN, WIDE, bar
from bpexp.study.claims import Claim, read_claim
from bpexp.study.statistics import Interval

NAN, INF = math.nan, math.inf


def claimed(**bound: Any) -> Claim:
    said = {"text": "so it is", "measure": "final r2/test", "of": {}, **bound}
    return read_claim(said, {})


def drawn(claim: Claim, interval: Interval) -> dict[str, list[dict[str, str]]]:
    """The elements of the picture by class, or by tag where they have none."""
    found: dict[str, list[dict[str, str]]] = {}
    for element in ET.fromstring(bar(claim, interval)).iter():
        found.setdefault(element.get("class", element.tag), []).append({**element.attrib, "says": element.text or ""})
    return found


def test_everything_stands_in_its_order() -> None:
    """0 < 0.2, the bound, < 0.3 to 0.5, the interval."""
    found = drawn(claimed(above=0.2), Interval(0.4, 0.3, 0.5, 5))
    zero, bound = float(found["zero"][0]["x1"]), float(found["bound"][0]["x1"])
    whole, low, high = found["range"]
    mean = float(found["mean"][0]["cx"])
    assert MARGIN <= zero < bound < float(low["x1"]) < mean < float(high["x1"]) <= WIDE - MARGIN
    assert (whole["x1"], whole["x2"]) == (low["x1"], high["x1"])
    region = found["region"][0]
    assert float(region["x"]) == bound
    assert float(region["x"]) + float(region["width"]) == pytest.approx(WIDE - MARGIN, abs=0.1)
    assert bound - zero == pytest.approx(2 * (mean - bound) / 2, abs=0.2)
    assert [text["says"] for text in found["text"]] == ["0", "above 0.2"]


def test_a_reader_is_told_in_words() -> None:
    picture = bar(claimed(within=0.3), Interval(-0.01, -0.2, 0.18, 5))
    assert 'role="img" aria-label="-0.01 [-0.2, 0.18], claimed: within 0.3 of 0"' in picture
    assert len(drawn(claimed(within=0.3), Interval(-0.01, -0.2, 0.18, 5))["bound"]) == 2


@pytest.mark.parametrize("bound", [{"above": 1e-300}, {"below": 0}, {"within": 1e9}, {"above": -5}])
@pytest.mark.parametrize(
    "interval",
    [Interval(0.0, 0.0, 0.0, 5), Interval(1e9, -1e9, 3e9, 5), Interval(-2, NAN, NAN, 1), Interval(1e-9, 0, 2e-9, 5)],
)
def test_nothing_leaves_the_picture(bound: dict[str, float], interval: Interval) -> None:
    found = drawn(claimed(**bound), interval)
    for kind in ("zero", "bound", "range", "region", "mean", "text"):
        for element in found.get(kind, ()):
            assert 0 <= float(element.get("x1") or element.get("cx") or element["x"]) <= WIDE
    assert ("range" in found) == (not math.isnan(interval.low))


@pytest.mark.parametrize(
    "interval", [Interval(NAN, NAN, NAN, 0), Interval(INF, NAN, NAN, 1), Interval(1e308, -1e308, 1e308, 5)]
)
def test_what_is_no_number_has_no_picture(interval: Interval) -> None:
    assert bar(claimed(above=0), interval) == ""
