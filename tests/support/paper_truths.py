"""What the formulas of the errata are compared with: complex-step derivatives, and the package's own functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from gradient_cases import Case, draw

from bpexp.gradients.complex_step import complex_step
from bpexp.nn.arrays import Array
from bpexp.nn.losses import losses
from bpexp.nn.outputs import outputs
from bpexp.papers import FORMULAS, WHOLE_PASSES
from bpexp.papers.formula import Formula

Pairs = Iterator[tuple[object, object]]
Truth = Callable[[Formula, np.random.Generator], Pairs]

SOFTMAX = ("softmax", "cross_entropy")
SQUARED = ("sigmoid", "mse")
GENERAL, EQUAL, NARROW = [3, 5, 4, 2], [4, 4, 4, 4], [6, 4, 4, 4]
"""Widths: all different, all equal, and equal behind a wider input."""

sigma, tanh, softmax, relu = (outputs.build(name).f for name in ("sigmoid", "tanh", "softmax", "relu"))


def parts(paper: str) -> list[str]:
    """The ids of a paper's entries that run and are a part of a gradient."""
    return [name for name, f in FORMULAS.items() if f.paper == paper and f.code is not None and not f.is_whole_pass]


def whole_passes(correctness: str) -> list[str]:
    """The ids of the formulas that give a whole gradient and are judged so."""
    return [name for name in WHOLE_PASSES if FORMULAS[name].correctness == correctness]


class Truths(dict[str, Truth]):
    """For each part of a gradient in one paper, a generator of pairs: its value and that of what it stands for."""

    def __init__(self, paper: str) -> None:
        super().__init__()
        self.paper = paper

    def stands_for(self, *names: str) -> Callable[[Truth], Truth]:
        """Enter a generator for formulas of the paper."""

        def add(truth: Truth) -> Truth:
            for name in names:
                assert f"{self.paper}-{name}" in FORMULAS
                self[f"{self.paper}-{name}"] = truth
            return truth

        return add

    def compare(self, name: str) -> None:
        """Assert that a formula is as correct as its entry says."""
        COMPARISONS[FORMULAS[name].correctness](FORMULAS[name], self[name])


def assert_equal(formula: Formula, truth: Truth) -> None:
    """Correct, or right in its own terms: the truth holds the convention that the entry states."""
    for seed in range(3):
        for ours, theirs in truth(formula, np.random.default_rng(seed)):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


def assert_differs(formula: Formula, truth: Truth) -> None:
    """Silently wrong, or a notation that is not meant literally: finite, and something else."""
    for ours, theirs in truth(formula, np.random.default_rng(5)):
        assert np.isfinite(ours).all()
        assert np.abs(np.subtract(ours, theirs)).max() > 0.1


def assert_misfits(formula: Formula, truth: Truth) -> None:
    """A shape error: an exception, or a result of another shape."""
    misfits = False
    try:
        for ours, theirs in truth(formula, np.random.default_rng(6)):
            misfits |= np.shape(ours) != np.shape(theirs)
    except (ValueError, IndexError, KeyError):
        misfits = True
    assert misfits


COMPARISONS = {
    "correct": assert_equal,
    "right in its own terms": assert_equal,
    "silently wrong": assert_differs,
    "notation slip": assert_differs,
    "shape error": assert_misfits,
}


def tanh_case(sizes: list[int], head: tuple[str, str] = SOFTMAX, batch: str = "mean") -> Case:
    """A tanh network with every bias drawn, analytic so that the complex step is exact."""
    output, loss = head
    hidden = ["tanh"] * (len(sizes) - 2)
    rng = np.random.default_rng(3)
    return draw(rng, hidden=hidden, output=output, loss=loss, batch=batch, sizes=list(sizes), B=7)


def true_gradient(case: Case) -> Array:
    """The gradient (P,) by the complex step."""
    return complex_step()(*case).vector.copy()


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


def chain_case(rng: np.random.Generator) -> tuple[list[float], float, list[float], list[float], Array]:
    """A chain of three sigmoid units, its activations, slopes and true gradient."""
    c = draw(rng, hidden=["sigmoid"] * 2, output="sigmoid", loss="mse", sizes=[1, 1, 1, 1], B=1)
    a, w, slope = [c.x.item()], [np.nan], [np.nan]
    for unit in c.network.layers:
        a.append(sigma(unit.W.item() * a[-1] + unit.b).item())
        w.append(unit.W.item())
        slope.append(a[-1] * (1 - a[-1]))
    return a, c.y.item(), slope, w, true_gradient(c)


def squared_error(formula: Formula, rng: np.random.Generator) -> Pairs:
    """The mean over the samples of ||a - y||^2: 000, 003."""
    a, y = rng.normal(size=(2, 3, 5))
    yield formula(a, y), losses.build("mse").cost(a, y).mean()


def softmax_jacobian(formula: Formula, rng: np.random.Generator) -> Pairs:
    """da_i/dz_j of the softmax: 002, 003."""
    z = rng.normal(size=5)
    yield formula(z), derivative(lambda z: softmax(z[:, None])[:, 0], z)


def relu_slope(formula: Formula, rng: np.random.Generator) -> Pairs:
    """ReLU'(z): 002, 003."""
    z = rng.normal(size=9)
    yield formula(z), np.diag(derivative(lambda z: np.where(z.real > 0, z, 0), z))
    if formula.id != "003-relu-slope-gap":
        yield formula(np.zeros(1)), (relu(np.zeros(1)) - relu(-np.ones(1))) / 1  # the slope from the left


def descent(formula: Formula, rng: np.random.Generator) -> Pairs:
    """W - lr dC/dW: 002, 003."""
    W, t = rng.normal(size=(2, 3, 4))
    slope = derivative(lambda W: ((W - t) ** 2).sum(), W)
    yield formula(W, slope, 0.5), t  # half a step of the slope 2 (W - t) is the way to the minimum
