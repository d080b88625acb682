"""Every verdict of the errata, held to the complex step: what is printed is run, and does what the verdict says.

TRUTHS holds, for each printed formula that is a part of a gradient, its value on random arrays and what it stands for:
a complex-step derivative, or the same quantity computed by the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise, product

import numpy as np
import pytest
from gradient_cases import draw

from bpexp.errors import ConfigError
from bpexp.gradients import complex_step, gradient_methods
from bpexp.gradients.backprop import backprop
from bpexp.gradients.comparison import compare
from bpexp.nn.activations import activations
from bpexp.nn.arrays import Array
from bpexp.nn.heads import build_head
from bpexp.nn.losses import losses
from bpexp.nn.network import count_parameters
from bpexp.papers import FORMULAS, WHOLE_PASSES
from bpexp.papers.as_printed import flatten
from bpexp.papers.formula import Formula
from bpexp.papers.literal_pass import run_lines

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


def judged(name):
    return sorted(key for key, formula in FORMULAS.items() if formula.correctness == name)


def whole(name):
    return [key for key in judged(name) if key in WHOLE_PASSES]


def parts(name):
    return [key for key in judged(name) if key not in WHOLE_PASSES]


def case(sizes, head=SOFTMAX, seed=3):
    """A tanh network with every bias drawn, analytic so that the complex step is exact."""
    output, loss = head
    hidden = ["tanh"] * (len(sizes) - 2)
    return draw(np.random.default_rng(seed), hidden=hidden, output=output, loss=loss, sizes=list(sizes), B=7)


def printed(name, c):
    return flatten(c.network, run_lines(*c, FORMULAS[name].code)[1])


def truth(c):
    return complex_step.complex_step()(*c).vector.copy()


Truth = Callable[[Formula, np.random.Generator], Iterator[tuple[object, object]]]
TRUTHS: dict[str, Truth] = {}

sigma, tanh, softmax, relu = (activations.build(name).f for name in ("sigmoid", "tanh", "softmax", "relu"))


def stands_for(*names: str) -> Callable[[Truth], Truth]:
    """Enter a generator of (printed, what it stands for) under ids."""

    def add(pairs: Truth) -> Truth:
        for name in names:
            assert name in FORMULAS
            TRUTHS[name] = pairs
        return pairs

    return add


def derivative(f: Callable[[Array], Array], at: Array) -> Array:
    """df/dx by the complex step, of shape f(x).shape + x.shape."""
    columns = []
    for index in np.ndindex(*np.shape(at)):
        x = np.array(at, dtype=complex)
        x[index] += 1e-30j
        columns.append(np.imag(f(x)) / 1e-30)
    return np.stack(columns, axis=-1).reshape((*np.shape(columns[0]), *np.shape(at)))


def layer(rng: np.random.Generator, n_in: int = 3, n_out: int = 4) -> tuple[Array, Array, Array]:
    """W (n_out, n_in), b (n_out, 1) and an input x (n_in, 1)."""
    return rng.normal(size=(n_out, n_in)), rng.normal(size=(n_out, 1)), rng.normal(size=(n_in, 1))


@stands_for("000-forward")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W.T, x, b), sigma(W @ x + b)


@stands_for("000-cost", "003-cost-mean")
def _(formula, rng):
    a, y = rng.normal(size=(2, 3, 5))
    yield formula(a, y), losses.build("mse").cost(a, y).mean()


@stands_for("003-cost-sum")
def _(formula, rng):
    a, y = rng.normal(size=(2, 3, 5))
    yield formula(a, y), 5 * losses.build("mse").cost(a, y).mean()


@stands_for("002-cost")
def _(formula, rng):
    a, y = rng.normal(size=(2, 4, 1))
    yield formula(a, y), losses.build("mse").cost(a, y).item() / 4


@stands_for("000-cost-slope")
def _(formula, rng):
    W, b, _ = layer(rng)
    x, y, t = rng.normal(size=(3, 5)), rng.normal(size=(4, 5)), rng.normal(size=W.shape)

    def outputs(step):
        return sigma((W + step * t) @ x + b)

    da = derivative(outputs, np.zeros(()))
    yield formula(outputs(0), y, da), derivative(lambda h: ((outputs(h) - y) ** 2).sum() / 5, np.zeros(()))


@stands_for("000-da-dw")
def _(formula, rng):
    W, b, x = layer(rng)
    below = x[:, 0]
    full = derivative(lambda w: sigma(w.T @ below + b[:, 0]), W.T)  # da_t/dw_(m,s)
    yield formula(sigma(W @ below + b[:, 0]), below), np.einsum("tmt->mt", full)


@stands_for("000-da-db")
def _(formula, rng):
    W, b, x = layer(rng)
    V, c, _ = layer(rng, 4, 2)

    def above(bias):
        return sigma(V @ sigma(W @ x[:, 0] + bias) + c[:, 0])

    yield formula(above(b[:, 0]), V.T, sigma(W @ x[:, 0] + b[:, 0])), derivative(above, b[:, 0])


@stands_for("000-da-da")
def _(formula, rng):
    W, b, x = layer(rng)

    def above(a):
        return sigma(W @ a + b[:, 0])

    yield formula(above(x[:, 0]), W.T), derivative(above, x[:, 0])


def three_layers(rng: np.random.Generator):
    """Three sigmoid layers 3-4-5-2: their functions of the layer below and of their own bias, and the activations."""
    sizes = (3, 4, 5, 2)
    W = [None] + [rng.normal(size=(o, i)) for i, o in pairwise(sizes)]
    b = [None] + [rng.normal(size=n) for n in sizes[1:]]
    a = [rng.normal(size=3)]
    for l in (1, 2, 3):
        a.append(sigma(W[l] @ a[-1] + b[l]))

    def run(x, start, bias=None):
        for l in range(start, 4):
            x = sigma(W[l] @ x + (bias if bias is not None and l == start else b[l]))
        return x

    return W, b, a, run


@stands_for("000-recursion")
def _(formula, rng):
    W, b, a, run = three_layers(rng)
    local = derivative(lambda x: sigma(W[2] @ x + b[2]), a[1])
    yield formula(derivative(lambda x: run(x, 3), a[2]), local), derivative(lambda x: run(x, 2), a[1])


@stands_for("000-bias-sum")
def _(formula, rng):
    W, b, a, run = three_layers(rng)
    to_output = {3: np.eye(2), 2: derivative(lambda x: run(x, 3), a[2])}
    from_bias = {
        1: derivative(lambda c: sigma(W[2] @ sigma(W[1] @ a[0] + c) + b[2]), b[1]),
        2: derivative(lambda c: run(a[1], 2, c), b[2]),
        3: derivative(lambda c: run(a[2], 3, c), b[3]),
    }
    for l in (2, 1, 3):
        yield formula(to_output, from_bias, l), derivative(lambda c, l=l: run(a[l - 1], l, c), b[l])


@stands_for("000-weight-chain")
def _(formula, rng):
    W, b, a, run = three_layers(rng)
    to_output = derivative(lambda x: run(x, 3), a[2])
    local = np.einsum("tmt->mt", derivative(lambda w: sigma(w.T @ a[1] + b[2]), W[2].T))
    yield formula(to_output, local), derivative(lambda w: run(sigma(w.T @ a[1] + b[2]), 3), W[2].T)


@stands_for("001-forward")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W, x, b), tanh(W @ x + b)


@stands_for("001-chain-rule")
def _(formula, rng):
    A, B, C = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(4, 5))
    x = rng.normal(size=5)
    g, h = np.tanh(B @ np.tanh(C @ x)), np.tanh(C @ x)
    chain = (A * 1.0, (1 - g**2)[:, None] * B, (1 - h**2)[:, None] * C)
    yield formula(*chain), derivative(lambda x: A @ np.tanh(B @ np.tanh(C @ x)), x)


@stands_for("001-chain-order")
def _(formula, rng):
    A, B, C = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(4, 5))
    z_in_x = FORMULAS["001-dz-dx"]
    yield C.T @ B.T @ A.T, z_in_x(A @ B @ C)
    yield formula(z_in_x(A), z_in_x(B), z_in_x(C)), z_in_x(A @ B @ C)


@stands_for("001-dx-dz")
def _(formula, rng):
    z = rng.normal(size=(4, 1))
    yield np.diag(formula(z)[:, 0]), derivative(tanh, z[:, 0])


@stands_for("001-dz-dx")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W), derivative(lambda x: W @ x + b[:, 0], x[:, 0]).T


@stands_for("001-dx-dx")
def _(formula, rng):
    W, b, x = layer(rng)
    slope = 1 - np.tanh(W @ x + b) ** 2
    yield formula(W, slope), derivative(lambda x: tanh(W @ x + b[:, 0]), x[:, 0]).T


@stands_for("001-dz-dW")
def _(formula, rng):
    W, b, x = layer(rng)
    full = derivative(lambda W: W @ x[:, 0] + b[:, 0], W)  # dz_i/dW_jk
    yield formula(x, len(b)), np.einsum("jjk->jk", full).T


def x_in_weights(W: Array, b: Array, x: Array) -> Array:
    """dx_j/dW_jk at (k, j), the layout of 001."""
    return np.einsum("jjk->jk", derivative(lambda W: tanh(W @ x[:, 0] + b[:, 0]), W)).T


@stands_for("001-dW-hadamard")
def _(formula, rng):
    W, b, x = layer(rng)
    slope = 1 - np.tanh(W @ x + b) ** 2
    np.testing.assert_allclose(FORMULAS["001-dz-dW"](x, 4) * slope.T, x_in_weights(W, b, x), rtol=1e-12)
    yield formula(FORMULAS["001-dz-dW"](x, 4), slope), x_in_weights(W, b, x)


@stands_for("001-dW-product")
def _(formula, rng):
    W, b, x = layer(rng)
    slope = 1 - np.tanh(W @ x + b) ** 2
    np.testing.assert_allclose(x @ slope.T, x_in_weights(W, b, x), rtol=1e-12)
    yield formula(x, slope), x_in_weights(W, b, x)


@stands_for("001-db")
def _(formula, rng):
    W, b, x = layer(rng)
    yield np.diag(formula(W @ x + b)[:, 0]), derivative(lambda b: tanh(W @ x[:, 0] + b), b[:, 0])


@stands_for("002-forward-first")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W.T, x, b), sigma(W @ x + b)


@stands_for("002-forward")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W, x, b), sigma(W @ x + b)


@stands_for("002-first-shapes")
def _(formula, rng):
    W, b, x = layer(rng, 3, 5)
    shapes = formula((3, 5, 4))
    yield np.ones(shapes["W"]) @ np.ones(shapes["a"]) + np.ones(shapes["b"]), W @ x + b
    yield np.ones(shapes["W"]) @ x, W @ x


@stands_for("002-layer-width")
def _(formula, rng):
    W, _, x = layer(rng, 3, 5)
    yield W @ x + np.ones((formula((3, 5, 2), 1), 1)), W @ x + 1  # a bias for each unit that layer 1 is said to have


def chain_case(rng: np.random.Generator):
    """A chain of three sigmoid units, its activations, slopes and true gradient."""
    c = draw(rng, hidden=["sigmoid"] * 2, output="sigmoid", loss="mse", sizes=[1, 1, 1, 1], B=1)
    a, w, slope = [c.x.item()], [np.nan], [np.nan]
    for unit in c.network.layers:
        a.append(sigma(unit.W.item() * a[-1] + unit.b).item())
        w.append(unit.W.item())
        slope.append(a[-1] * (1 - a[-1]))
    return a, c.y.item(), slope, w, complex_step.complex_step()(*c).vector


@stands_for("002-chain-product")
def _(formula, rng):
    a, y, slope, w, vector = chain_case(rng)
    for k in (1, 2, 3):
        ours = [formula(2 * (a[3] - y), slope[1:], w[1:], own, k) for own in (a[k - 1], 1.0)]
        yield ours, vector[2 * k - 2 : 2 * k]


@stands_for("003-chain")
def _(formula, rng):
    a, y, slope, w, vector = chain_case(rng)
    for j in (0, 1, 2):
        yield formula(a, y, slope, w, j), vector[4 - 2 * j : 6 - 2 * j]


@stands_for("003-one-unit")
def _(formula, rng):
    c = draw(rng, hidden=[], output="sigmoid", loss="mse", sizes=[1, 1], B=1)
    a = c.network.forward(c.x).item()
    yield formula(a, c.y.item(), a * (1 - a), c.x.item()), complex_step.complex_step()(*c).vector


@stands_for("002-batch-mean")
def _(formula, rng):
    c = draw(rng, hidden=["tanh"], output="softmax", loss="cross_entropy")
    single = [complex_step.complex_step()(*c[:2], c.x[:, [k]], c.y[:, [k]]).vector[3].item() for k in range(5)]
    yield formula(single), complex_step.complex_step()(*c).vector[3]


@stands_for("002-softmax-jacobian", "003-softmax-jacobian")
def _(formula, rng):
    z = rng.normal(size=5)
    yield formula(z), derivative(lambda z: softmax(z[:, None])[:, 0], z)


@stands_for("002-cross-entropy-slope")
def _(formula, rng):
    A, y = softmax(rng.normal(size=(5, 1)))[:, 0], np.eye(5)[2]
    yield formula(A, y), derivative(lambda A: -(y * np.log(A)).sum(), A)


@stands_for("003-cross-entropy")
def _(formula, rng):
    a, y = softmax(rng.normal(size=(5, 1))), rng.dirichlet(np.ones(5))[:, None]
    yield formula(a, y), losses.build("cross_entropy").cost(a, y).item()


@stands_for("003-cross-entropy-of-z")
def _(formula, rng):
    z, y = rng.normal(size=5), rng.dirichlet(np.ones(5))
    yield formula(z, y), losses.build("cross_entropy").cost(softmax(z[:, None]), y[:, None]).item()
    yield derivative(lambda z: formula(z, y), z), softmax(z[:, None])[:, 0] - y


@stands_for("003-softmax-hadamard")
def _(formula, rng):
    z, dC_da = rng.normal(size=(2, 5, 1))
    yield formula(dC_da, z), activations.build("softmax").vjp(z, dC_da)


@stands_for("002-relu-slope", "003-relu-slope", "003-relu-slope-gap")
def _(formula, rng):
    z = rng.normal(size=9)
    yield formula(z), np.diag(derivative(lambda z: np.where(z.real > 0, z, 0), z))
    if formula.id != "003-relu-slope-gap":
        yield formula(np.zeros(1)), (relu(np.zeros(1)) - relu(-np.ones(1))) / 1  # the slope from the left


@stands_for("002-update", "003-update")
def _(formula, rng):
    W, t = rng.normal(size=(2, 3, 4))
    slope = derivative(lambda W: ((W - t) ** 2).sum(), W)
    yield formula(W, slope, 0.5), t  # half a step of the slope 2 (W - t) is the way to the minimum


@stands_for("003-first-matrix")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W.T, x, b), W @ x + b


def points(rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Coefficients of a cubic, and points x, y."""
    return rng.normal(size=4), rng.normal(size=6), rng.normal(size=6)


@stands_for("003-polynomial-cost", "003-polynomial-cost-expanded")
def _(formula, rng):
    k, x, y = points(rng)
    yield formula(k, x, y), ((np.polynomial.polynomial.polyval(x, k) - y) ** 2).sum()


@stands_for("003-polynomial-slope")
def _(formula, rng):
    k, x, y = points(rng)
    cost = lambda k: (((x[:, None] ** np.arange(4)) @ k - y) ** 2).sum()  # noqa: E731
    yield formula(k, x, y), derivative(cost, k)


@stands_for("003-unit-in-unit")
def _(formula, rng):
    W, b, x = layer(rng)
    slope = (1 - np.tanh(W @ x + b) ** 2)[:, 0]
    yield formula(slope, W), derivative(lambda x: tanh(W @ x + b[:, 0]), x[:, 0])


@stands_for("003-paths")
def _(formula, rng):
    sizes = tuple(int(n) for n in rng.integers(1, 5, 5))
    for j in range(1, 5):
        yield formula(sizes, j), len(list(product(*(range(n) for n in sizes[5 - j :]))))


@stands_for("003-parameters")
def _(formula, rng):
    yield formula(), 784 * 10 + 10 + 10 * 10 + 10


def test_every_formula_has_a_place_a_verdict_and_what_is_right():
    for key, formula in FORMULAS.items():
        assert key == formula.id
        assert key.startswith(formula.paper + "-")
        assert formula.section
        assert formula.printed
        assert (formula.section + formula.printed + formula.right).isascii()
        assert formula.right or formula.correctness == "correct", key


def test_every_formula_is_run():
    assert set(TRUTHS) == set(FORMULAS) - set(WHOLE_PASSES)
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


def test_the_last_layer_of_000_is_twice_the_gradient_of_the_cross_entropy():
    c = case(GENERAL, SQUARED)
    head = build_head({"name": "sigmoid"}, {"name": "binary_cross_entropy"})
    other = backprop()(c.network, head, c.x, c.y).vector
    assert compare(c.network, printed("000-last-layer", c), 2 * other).error < 1e-12


def test_003_counts_its_parameters_right():
    assert 10 * 784 + 10 + 10 * 10 + 10 == count_parameters((784, 10, 10)) == FORMULAS["003-parameters"]()


def test_biases_of_002_with_the_summed_index_are_one_number():
    c = case([3, 5, 4, 2])
    _, slots = run_lines(*c, FORMULAS["002-db-free-index"].code)
    assert np.ptp(slots[1][1]) == 0
    true = list(c.network.parameters(truth(c)))[1][1]
    assert slots[1][1][0, 0] == pytest.approx(true.sum(), rel=1e-12)


def test_relu_at_its_kink():
    gap = FORMULAS["003-relu-slope-gap"](np.zeros(1))
    assert np.isnan(gap).all()
    for key in ("003-relu-slope", "002-relu-slope"):
        assert FORMULAS[key](np.zeros(1)) == activations.build("relu").df(np.zeros(1)) == 0


@pytest.mark.parametrize("name", WHOLE_PASSES)
def test_as_printed_says_whether_it_is_the_gradient(name):
    method = gradient_methods.build("as_printed", formula=name)
    assert method.exact == (FORMULAS[name].correctness == "correct")


@pytest.mark.parametrize("name", [*whole("shape error"), *ONLY_SQUARE])
def test_a_formula_that_cannot_run_is_refused_in_one_line(name):
    c = case(GENERAL)
    method = gradient_methods.build("as_printed", formula=name)
    with pytest.raises(ConfigError, match=r"try gradient\.formula=002-final") as refusal:
        method.prepare(c.network, c.head, np.random.default_rng(0))
    line = str(refusal.value)
    assert "\n" not in line
    assert f"correctness: {FORMULAS[name].correctness}" in line
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
