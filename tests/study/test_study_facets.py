"""Every arm is drawn where a reader can tell the curves apart, in several figures if need be."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from bpexp.study.facets import CURVES, FIGURES, PANELS, Facets, facets, shortened


def grid(**factors: int) -> list[dict[str, str]]:
    levels = [[(name, str(level)) for level in range(count)] for name, count in factors.items()]
    return [dict(arm) for arm in product(*levels)]


def only(arms: list[dict[str, str]]) -> Facets:
    """The figure of these arms, which is one."""
    (found,) = facets(arms)
    return found


def test_few_arms_share_a_panel_and_their_names_hold_what_differs() -> None:
    found = only([{"activation": "relu", "init": "he"}, {"activation": "tanh", "init": "he"}])
    assert found.panels == {"": {"activation=relu": 0, "activation=tanh": 1}}
    assert only([{"activation": "relu"}]).panels == {"": {"all runs": 0}}
    assert only([]).panels == {}


def test_many_arms_are_divided_by_the_factor_that_makes_the_fewest_panels() -> None:
    found = only(grid(activation=3, output=2, cost=2, init=2))
    assert list(found.panels) == ["activation=0", "activation=1", "activation=2"]
    assert next(iter(found.panels["activation=1"])) == "output=0, cost=0, init=0"
    assert len(only(grid(a=6, b=8)).panels) == 6


def test_arms_that_one_figure_cannot_hold_are_divided_over_figures() -> None:
    """U1: of more arms than one figure holds eight were drawn."""
    found = facets(grid(activation=3, gain=12, depth=8))
    assert [one.title for one in found] == ["activation=0", "activation=1", "activation=2"]
    assert sorted(arm for one in found for arm in one.arms) == list(range(288))
    assert list(found[0].panels) == [f"gain={level}" for level in range(12)]


def test_where_no_factor_divides_them_they_stand_in_their_order() -> None:
    (found,) = facets(grid(depth=12))
    assert list(found.panels) == ["arms 1 to 8", "arms 9 to 12"]
    assert found.arms == list(range(12))


def test_of_more_figures_than_a_reader_looks_at_those_with_named_arms_come_first() -> None:
    found = facets(grid(a=800), named=[790])
    assert len(found) == FIGURES
    assert 790 in found[0].arms
    assert found[1].arms == list(range(CURVES * PANELS))


def test_an_arm_has_the_same_place_in_every_chart_whatever_its_rank() -> None:
    """A colour that was ReLU's in one figure was a sigmoid's in the next: the places were those of the ranks."""
    everything = grid(gain=2, activation=4, depth=2)
    by_rank = [everything[place] for place in (15, 3, 9, 4, 12, 0, 8, 1, 2, 11, 5, 6, 7, 10, 13)]  # one is missing
    without = {tuple(arm.items())[1:]: {**arm, "gain": "0"} for arm in by_rank}
    by_gain, over_gain = only(by_rank), only(list(without.values()))
    assert list(by_gain.panels) == ["gain=0", "gain=1"]
    assert by_gain.names == over_gain.names == list(over_gain.panels[""])
    assert over_gain.names == [f"activation={name}, depth={depth}" for name in range(4) for depth in range(2)]
    named = only([{"activation": name, "depth": depth} for name in ("relu", "elu") for depth in ("8", "10", "2")])
    assert named.names == [f"activation={name}, depth={depth}" for name in ("relu", "elu") for depth in (2, 8, 10)]


def test_long_numbers_are_rounded_as_far_as_they_can_be_told_apart() -> None:
    assert shortened(["1.4142135623731", "2", "relu", "0.00450243557"]) == ["1.414", "2", "relu", "0.004502"]
    assert shortened(["0.0437182937", "0.0437189937"]) == ["0.043718", "0.043719"]
    assert shortened(["0.1000000000000000055", "0.1"]) == ["0.1000000000000000055", "0.1"]
    found = only([{"lr": "0.04371829371", "name": "a.0123456789"}, {"lr": "0.1", "name": "a.0123456789"}])
    assert found.names == ["lr=0.04372", "lr=0.1"]


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.data())
def test_no_arm_is_lost_or_drawn_twice(counts: list[int], data: st.DataObject) -> None:
    arms = grid(**{f"f{i}": count for i, count in enumerate(counts)})
    named = data.draw(st.lists(st.integers(0, len(arms) - 1), unique=True))
    found = facets(arms, named)
    drawn = [arm for one in found for arm in one.arms]
    assert len(drawn) == len(set(drawn))
    assert sorted(drawn) == list(range(len(arms))) or len(found) == FIGURES
    assert all(len(one.panels) <= PANELS for one in found)
    assert all(len(panel) <= CURVES for one in found for panel in one.panels.values())
