"""The gradient method `as_printed`: what it refuses, and what it says."""

from __future__ import annotations

import numpy as np
import pytest
from errata_passes import HEADS, ONLY_SQUARE, WRONG
from paper_truths import EQUAL, GENERAL, SOFTMAX, SQUARED, tanh_case, whole_passes

from bpexp.errors import ConfigError
from bpexp.gradients import gradient_methods
from bpexp.papers import FORMULAS, WHOLE_PASSES
from bpexp.papers.errata import READINGS
from bpexp.papers.formula import RIGHT


@pytest.mark.parametrize("name", WHOLE_PASSES)
def test_as_printed_says_whether_it_is_the_gradient(name):
    method = gradient_methods.build("as_printed", formula=name)
    assert method.exact == (FORMULAS[name].correctness in RIGHT)


@pytest.mark.parametrize("name", [*whole_passes("shape error"), *ONLY_SQUARE])
def test_a_formula_that_cannot_run_is_refused_in_one_line(name):
    c = tanh_case(GENERAL)
    method = gradient_methods.build("as_printed", formula=name)
    with pytest.raises(ConfigError, match=r"try gradient\.formula=002-final") as refusal:
        method.refuse(c.network, c.head)
    line = str(refusal.value)
    assert "\n" not in line
    assert f"({FORMULAS[name].label})" in line
    assert ("a reading" in line) == (name in READINGS)
    assert name in line
    assert FORMULAS[name].right in line


OTHER_HEADS = [("003-a-minus-y", SQUARED), ("003-delta-last", SOFTMAX), ("003-batch-sum", SOFTMAX)]


@pytest.mark.parametrize(("name", "head"), OTHER_HEADS)
def test_a_correct_formula_of_another_head_is_refused(name, head):
    c = tanh_case(GENERAL, head)
    method = gradient_methods.build("as_printed", formula=name)
    with pytest.raises(ConfigError, match="is not the gradient of"):
        method.refuse(c.network, c.head)


@pytest.mark.parametrize(("name", "head"), [("003-a-minus-y", SQUARED), ("003-delta-last", SOFTMAX)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_refusal_does_not_depend_on_the_weights(name, head, dtype):
    """At validation theta is 0; a refusal must neither need weights nor change them."""
    c = tanh_case(GENERAL, head)
    method = gradient_methods.build("as_printed", formula=name)
    lines = set()
    for size in (0, 1, 1e6):
        network = c.network.at((size * c.network.theta).astype(dtype))
        theta = network.theta.copy()
        with pytest.raises(ConfigError) as refusal:
            method.refuse(network, c.head)
        lines.add(str(refusal.value))
        np.testing.assert_array_equal(network.theta, theta)
    assert len(lines) == 1


@pytest.mark.parametrize("name", ["002-final", "003-slope-index"])
def test_preparing_draws_nothing(name):
    c, rng = tanh_case(EQUAL), np.random.default_rng(0)
    before = rng.bit_generator.state
    gradient_methods.build("as_printed", formula=name).prepare(c.network, c.head, rng)
    assert rng.bit_generator.state == before


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted({*WRONG, *whole_passes("correct")}))
def test_what_can_run_is_not_refused_and_keeps_the_dtype(name, dtype):
    sizes, head = WRONG[name][:2] if name in WRONG else (GENERAL, HEADS.get(name, [SOFTMAX])[0])
    c = tanh_case(sizes, head)
    network = c.network.at(c.network.theta.astype(dtype))
    method = gradient_methods.build("as_printed", formula=name)
    method.refuse(network, c.head)
    gradient = method(network, c.head, c.x.astype(dtype), c.y.astype(dtype))
    assert gradient.vector.dtype == dtype
    assert isinstance(gradient.cost, float)


def test_the_summed_gradient_of_003_belongs_to_the_summed_cost():
    c = tanh_case(GENERAL, SOFTMAX, "sum")
    gradient_methods.build("as_printed", formula="003-batch-sum").refuse(c.network, c.head)


WITHDRAWN = ["001-softmax-left-out", "001-softmax-diagonal", "003-polynomial-cost-expanded"]


def test_the_answer_says_what_an_entry_is_that_cannot_train():
    for name, what in {
        "000-cost": "gives a part of a gradient, not a whole one",
        "002-db-free-index": "cannot be evaluated: ill-formed",
        "003-maps": "cannot be evaluated: notation slip",
        "001-softmax-diagonal": "is no formula of the errata",
    }.items():
        with pytest.raises(ConfigError, match=f"'{name}' {what};"):
            gradient_methods.build("as_printed", formula=name)


@pytest.mark.parametrize("name", ["003-db2-from-Delta", "000-cost", "002-db-free-index", "nothing", *WITHDRAWN])
def test_an_unknown_formula_is_answered_with_the_choices(name):
    with pytest.raises(ConfigError, match="choose from: 000-da-last") as refusal:
        gradient_methods.build("as_printed", formula=name)
    assert "\n" not in str(refusal.value)


def test_the_formula_is_declared_with_its_meaning():
    parameter = gradient_methods.parameters("as_printed")["formula"]
    assert parameter.default in whole_passes("correct")
    assert parameter.meaning.startswith("id of a formula")
