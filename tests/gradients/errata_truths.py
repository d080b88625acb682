"""For each printed formula that is a part of a gradient: its value on random arrays, and what it stands for.

What it stands for is a complex-step derivative, or the same quantity computed by the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise, product

import numpy as np
from gradient_cases import draw

from bpexp.gradients import complex_step
from bpexp.gradients.errata import FORMULAS
from bpexp.gradients.errata_formula import Formula
from bpexp.nn.activations import activations
from bpexp.nn.arrays import Array
from bpexp.nn.losses import losses

Truth = Callable[[Formula, np.random.Generator], Iterator[tuple[object, object]]]
TRUTHS: dict[str, Truth] = {}

sigma, tanh, softmax, relu = (activations.build(name).f for name in ("sigmoid", "tanh", "softmax", "relu"))


def truth(*names: str) -> Callable[[Truth], Truth]:
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


@truth("000-forward")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W.T, x, b), sigma(W @ x + b)


@truth("000-cost", "003-cost-mean")
def _(formula, rng):
    a, y = rng.normal(size=(2, 3, 5))
    yield formula(a, y), losses.build("mse").cost(a, y).mean()


@truth("003-cost-sum")
def _(formula, rng):
    a, y = rng.normal(size=(2, 3, 5))
    yield formula(a, y), 5 * losses.build("mse").cost(a, y).mean()


@truth("002-cost")
def _(formula, rng):
    a, y = rng.normal(size=(2, 4, 1))
    yield formula(a, y), losses.build("mse").cost(a, y).item() / 4


@truth("000-cost-slope")
def _(formula, rng):
    W, b, _ = layer(rng)
    x, y, t = rng.normal(size=(3, 5)), rng.normal(size=(4, 5)), rng.normal(size=W.shape)

    def outputs(step):
        return sigma((W + step * t) @ x + b)

    da = derivative(outputs, np.zeros(()))
    yield formula(outputs(0), y, da), derivative(lambda h: ((outputs(h) - y) ** 2).sum() / 5, np.zeros(()))


@truth("000-da-dw")
def _(formula, rng):
    W, b, x = layer(rng)
    below = x[:, 0]
    full = derivative(lambda w: sigma(w.T @ below + b[:, 0]), W.T)  # da_t/dw_(m,s)
    yield formula(sigma(W @ below + b[:, 0]), below), np.einsum("tmt->mt", full)


@truth("000-da-db")
def _(formula, rng):
    W, b, x = layer(rng)
    V, c, _ = layer(rng, 4, 2)

    def above(bias):
        return sigma(V @ sigma(W @ x[:, 0] + bias) + c[:, 0])

    yield formula(above(b[:, 0]), V.T, sigma(W @ x[:, 0] + b[:, 0])), derivative(above, b[:, 0])


@truth("000-da-da")
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


@truth("000-recursion")
def _(formula, rng):
    W, b, a, run = three_layers(rng)
    local = derivative(lambda x: sigma(W[2] @ x + b[2]), a[1])
    yield formula(derivative(lambda x: run(x, 3), a[2]), local), derivative(lambda x: run(x, 2), a[1])


@truth("000-bias-sum")
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


@truth("000-weight-chain")
def _(formula, rng):
    W, b, a, run = three_layers(rng)
    to_output = derivative(lambda x: run(x, 3), a[2])
    local = np.einsum("tmt->mt", derivative(lambda w: sigma(w.T @ a[1] + b[2]), W[2].T))
    yield formula(to_output, local), derivative(lambda w: run(sigma(w.T @ a[1] + b[2]), 3), W[2].T)


@truth("001-forward")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W, x, b), tanh(W @ x + b)


@truth("001-chain-rule")
def _(formula, rng):
    A, B, C = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(4, 5))
    x = rng.normal(size=5)
    g, h = np.tanh(B @ np.tanh(C @ x)), np.tanh(C @ x)
    chain = (A * 1.0, (1 - g**2)[:, None] * B, (1 - h**2)[:, None] * C)
    yield formula(*chain), derivative(lambda x: A @ np.tanh(B @ np.tanh(C @ x)), x)


@truth("001-chain-order")
def _(formula, rng):
    A, B, C = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(4, 5))
    z_in_x = FORMULAS["001-dz-dx"]
    yield C.T @ B.T @ A.T, z_in_x(A @ B @ C)
    yield formula(z_in_x(A), z_in_x(B), z_in_x(C)), z_in_x(A @ B @ C)


@truth("001-dx-dz")
def _(formula, rng):
    z = rng.normal(size=(4, 1))
    yield np.diag(formula(z)[:, 0]), derivative(tanh, z[:, 0])


@truth("001-dz-dx")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W), derivative(lambda x: W @ x + b[:, 0], x[:, 0]).T


@truth("001-dx-dx")
def _(formula, rng):
    W, b, x = layer(rng)
    slope = 1 - np.tanh(W @ x + b) ** 2
    yield formula(W, slope), derivative(lambda x: tanh(W @ x + b[:, 0]), x[:, 0]).T


@truth("001-dz-dW")
def _(formula, rng):
    W, b, x = layer(rng)
    full = derivative(lambda W: W @ x[:, 0] + b[:, 0], W)  # dz_i/dW_jk
    yield formula(x, len(b)), np.einsum("jjk->jk", full).T


def x_in_weights(W: Array, b: Array, x: Array) -> Array:
    """dx_j/dW_jk at (k, j), the layout of 001."""
    return np.einsum("jjk->jk", derivative(lambda W: tanh(W @ x[:, 0] + b[:, 0]), W)).T


@truth("001-dW-hadamard")
def _(formula, rng):
    W, b, x = layer(rng)
    slope = 1 - np.tanh(W @ x + b) ** 2
    np.testing.assert_allclose(FORMULAS["001-dz-dW"](x, 4) * slope.T, x_in_weights(W, b, x), rtol=1e-12)
    yield formula(FORMULAS["001-dz-dW"](x, 4), slope), x_in_weights(W, b, x)


@truth("001-dW-product")
def _(formula, rng):
    W, b, x = layer(rng)
    slope = 1 - np.tanh(W @ x + b) ** 2
    np.testing.assert_allclose(x @ slope.T, x_in_weights(W, b, x), rtol=1e-12)
    yield formula(x, slope), x_in_weights(W, b, x)


@truth("001-db")
def _(formula, rng):
    W, b, x = layer(rng)
    yield np.diag(formula(W @ x + b)[:, 0]), derivative(lambda b: tanh(W @ x[:, 0] + b), b[:, 0])


@truth("002-forward-first")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W.T, x, b), sigma(W @ x + b)


@truth("002-forward")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W, x, b), sigma(W @ x + b)


@truth("002-first-shapes")
def _(formula, rng):
    W, b, x = layer(rng, 3, 5)
    shapes = formula((3, 5, 4))
    yield np.ones(shapes["W"]) @ np.ones(shapes["a"]) + np.ones(shapes["b"]), W @ x + b
    yield np.ones(shapes["W"]) @ x, W @ x


@truth("002-layer-width")
def _(formula, rng):
    W, _, x = layer(rng, 3, 5)
    yield W @ np.ones((formula((3, 5, 2), 1), 1)), W @ x
    yield W @ np.ones((formula((3, 5, 2), 0), 1)), W @ x  # layer 0 would have n_{-1} units


def chain_case(rng: np.random.Generator):
    """A chain of three sigmoid units, its activations, slopes and true gradient."""
    c = draw(rng, hidden=["sigmoid"] * 2, output="sigmoid", loss="mse", sizes=[1, 1, 1, 1], B=1)
    a, w, slope = [c.x.item()], [np.nan], [np.nan]
    for unit in c.network.layers:
        a.append(sigma(unit.W.item() * a[-1] + unit.b).item())
        w.append(unit.W.item())
        slope.append(a[-1] * (1 - a[-1]))
    return a, c.y.item(), slope, w, complex_step.complex_step()(*c).vector


@truth("002-chain-product")
def _(formula, rng):
    a, y, slope, w, vector = chain_case(rng)
    for k in (1, 2, 3):
        ours = [formula(2 * (a[3] - y), slope[1:], w[1:], own, k) for own in (a[k - 1], 1.0)]
        yield ours, vector[2 * k - 2 : 2 * k]


@truth("003-chain")
def _(formula, rng):
    a, y, slope, w, vector = chain_case(rng)
    for j in (0, 1, 2):
        yield formula(a, y, slope, w, j), vector[4 - 2 * j : 6 - 2 * j]


@truth("003-one-unit")
def _(formula, rng):
    c = draw(rng, hidden=[], output="sigmoid", loss="mse", sizes=[1, 1], B=1)
    a = c.network.forward(c.x).item()
    yield formula(a, c.y.item(), a * (1 - a), c.x.item()), complex_step.complex_step()(*c).vector


@truth("002-batch-mean")
def _(formula, rng):
    c = draw(rng, hidden=["tanh"], output="softmax", loss="cross_entropy")
    single = [complex_step.complex_step()(*c[:2], c.x[:, [k]], c.y[:, [k]]).vector[3].item() for k in range(5)]
    yield formula(single), complex_step.complex_step()(*c).vector[3]


@truth("002-softmax-jacobian", "003-softmax-jacobian")
def _(formula, rng):
    z = rng.normal(size=5)
    yield formula(z), derivative(lambda z: softmax(z[:, None])[:, 0], z)


@truth("002-cross-entropy-slope")
def _(formula, rng):
    A, y = softmax(rng.normal(size=(5, 1)))[:, 0], np.eye(5)[2]
    yield formula(A, y), derivative(lambda A: -(y * np.log(A)).sum(), A)


@truth("003-cross-entropy")
def _(formula, rng):
    a, y = softmax(rng.normal(size=(5, 1))), rng.dirichlet(np.ones(5))[:, None]
    yield formula(a, y), losses.build("cross_entropy").cost(a, y).item()


@truth("003-cross-entropy-of-z")
def _(formula, rng):
    z, y = rng.normal(size=5), rng.dirichlet(np.ones(5))
    yield formula(z, y), losses.build("cross_entropy").cost(softmax(z[:, None]), y[:, None]).item()
    yield derivative(lambda z: formula(z, y), z), softmax(z[:, None])[:, 0] - y


@truth("003-softmax-hadamard")
def _(formula, rng):
    z, dC_da = rng.normal(size=(2, 5, 1))
    yield formula(dC_da, z), activations.build("softmax").vjp(z, dC_da)


@truth("002-relu-slope", "003-relu-slope", "003-relu-slope-gap")
def _(formula, rng):
    z = rng.normal(size=9)
    yield formula(z), np.diag(derivative(lambda z: np.where(z.real > 0, z, 0), z))
    if formula.id != "003-relu-slope-gap":
        yield formula(np.zeros(1)), (relu(np.zeros(1)) - relu(-np.ones(1))) / 1  # the slope from the left


@truth("002-update", "003-update")
def _(formula, rng):
    W, t = rng.normal(size=(2, 3, 4))
    slope = derivative(lambda W: ((W - t) ** 2).sum(), W)
    yield formula(W, slope, 0.5), t  # half a step of the slope 2 (W - t) is the way to the minimum


@truth("003-first-matrix")
def _(formula, rng):
    W, b, x = layer(rng)
    yield formula(W.T, x, b), W @ x + b


def points(rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Coefficients of a cubic, and points x, y."""
    return rng.normal(size=4), rng.normal(size=6), rng.normal(size=6)


@truth("003-polynomial-cost", "003-polynomial-cost-expanded")
def _(formula, rng):
    k, x, y = points(rng)
    yield formula(k, x, y), ((np.polynomial.polynomial.polyval(x, k) - y) ** 2).sum()


@truth("003-polynomial-slope")
def _(formula, rng):
    k, x, y = points(rng)
    cost = lambda k: (((x[:, None] ** np.arange(4)) @ k - y) ** 2).sum()  # noqa: E731
    yield formula(k, x, y), derivative(cost, k)


@truth("003-unit-in-unit")
def _(formula, rng):
    W, b, x = layer(rng)
    slope = (1 - np.tanh(W @ x + b) ** 2)[:, 0]
    yield formula(slope, W), derivative(lambda x: tanh(W @ x + b[:, 0]), x[:, 0])


@truth("003-paths")
def _(formula, rng):
    sizes = tuple(int(n) for n in rng.integers(1, 5, 5))
    for j in range(1, 5):
        yield formula(sizes, j), len(list(product(*(range(n) for n in sizes[5 - j :]))))


@truth("003-parameters")
def _(formula, rng):
    yield formula(), 784 * 10 + 10 + 10 * 10 + 10
