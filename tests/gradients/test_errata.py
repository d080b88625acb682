"""Every verdict of the errata, held to the complex step: what is printed is run, and does what the verdict says."""

from __future__ import annotations

import numpy as np
import pytest
from errata_truths import TRUTHS, derivative
from gradient_cases import draw

from bpexp.errors import ConfigError
from bpexp.gradients import complex_step, gradient_methods
from bpexp.gradients.checker import compare
from bpexp.gradients.errata import FORMULAS, WHOLE, flat
from bpexp.gradients.errata_walk import walk
from bpexp.nn.activations import activations
from bpexp.nn.network import count_parameters

SOFTMAX = ("softmax", "cross_entropy")
SQUARED = ("sigmoid", "mse")
GENERAL, EQUAL, NARROW = [3, 5, 4, 2], [4, 4, 4, 4], [6, 4, 4, 4]

HEADS = {
    "002-own-chain": [SQUARED],
    "002-output-delta": [SOFTMAX],
    "003-squared-output": [SQUARED],
    "003-delta-last": [SQUARED],
    "003-a-minus-y": [SOFTMAX],
    "003-appendix-delta": [SOFTMAX],
}
"""Correct formulas that hold for some heads only; the rest hold for any."""

WRONG = {
    "000-da-last": (EQUAL, SQUARED, 0.857, 2.397),
    "000-dw-last": (EQUAL, SQUARED, 0.807, 1.901),
    "000-db-last": (EQUAL, SQUARED, 0.792, 1.137),
    "000-last-layer": (EQUAL, SQUARED, 0.995, 3.264),
    "001-softmax-left-out": (EQUAL, SOFTMAX, 0.759, 8.744),
    "001-softmax-diagonal": (EQUAL, SOFTMAX, 0.633, 0.7969),
    "002-db-free-index": (EQUAL, SOFTMAX, 0.966, 0.2646),
    "002-expanded-no-slope": (EQUAL, SOFTMAX, 0.618, 1.328),
    "002-expanded-from-1": (EQUAL, SOFTMAX, 0.991, 0.1655),
    "002-expanded": (EQUAL, SOFTMAX, 0.639, 1.41),
    "003-bias-in-sum": (EQUAL, SOFTMAX, 0.798, 0.6121),
    "003-limit": (NARROW, SOFTMAX, 0.990, 0.1743),
    "003-slope-index": (EQUAL, SOFTMAX, 0.811, 0.7115),
    "003-db2-from-Delta1": (EQUAL, SOFTMAX, 0.958, 0.2909),
    "003-both-slips": (EQUAL, SOFTMAX, 0.753, 0.8399),
}
"""A net on which a wrong formula runs, and there its cosine with the gradient and its relative error."""

ONLY_SQUARE = ("003-slope-index", "003-db2-from-Delta1", "003-both-slips", "003-limit")
"""Wrong formulas that run on layers of equal width, or on narrowing ones, and stop on others."""


def verdict(name):
    return sorted(key for key, formula in FORMULAS.items() if formula.verdict == name)


def whole(name):
    return [key for key in verdict(name) if key in WHOLE]


def parts(name):
    return [key for key in verdict(name) if key not in WHOLE]


def case(sizes, head=SOFTMAX, seed=3):
    """A tanh network with every bias drawn, analytic so that the complex step is exact."""
    output, loss = head
    hidden = ["tanh"] * (len(sizes) - 2)
    return draw(np.random.default_rng(seed), hidden=hidden, output=output, loss=loss, sizes=list(sizes), B=7)


def printed(name, c):
    return flat(c.network, walk(*c, FORMULAS[name].code)[1])


def truth(c):
    return complex_step.complex_step()(*c).vector.copy()


def test_every_formula_has_a_place_a_verdict_and_what_is_right():
    for key, formula in FORMULAS.items():
        assert key == formula.id
        assert key.startswith(formula.paper + "-")
        assert formula.section
        assert formula.printed
        assert (formula.section + formula.printed + formula.right).isascii()
        assert formula.right or formula.verdict == "correct", key


def test_every_formula_is_run():
    assert set(TRUTHS) == set(FORMULAS) - set(WHOLE)
    assert set(WRONG) == set(whole("silently wrong"))
    assert set(HEADS) <= set(whole("correct"))


@pytest.mark.parametrize("sizes", [GENERAL, EQUAL, [5, 2], [1, 1, 1], [2, 3, 2, 3, 2]], ids=str)
@pytest.mark.parametrize("name", whole("correct"))
def test_a_correct_pass_is_the_gradient(name, sizes):
    for head in HEADS.get(name, [SOFTMAX, SQUARED, ("softmax", "mse")]):
        if head[0] == "softmax" and sizes[-1] == 1:
            continue
        c = case(sizes, head)
        comparison = compare(c.network, printed(name, c), truth(c))
        assert comparison.error < 1e-12, (head, comparison)


@pytest.mark.parametrize("name", whole("convention"))
def test_a_convention_is_the_gradient_times_the_number_of_samples(name):
    c = case(GENERAL)
    N = c.x.shape[1]
    assert compare(c.network, printed(name, c), N * truth(c)).error < 1e-12


@pytest.mark.parametrize("name", WRONG)
def test_a_silently_wrong_pass_runs_and_differs(name):
    sizes, head, cosine, error = WRONG[name]
    c = case(sizes, head)
    ours, theirs = printed(name, c), truth(c)
    assert np.isfinite(ours).all()
    assert ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs) == pytest.approx(cosine, abs=6e-4)
    assert np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize("name", [*whole("shape error"), *ONLY_SQUARE])
def test_a_shape_error_stops_on_general_widths(name):
    with pytest.raises((ValueError, IndexError)):
        printed(name, case(GENERAL))


@pytest.mark.parametrize("name", whole("shape error"))
def test_a_shape_error_is_wrong_also_where_all_widths_are_equal(name):
    c = case(EQUAL)
    assert compare(c.network, printed(name, c), truth(c)).error > 0.1


@pytest.mark.parametrize("name", parts("correct"))
def test_a_correct_part_equals_what_it_stands_for(name):
    for seed in range(3):
        for ours, theirs in TRUTHS[name](FORMULAS[name], np.random.default_rng(seed)):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", parts("convention"))
def test_a_convention_equals_it_up_to_what_is_stated(name):
    for ours, theirs in TRUTHS[name](FORMULAS[name], np.random.default_rng(4)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", parts("silently wrong"))
def test_a_silently_wrong_part_differs(name):
    for ours, theirs in TRUTHS[name](FORMULAS[name], np.random.default_rng(5)):
        assert np.isfinite(ours).all()
        assert np.abs(np.subtract(ours, theirs)).max() > 0.1


@pytest.mark.parametrize("name", parts("shape error"))
def test_a_part_of_the_wrong_shape_stops_or_is_not_of_the_shape(name):
    stopped = False
    try:
        for ours, theirs in TRUTHS[name](FORMULAS[name], np.random.default_rng(6)):
            stopped |= np.shape(ours) != np.shape(theirs)
    except (ValueError, IndexError, KeyError):
        stopped = True
    assert stopped


def test_the_bias_sum_of_000_is_right_below_the_last_layer():
    ours, theirs = next(TRUTHS["000-bias-sum"](FORMULAS["000-bias-sum"], np.random.default_rng(7)))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_the_last_layer_of_000_holds_for_an_identity_output():
    c = case(GENERAL, ("identity", "mse"))
    assert compare(c.network, printed("000-last-layer", c), truth(c)).error < 1e-12


def test_003_counts_its_parameters_right():
    assert 10 * 784 + 10 + 10 * 10 + 10 == count_parameters((784, 10, 10)) == FORMULAS["003-parameters"]()


def test_biases_of_002_with_the_summed_index_are_one_number():
    c = case([3, 5, 4, 2])
    _, slots = walk(*c, FORMULAS["002-db-free-index"].code)
    assert np.ptp(slots[1][1]) == 0
    true = list(c.network.parameters(truth(c)))[1][1]
    assert slots[1][1][0, 0] == pytest.approx(true.sum(), rel=1e-12)


def test_relu_at_its_kink():
    gap = FORMULAS["003-relu-slope-gap"](np.zeros(1))
    assert np.isnan(gap).all()
    for key in ("003-relu-slope", "002-relu-slope"):
        assert FORMULAS[key](np.zeros(1)) == activations.build("relu").df(np.zeros(1)) == 0


@pytest.mark.parametrize("name", WHOLE)
def test_as_printed_says_whether_it_is_the_gradient(name):
    method = gradient_methods.build("as_printed", formula=name)
    assert method.exact == (FORMULAS[name].verdict == "correct")


@pytest.mark.parametrize("name", [*whole("shape error"), *ONLY_SQUARE])
def test_a_formula_that_cannot_run_is_refused_in_one_line(name):
    c = case(GENERAL)
    method = gradient_methods.build("as_printed", formula=name)
    with pytest.raises(ConfigError, match="try gradient[.]formula=002-final") as refusal:
        method.prepare(c.network, c.head, np.random.default_rng(0))
    line = str(refusal.value)
    assert "\n" not in line
    assert f"verdict: {FORMULAS[name].verdict}" in line
    assert name in line
    assert FORMULAS[name].right in line


@pytest.mark.parametrize(("name", "head"), [("003-a-minus-y", SQUARED), ("003-delta-last", SOFTMAX)])
def test_a_correct_formula_of_another_head_is_refused(name, head):
    c = case(GENERAL, head)
    method = gradient_methods.build("as_printed", formula=name)
    with pytest.raises(ConfigError, match="is not the gradient of"):
        method.prepare(c.network, c.head, np.random.default_rng(0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted({*WRONG, *whole("correct")}))
def test_what_can_run_is_prepared_and_keeps_the_dtype(name, dtype):
    sizes, head = WRONG[name][:2] if name in WRONG else (GENERAL, HEADS.get(name, [SOFTMAX])[0])
    c = case(sizes, head)
    network = c.network.at(c.network.theta.astype(dtype))
    method = gradient_methods.build("as_printed", formula=name)
    method.prepare(network, c.head, np.random.default_rng(0))
    gradient = method(network, c.head, c.x.astype(dtype), c.y.astype(dtype))
    assert gradient.vector.dtype == dtype
    assert isinstance(gradient.cost, float)


@pytest.mark.parametrize("name", ["003-db2-from-Delta", "000-cost", "nothing"])
def test_an_unknown_formula_is_answered_with_the_choices(name):
    with pytest.raises(ConfigError, match="choose from: 000-da-last") as refusal:
        gradient_methods.build("as_printed", formula=name)
    assert "\n" not in str(refusal.value)


def test_the_derivative_of_these_tests_is_exact():
    z = np.random.default_rng(8).normal(size=4)
    np.testing.assert_allclose(derivative(np.sin, z), np.diag(np.cos(z)), rtol=1e-14, atol=0)
