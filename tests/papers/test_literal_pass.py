"""The lines of back-propagation, and every formula that replaces some of them, compared with the complex step."""

from __future__ import annotations

import numpy as np
import pytest
from errata_passes import HEADS, ONLY_SQUARE, WRONG
from paper_truths import EQUAL, GENERAL, SOFTMAX, SQUARED, tanh_case, true_gradient, whole_passes

from bpexp.gradients.backprop import backprop
from bpexp.gradients.comparison import compare
from bpexp.nn.heads import build_head
from bpexp.papers import FORMULAS
from bpexp.papers.as_printed import flatten
from bpexp.papers.literal_pass import Lines, ShapeError, require_shape, run_lines


def printed_gradient(name, case):
    """The gradient (P,) that a formula gives."""
    return flatten(case.network, run_lines(*case, FORMULAS[name].code)[1])


def test_every_pass_is_run():
    assert set(WRONG) == set(whole_passes("silently wrong"))
    assert set(HEADS) <= set(whole_passes("correct"))


def test_a_pass_of_which_no_line_is_replaced_leaves_the_arrays_of_the_papers():
    c = tanh_case(GENERAL)
    p, gradients = run_lines(*c, Lines())
    L, N = len(GENERAL) - 1, c.x.shape[1]
    assert (p.L, p.N, p.share) == (L, N, 1 / N)
    assert [p.a[l].shape for l in range(L + 1)] == [(n, N) for n in GENERAL]
    assert [p.delta[l].shape for l in range(1, L + 1)] == [(n, N) for n in GENERAL[1:]]
    assert compare(c.network, flatten(c.network, gradients), true_gradient(c)).error < 1e-12


def test_a_line_of_another_shape_is_an_error_and_not_broadcast():
    with pytest.raises(ShapeError, match=r"dC/db\^1 comes out as \(1, 1\), not \(5, 1\)"):
        run_lines(*tanh_case(GENERAL), Lines(bias=lambda p, l: np.ones((1, 1))))
    with pytest.raises(ShapeError, match="z comes out as"):
        require_shape(np.ones(3), (3, 1), "z")


@pytest.mark.parametrize("sizes", [GENERAL, EQUAL, [5, 2], [1, 1, 1], [2, 3, 2, 3, 2]], ids=str)
@pytest.mark.parametrize("name", whole_passes("correct"))
def test_a_correct_pass_is_the_gradient(name, sizes):
    for head in HEADS.get(name, [SOFTMAX, SQUARED, ("softmax", "mse")]):
        if head[0] == "softmax" and sizes[-1] == 1:
            continue
        c = tanh_case(sizes, head)
        comparison = compare(c.network, printed_gradient(name, c), true_gradient(c))
        assert comparison.error < 1e-12, (head, comparison)


SUMS = ["003-batch-sum", "003-summary-sum"]


def test_the_sums_of_003_are_judged_by_the_cost_of_their_own_passage():
    assert whole_passes("right in its own terms") == ["003-batch-sum"]
    assert whole_passes("contradicts its own cost") == ["003-summary-sum"]


@pytest.mark.parametrize("name", SUMS)
def test_a_sum_is_the_gradient_of_the_summed_cost_and_n_times_that_of_the_mean(name):
    for batch in ("sum", "mean"):
        c = tanh_case(GENERAL, SQUARED, batch)
        factor = 1 if batch == "sum" else c.x.shape[1]
        assert compare(c.network, printed_gradient(name, c), factor * true_gradient(c)).error < 1e-12


@pytest.mark.parametrize("name", WRONG)
def test_a_silently_wrong_pass_runs_and_differs(name):
    sizes, head, cosine, error = WRONG[name]
    c = tanh_case(sizes, head)
    ours, theirs = printed_gradient(name, c), true_gradient(c)
    assert np.isfinite(ours).all()
    assert ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs) == pytest.approx(cosine, abs=6e-4)
    assert np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize("name", [*whole_passes("shape error"), *ONLY_SQUARE])
def test_a_shape_error_stops_on_general_widths(name):
    with pytest.raises((ValueError, IndexError)):
        printed_gradient(name, tanh_case(GENERAL))


@pytest.mark.parametrize("name", whole_passes("shape error"))
def test_a_shape_error_is_wrong_also_where_all_widths_are_equal(name):
    c = tanh_case(EQUAL)
    assert compare(c.network, printed_gradient(name, c), true_gradient(c)).error > 0.1


def test_the_last_layer_of_000_holds_for_an_identity_output():
    c = tanh_case(GENERAL, ("identity", "mse"))
    assert compare(c.network, printed_gradient("000-last-layer", c), true_gradient(c)).error < 1e-12


def test_the_last_layer_of_000_is_twice_the_gradient_of_the_cross_entropy():
    c = tanh_case(GENERAL, SQUARED)
    head = build_head({"name": "sigmoid"}, {"name": "binary_cross_entropy"})
    other = backprop()(c.network, head, c.x, c.y).vector
    assert compare(c.network, printed_gradient("000-last-layer", c), 2 * other).error < 1e-12


def test_the_bias_line_of_002_has_two_readings_and_they_differ():
    """That is what ill-formed means here: one letter is summed over and names the bias."""
    c = tanh_case(GENERAL)
    right, other = (printed_gradient(f"002-{name}", c) for name in ("db-two-letters", "db-bound-index"))
    assert compare(c.network, right, true_gradient(c)).error < 1e-12
    assert compare(c.network, other, right).error > 0.1


def test_biases_of_002_with_the_summed_index_are_one_number():
    c = tanh_case(GENERAL)
    _, slots = run_lines(*c, FORMULAS["002-db-bound-index"].code)
    assert np.ptp(slots[1][1]) == 0
    true = list(c.network.parameters(true_gradient(c)))[1][1]
    assert slots[1][1][0, 0] == pytest.approx(true.sum(), rel=1e-12)
