"""Every arm is drawn where a reader can tell the curves apart; where not, those that claims name are."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from bpexp.study.facets import CURVES, PANELS, facets


def grid(**factors: int) -> list[dict[str, str]]:
    levels = [[(name, str(level)) for level in range(count)] for name, count in factors.items()]
    return [dict(arm) for arm in product(*levels)]


def test_few_arms_share_a_panel_and_their_names_hold_what_differs() -> None:
    found = facets([{"activation": "relu", "init": "he"}, {"activation": "tanh", "init": "he"}])
    assert found.panels == {"": {"activation=relu": 0, "activation=tanh": 1}}
    assert facets([{"activation": "relu"}]).panels == {"": {"all runs": 0}}
    assert facets([]).panels == {}


def test_many_arms_are_divided_by_the_factor_that_makes_the_fewest_panels() -> None:
    found = facets(grid(activation=3, output=2, cost=2, init=2))
    assert list(found.panels) == ["activation=0", "activation=1", "activation=2"]
    assert next(iter(found.panels["activation=1"])) == "output=0, cost=0, init=0"
    assert found.omitted == 0
    assert len(facets(grid(a=6, b=8)).panels) == 6


def test_where_there_are_too_many_the_named_ones_are_drawn_and_the_best() -> None:
    arms = grid(a=100)
    found = facets(arms, named=[90, 97])
    assert found.arms == [0, 1, 2, 3, 4, 5, 90, 97]
    assert found.omitted == 92
    everything = facets(arms, named=list(range(50, 70)))
    assert everything.arms == list(range(50, 70))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.data())
def test_no_arm_is_lost_or_drawn_twice(counts: list[int], data: st.DataObject) -> None:
    arms = grid(**{f"f{i}": count for i, count in enumerate(counts)})
    named = data.draw(st.lists(st.integers(0, len(arms) - 1), unique=True))
    found = facets(arms, named)
    assert len(found.arms) == len(set(found.arms)) == len(arms) - found.omitted
    assert set(named) <= set(found.arms)
    assert found.omitted == 0 or len(arms) > CURVES
    assert len(found.panels) <= PANELS or found.omitted
