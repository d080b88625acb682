"""Names to factories: what is registered is found, and a wrong name or parameter is answered in one line."""

from __future__ import annotations

from typing import Literal

import pytest

from bpexp.errors import ConfigError
from bpexp.registry import Registry


@pytest.fixture
def shapes() -> Registry[tuple]:
    registry: Registry[tuple] = Registry("shape")

    @registry.register("square")
    def square(side: float, corners: Literal["round", "sharp"] = "sharp") -> tuple:
        if side <= 0:
            raise ConfigError(f"side must be greater than 0, not {side!r}")
        return (side, corners)

    @registry.register("polygon")
    class Polygon(tuple):
        def __new__(cls, n: int = 3, label: str | None = None, closed: bool = True) -> Polygon:
            return super().__new__(cls, (n, label, closed))

        def __init__(self, n: int = 3, label: str | None = None, closed: bool = True) -> None:
            """The annotations are the schema."""

    return registry


def refusal(call, *args, **kwargs) -> str:
    """The line with which something is refused."""
    with pytest.raises(ConfigError) as caught:
        call(*args, **kwargs)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_it_is_a_mapping_in_the_order_of_registration(shapes):
    assert list(shapes) == ["square", "polygon"]
    assert len(shapes) == 2
    assert shapes["square"](2.0) == (2.0, "sharp")


def test_builds_with_parameters(shapes):
    assert shapes.build("square", side=3, corners="round") == (3, "round")
    assert shapes.build("polygon", n=5, label=None, closed=False) == (5, None, False)


def test_a_name_is_given_once(shapes):
    assert "'square' is registered already" in refusal(shapes.register("square"), lambda: ())


def test_an_unknown_name_is_answered_with_the_nearest(shapes):
    assert refusal(shapes.build, "squar") == (
        "unknown shape 'squar'; did you mean 'square'? choose from: polygon, square"
    )


def test_an_unknown_parameter_is_answered_with_the_nearest(shapes):
    assert refusal(shapes.build, "square", side=1, corner="round") == (
        "shape 'square' has no parameter 'corner'; did you mean 'corners'? it takes: side, corners"
    )


def test_a_missing_parameter_is_named(shapes):
    assert "shape 'square' needs the parameter 'side'" in refusal(shapes.build, "square")


@pytest.mark.parametrize(
    ("name", "params", "says"),
    [
        ("square", {"side": "1"}, "side must be a number, not '1'"),
        ("square", {"side": True}, "side must be a number, not True"),
        ("square", {"side": None}, "side must be a number, not None"),
        ("square", {"side": 1, "corners": "bent"}, "corners must be one of round, sharp, not 'bent'"),
        ("polygon", {"n": 3.5}, "n must be a whole number, not 3.5"),
        ("polygon", {"n": True}, "n must be a whole number, not True"),
        ("polygon", {"label": 3}, "label must be a text or null, not 3"),
        ("polygon", {"closed": 1}, "closed must be true or false, not 1"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(shapes, name, params, says):
    assert says in refusal(shapes.build, name, **params)


def test_the_error_of_a_factory_carries_its_name(shapes):
    assert refusal(shapes.build, "square", side=-1) == "shape 'square': side must be greater than 0, not -1"
