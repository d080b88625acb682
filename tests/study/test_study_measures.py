"""The little language of measures, form by form, on series that say what must come out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpexp.errors import ConfigError
from bpexp.study.measures import layer_stems, parse, resolve
from bpexp.study.sources import _expand

NAN = math.nan

SERIES = {
    "accuracy/test": [(10, 0.5), (20, 0.9), (30, 0.8)],
    "loss/test": [(10, 2.0), (20, 0.5), (30, 1.5)],
    "rmse/test": [(10, 3.0), (30, 4.0)],
    "penalty/l2": [(10, 0.2), (30, 0.1)],
    "delta_norm/layer_1": [(10, 0.25), (30, 0.5)],
    "delta_norm/layer_2": [(10, 9.0)],
    "delta_norm/layer_10": [(10, 0.5), (30, 4.0)],
    "grad_norm/W1": [(10, 1.0)],
    "grad_norm/W3": [(10, 8.0)],
    "zero/layer_1": [(10, 0.0), (30, 0.0)],
    "empty/test": [],
    "time/epoch": [(10, 1.0), (20, 2.0), (30, 3.0)],
}

READ = {
    "final accuracy/test": 0.8,
    "first accuracy/test": 0.5,
    "mean accuracy/test": 2.2 / 3,
    "best accuracy/test": 0.9,
    "best loss/test": 0.5,
    "best rmse/test": 3.0,
    "best penalty/l2": 0.1,
    "final loss/test": 1.5,
    "first delta_norm/layer_1 / delta_norm/layer_last": 0.5,
    "final delta_norm/layer_1 / delta_norm/layer_last": 0.125,
    "first delta_norm/layer_last / delta_norm/layer_1": 2.0,
    "first grad_norm/W1 / grad_norm/W_last": 0.125,
    "mean delta_norm/layer_last": 2.25,
    "best loss/test / accuracy/test": 0.5 / 0.9,
    "epochs until accuracy/test >= 0.5": 1.0,
    "epochs until accuracy/test >= .9": 2.0,
    "epochs until accuracy/test >= 9e-1": 2.0,
    "epochs until accuracy/test >= 0.95": 4.0,
    "epochs until loss/test <= 0.5": 2.0,
    "epochs until loss/test <= +2": 1.0,
    "epochs until loss/test <= -1": 4.0,
    "final nothing/test": NAN,
    "best nothing/test": NAN,
    "mean nothing/test": NAN,
    "first nothing/layer_last": NAN,
    "final empty/test": NAN,
    "first zero/layer_1 / delta_norm/layer_1": 0.0,
    "first delta_norm/layer_1 / zero/layer_1": NAN,
    "first zero/layer_1 / zero/layer_1": NAN,
    "first accuracy/test / nothing/test": NAN,
    "first nothing/test / accuracy/test": NAN,
    "epochs until nothing/test >= 0.5": NAN,
    "epochs until empty/test >= 0.5": NAN,
}


@pytest.mark.parametrize(("text", "wanted"), READ.items(), ids=list(READ))
def test_read(text: str, wanted: float) -> None:
    assert parse(text).read(SERIES) == pytest.approx(wanted, nan_ok=True)


@pytest.mark.parametrize("text", [text for text in READ if not text.startswith("epochs")])
def test_of_no_series_nothing_is_read(text: str) -> None:
    assert math.isnan(parse(text).read({}))


def test_epochs_are_those_of_the_evaluation() -> None:
    """Evaluated every third epoch only: the epoch that saw it; where none did, one more than were run."""
    series = {"accuracy/test": [(30, 0.5), (60, 0.95)], "time/epoch": [(10 * e, float(e)) for e in range(1, 8)]}
    assert parse("epochs until accuracy/test >= 0.5").read(series) == 3
    assert parse("epochs until accuracy/test >= 0.9").read(series) == 6
    assert parse("epochs until accuracy/test >= 0.99").read(series) == 8


def test_epochs_without_a_clock_are_unknown() -> None:
    assert math.isnan(parse("epochs until loss/test <= 1").read({"loss/test": [(1, 0.5)]}))
    assert math.isnan(parse("epochs until loss/test <= 0").read({"loss/test": [(1, 0.5)]}))


def test_a_value_that_is_no_number_reaches_nothing() -> None:
    series = {"loss/test": [(1, NAN), (2, 0.5)], "time/epoch": [(1, 1.0), (2, 2.0)]}
    assert parse("epochs until loss/test <= 1").read(series) == 2


@pytest.mark.parametrize("values", [[NAN, 0.5], [0.5, NAN], [0.7, NAN, 0.5]])
def test_the_best_of_what_is_no_number_is_none(values: list[float]) -> None:
    """In whatever order they come."""
    for name in ("accuracy/test", "loss/test"):
        assert math.isnan(parse(f"best {name}").read({name: list(enumerate(values))}))


def test_infinite_values_are_read_as_they_are() -> None:
    assert parse("final loss/test").read({"loss/test": [(1, 1.0), (2, math.inf)]}) == math.inf


REFUSED = [
    "",
    "accuracy/test",
    "final",
    "final ",
    "last accuracy/test",
    "Final accuracy/test",
    "final  accuracy/test",
    "final accuracy/test ",
    "final accuracy/test /",
    "final accuracy/test / ",
    "final accuracy/test * loss/test",
    "final accuracy/test / loss/test / loss/test",
    "epochs until accuracy/test",
    "epochs until accuracy/test > 0.9",
    "epochs until accuracy/test == 0.9",
    "epochs until accuracy/test >= ",
    "epochs until accuracy/test >= high",
    "epochs until accuracy/test >= 90%",
    "epochs until accuracy/test >= nan",
    "epochs until accuracy/test >= 0.9 or so",
    "final accuracy/test\nfinal loss/test",
]


@pytest.mark.parametrize("text", [*REFUSED, None, 5, 0.5, ["final accuracy/test"], {}])
def test_refused_in_one_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is no measure; use final, best") as refused:
        parse(text)
    assert "\n" not in str(refused.value)
    assert repr(text) in str(refused.value)


@given(st.text(max_size=40))
def test_any_text_is_a_measure_or_refused(text: str) -> None:
    try:
        measure = parse(text)
    except ConfigError:
        return
    assert measure.text == text


LOWER = {
    "final loss/test": True,
    "best rmse/test": True,
    "mean penalty/l2": True,
    "epochs until accuracy/test >= 0.9": True,
    "final accuracy/test": False,
    "best r2/test": False,
    "first grad_norm/W1": False,
    "first loss/test / loss/train": True,
    "first accuracy/test / loss/train": False,
}


@pytest.mark.parametrize(("text", "lower"), LOWER.items(), ids=list(LOWER))
def test_which_way_is_better(text: str, lower: bool) -> None:
    assert parse(text).lower_is_better is lower


NAMES = {
    "final accuracy/test": ["accuracy/test"],
    "first delta_norm/layer_1 / delta_norm/layer_last": ["delta_norm/layer_1", "delta_norm/layer_last"],
    "epochs until loss/test <= 0.5": ["loss/test"],
}


@pytest.mark.parametrize(("text", "names"), NAMES.items(), ids=list(NAMES))
def test_series(text: str, names: list[str]) -> None:
    assert parse(text).series == names


def test_the_last_is_the_highest_number() -> None:
    recorded = dict.fromkeys(
        ["a/layer_2", "a/layer_10", "a/layer_9", "a/layer_x", "a/W1", "a/W12", "a/b2", "c/layer_77"]
    )
    series = {name: [(1, 1.0)] for name in recorded}
    assert resolve(series, "a/layer_last") == "a/layer_10"
    assert resolve(series, "a/W_last") == "a/W12"
    assert resolve(series, "a/b_last") == "a/b2"
    assert resolve(series, "a/layer_1") == "a/layer_1"
    assert resolve(series, "nothing/layer_last") == "nothing/layer_last"
    assert resolve(series, "nothing/W_last") == "nothing/W_last"
    assert resolve({"slope_layer_1": [], "slope_layer_3": []}, "slope_layer_last") == "slope_layer_3"


def test_the_layers_of_a_series_and_of_its_prediction() -> None:
    """What the report reads again from MLflow for a chart by depth (S12)."""
    assert layer_stems("delta_norm") == ("delta_norm/layer_", "delta_norm_layer_", "mean_field/delta_norm/layer_")
    recorded = ["ledger/slope_layer_2", "mean_field/delta_norm/layer_1", "delta_norm/layer_1", "mean_field/q/layer_1"]
    assert list(_expand([], recorded, ["ledger/slope", "delta_norm"])) == recorded[:3]
    assert parse("first forward/q/layer_1 / forward/q/layer_last").predicted == (
        "first mean_field/forward/q/layer_1 / mean_field/forward/q/layer_last"
    )
