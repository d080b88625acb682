"""The guard must refuse every wrong gradient and no right one: mutants, the errata of the papers, random networks."""

from __future__ import annotations

import json
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from gradient_cases import make_ready

from bpexp.cli.main import main
from bpexp.data.batches import Batches
from bpexp.data.dataset import Part
from bpexp.gradients import gradient_methods
from bpexp.gradients.backprop import backprop, forward
from bpexp.gradients.method import Gradient, GradientMethod
from bpexp.gradients.verification import SAMPLES, verify
from bpexp.gradients.whole_batch import verify_whole
from bpexp.insight.gradient_check import CheckSettings, GradientCheck, GradientWrong
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network
from bpexp.nn.optimizers import optimizers
from bpexp.nn.schedules import schedules
from bpexp.papers import FORMULAS, WHOLE_PASSES
from bpexp.training.trainer import Trainer, train

DEFAULTS = {"coordinates": 6, "tolerance": 1e-5}
"""Those of conf/check."""


def network_and_batch(sizes, hidden, output, loss, *, seed=0, B=5, dtype="float64", batch="mean", biases=0.3):
    """A network with random weights, its head, and a batch of one-hot targets."""
    rng = np.random.default_rng(seed)
    head = build_head({"name": output}, {"name": loss}, batch=batch)
    hidden = [hidden] * (len(sizes) - 2) if isinstance(hidden, str) else hidden
    network = Network(sizes, [activations.build(name) for name in hidden], head.output, dtype)
    for layer in network.layers:
        layer.W[...] = rng.normal(0, 1.2 / np.sqrt(layer.W.shape[1]), layer.W.shape)
        layer.b[...] = biases * rng.normal(size=layer.b.shape)
    x = rng.normal(size=(sizes[0], B)).astype(dtype)
    return network, head, x, np.eye(sizes[-1], dtype=dtype)[:, rng.integers(0, sizes[-1], B)]


def examined(method, network, head, x, y, seed=0):
    """The found with the declared defaults."""
    return verify(method, network, head, x, y, rng=np.random.default_rng(seed), **DEFAULTS)


def wrong(found):
    """Whether the guard would end the run."""
    return not found.error <= DEFAULTS["tolerance"]


# Mutants


class Mutant(GradientMethod):
    """Back-propagation in plain lines, with a mistake in one of them; layers count from 1."""

    def __init__(self, **mistakes):
        self.weight = mistakes.get("weight", lambda s, l: s["delta"][l] @ s["a"][l - 1].T)
        self.bias = mistakes.get("bias", lambda s, l: s["delta"][l].sum(axis=1, keepdims=True))
        self.carry = mistakes.get("carry", lambda s, l: s["W"][l].T @ s["delta"][l] * s["slope"][l - 1])

    def __call__(self, network, head, x, y):
        work = network.workspace(x.shape[1])
        forward(network, x, work)
        costs = head.cost_and_delta(work.z[-1], y, work.a[-1], work.delta[-1])
        L, share = len(network.layers), head.weight(x.shape[1])
        s = {"B": x.shape[1], "a": [x, *work.a], "W": [None, *(layer.W for layer in network.layers)]}
        s["slope"] = [None, *(f.df(z) for f, z in self._hidden(network, work)), None]
        s["delta"] = [None] * L + [work.delta[-1] * share]
        for l in range(L, 1, -1):
            s["delta"][l - 1] = self.carry(s, l)
        vector = np.empty_like(network.theta)
        for l, (W, b) in enumerate(network.parameters(vector), start=1):
            W[...], b[...] = self.weight(s, l), self.bias(s, l)
        return Gradient(float(costs.sum()) * share, vector)

    @staticmethod
    def _hidden(network, work):
        return zip((layer.f for layer in network.layers[:-1]), work.z[:-1], strict=True)


RIGHT = Mutant()


def only(k, kind, change):
    """A mistake in the gradient of W or b of layer k alone."""
    right = getattr(RIGHT, kind)
    return {kind: lambda s, l: change(right(s, l)) if l == k else right(s, l)}


CONFINED = {
    "transposed dW": ("W{}", lambda k: only(k, "weight", np.transpose)),
    "sign of dW": ("W{}", lambda k: only(k, "weight", np.negative)),
    "sign of db": ("b{}", lambda k: only(k, "bias", np.negative)),
    "0.1 % of dW": ("W{}", lambda k: only(k, "weight", lambda g: 1.001 * g)),
    "0.1 % of db": ("b{}", lambda k: only(k, "bias", lambda g: 0.999 * g)),
    "no db": ("b{}", lambda k: only(k, "bias", np.zeros_like)),
    "no dW": ("W{}", lambda k: only(k, "weight", np.zeros_like)),
    "db of one sample": ("b{}", lambda k: {"bias": lambda s, l: RIGHT.bias(s, l) if l != k else s["delta"][l][:, :1]}),
    "one number for all db": ("b{}", lambda k: only(k, "bias", lambda g: np.full_like(g, g.mean()))),
    "dW not a number": ("W{}", lambda k: only(k, "weight", lambda g: np.full_like(g, np.nan))),
    "db infinite": ("b{}", lambda k: only(k, "bias", lambda g: np.full_like(g, np.inf))),
}
"""Mistakes in one parameter, which the message must name."""

SPREAD = {
    "1/B lost": {"weight": lambda s, l: s["B"] * RIGHT.weight(s, l), "bias": lambda s, l: s["B"] * RIGHT.bias(s, l)},
    "1/B lost in dW": {"weight": lambda s, l: s["B"] * RIGHT.weight(s, l)},
    "1/B twice": {"weight": lambda s, l: RIGHT.weight(s, l) / s["B"], "bias": lambda s, l: RIGHT.bias(s, l) / s["B"]},
    "sign": {"weight": lambda s, l: -RIGHT.weight(s, l), "bias": lambda s, l: -RIGHT.bias(s, l)},
    "0.1 %": {"weight": lambda s, l: 1.001 * RIGHT.weight(s, l), "bias": lambda s, l: 1.001 * RIGHT.bias(s, l)},
    "a of the wrong layer": {"weight": lambda s, l: s["delta"][l] @ s["a"][l].T},
}

BELOW = {
    "f' missing": lambda s, l: s["W"][l].T @ s["delta"][l],
    "f' of the wrong layer": lambda s, l: s["W"][l].T @ s["delta"][l] * s["slope"][l],
    "f' twice": lambda s, l: RIGHT.carry(s, l) * s["slope"][l - 1],
    "W not transposed": lambda s, l: s["W"][l] @ s["delta"][l] * s["slope"][l - 1],
    "W of the wrong layer": lambda s, l: s["W"][l - 1].T @ s["delta"][l] * s["slope"][l - 1],
}
"""Mistakes in the recursion from the second layer down."""

SQUARE = [4, 4, 4, 4, 4]
NETS = [("tanh", "softmax", "cross_entropy"), ("sigmoid", "sigmoid", "mse"), ("relu", "softmax", "cross_entropy")]
nets = pytest.mark.parametrize(("hidden", "output", "loss"), NETS)


def reaching(hidden, output, loss, seed, batch="mean"):
    """Square layers, every W and b of which has a slope that is worth comparing."""
    while True:
        case = network_and_batch(SQUARE, hidden, output, loss, seed=seed, batch=batch)
        gradient = backprop()(*case).vector
        if all(np.abs(part).max() > 1e-3 for pair in case[0].parameters(gradient) for part in pair):
            return case
        seed += 1000


@nets
def test_the_lines_that_the_mutants_change_are_right(hidden, output, loss):
    case = reaching(hidden, output, loss, 0)
    np.testing.assert_allclose(RIGHT(*case).vector, backprop()(*case).vector, rtol=1e-12, atol=1e-15)
    assert not wrong(examined(RIGHT, *case))


@nets
@pytest.mark.parametrize("mistake", CONFINED)
def test_a_mistake_in_one_parameter_is_caught_and_named(mistake, hidden, output, loss):
    name, mutant = CONFINED[mistake]
    for k in (1, 2, 3, 4):
        for seed in range(3):
            found = examined(Mutant(**mutant(k)), *reaching(hidden, output, loss, seed), seed)
            assert wrong(found)
            assert found.parameter == name.format(k)
            assert f"wrong in {name.format(k)}: " in str(found)


@nets
def test_db_of_another_layer_is_caught_and_named(hidden, output, loss):
    for k in (1, 2, 3):
        for seed in range(3):
            mutant = Mutant(bias=lambda s, l, k=k: RIGHT.bias(s, l + (l == k)))
            found = examined(mutant, *reaching(hidden, output, loss, seed), seed)
            assert wrong(found)
            assert found.parameter == f"b{k}"


@nets
def test_a_layer_without_gradient_is_caught_and_named(hidden, output, loss):
    for k in (1, 2, 3, 4):
        mutant = Mutant(**only(k, "weight", np.zeros_like), **only(k, "bias", np.zeros_like))
        found = examined(mutant, *reaching(hidden, output, loss, k))
        assert wrong(found)
        assert found.parameter in (f"W{k}", f"b{k}")


@nets
@pytest.mark.parametrize("batch", ["mean", "sum"])
@pytest.mark.parametrize("mistake", SPREAD)
def test_a_mistake_in_every_layer_is_caught(mistake, hidden, output, loss, batch):
    for seed in range(3):
        assert wrong(examined(Mutant(**SPREAD[mistake]), *reaching(hidden, output, loss, seed, batch), seed))


@nets
@pytest.mark.parametrize("mistake", BELOW)
def test_a_mistake_in_the_recursion_is_caught_below_it(mistake, hidden, output, loss):
    """Made on the way from one layer only, it is the parameters further down that are wrong."""
    if hidden == "relu" and mistake == "f' twice":
        return  # of a slope of 0 or 1 the square is the same
    for k in (2, 3) if mistake == "f' of the wrong layer" else (2, 3, 4):  # above the third no layer is hidden
        for seed in range(3):
            mutant = Mutant(carry=lambda s, l, k=k: (BELOW[mistake] if l == k else RIGHT.carry)(s, l))
            found = examined(mutant, *reaching(hidden, output, loss, seed), seed)
            assert wrong(found)
            assert int(found.parameter[1:]) < k


def test_a_mistake_in_a_wide_layer_of_pixels_that_never_change_is_caught():
    """Most pixels are 0, and their slopes with them; 20 of 784 are enough."""
    network, head, x, y = network_and_batch([784, 16, 10], "relu", "softmax", "cross_entropy", B=32, dtype="float32")
    x[np.random.default_rng(1).permutation(784)[20:]] = 0
    for mistake in ("sign of dW", "0.1 % of dW", "no dW"):
        found = examined(Mutant(**CONFINED[mistake][1](1)), network, head, x, y)
        assert wrong(found)
        assert found.parameter == "W1"
    assert not wrong(examined(backprop(), network, head, x, y))


def test_a_cost_that_a_method_makes_up_does_not_excuse_its_gradient():
    def boast(network, head, x, y):
        return Mutant(**SPREAD["sign"])(network, head, x, y)._replace(cost=1e12)

    assert wrong(examined(boast, *reaching("relu", "softmax", "cross_entropy", 0)))


# The errata of the papers

SLIPS = [name for name in WHOLE_PASSES if FORMULAS[name].correctness == "silently wrong"]


@pytest.mark.parametrize("name", SLIPS)
def test_every_silent_misprint_is_caught_at_its_first_step(name):
    head = ("sigmoid", "mse") if name.startswith("000") else ("softmax", "cross_entropy")
    sizes = [6, 4, 4, 4] if name == "003-limit" else [4, 4, 4, 4]
    for hidden in ("tanh", "relu", "sigmoid"):
        case = network_and_batch(sizes, hidden, *head, seed=3, B=8)
        method = gradient_methods.build("as_printed", formula=name)
        make_ready(method, case[0], case[1], np.random.default_rng(0))
        assert wrong(examined(method, *case)), hidden
        with pytest.raises(GradientWrong, match=r"the gradient is wrong in [Wb]\d: .* at step 0"):
            train(trainer(*case, method=method), [check({})])


def test_a_misprint_in_one_parameter_is_named():
    for name, parameter in {"000-dw-last": "W3", "000-db-last": "b3", "002-db-bound-index": "b2"}.items():
        case = network_and_batch([4, 4, 4, 4], "tanh", "sigmoid", "mse", seed=3)
        assert examined(gradient_methods.build("as_printed", formula=name), *case).parameter == parameter


# Right gradients

FUNCTIONS = ["relu", "leaky_relu", "elu", "tanh", "sigmoid", "gelu", "silu", "softplus", "identity"]
HEADS = [
    ("softmax", "cross_entropy"),
    ("softmax", "mse"),
    ("softmax", "mae"),
    ("sigmoid", "binary_cross_entropy"),
    ("sigmoid", "mse"),
    ("identity", "mae"),
    ("identity", "huber"),
    ("relu", "mse"),
    ("relu", "huber"),
]


@pytest.mark.parametrize("block", range(10))
def test_no_right_gradient_is_refused(block):
    """200 networks: kinked or not, biases of 0, one sample, dead units, float32 and float64, before and in training."""
    for seed in range(20 * block, 20 * block + 20):
        case = random_case(np.random.default_rng(seed))
        for _ in range(2):
            found = examined(backprop(), *case, seed)
            assert not wrong(found), f"{seed}: {found}"
            descend(case, 5)


def random_case(rng):
    """Anything that can be declared: its network, head and batch."""
    output, loss = HEADS[rng.integers(len(HEADS))]
    depth = int(rng.integers(0, 4))
    sizes = [int(n) for n in rng.integers(1, 8, depth + 1)] + [int(rng.integers(2, 6))]
    hidden = [str(name) for name in rng.choice(FUNCTIONS, depth)]
    B, dtype = int(rng.choice([1, 2, 7, 40])), str(rng.choice(["float32", "float64"]))
    biases = float(rng.choice([0.0, 0.0, 0.5, 3.0]))
    seed = int(rng.integers(1 << 30))
    network, head, x, y = network_and_batch(
        sizes, hidden, output, loss, seed=seed, B=B, dtype=dtype, batch=str(rng.choice(["mean", "sum"])), biases=biases
    )
    if rng.random() < 0.2:
        network.layers[0].b[...] = -100  # dead or saturated
    if rng.random() < 0.2:
        x[:, 0] = 0
    x *= rng.choice([1, 1, 1, 16, 255])
    return network, head, x, y


def descend(case, steps):
    """A few steps of gradient descent."""
    method = backprop()
    for _ in range(steps):
        gradient = method(*case).vector
        case[0].theta[...] -= 0.05 * gradient / max(1.0, float(np.abs(gradient).max()))


@pytest.mark.parametrize("hidden", ["relu", "leaky_relu", "elu"])
def test_a_network_that_sits_on_its_kinks_is_not_refused(hidden):
    """Weights and biases of 0 put every z on the kink, where there is no derivative; what has one is compared."""
    network, head, x, y = network_and_batch([3, 4, 4, 3], hidden, "softmax", "cross_entropy", biases=0)
    x[:, 1] = 0
    assert not wrong(examined(backprop(), network, head, x, y))
    network.theta[...] = 0
    found = examined(backprop(), network, head, x, y)
    assert not wrong(found)
    assert found.compared > 0


@pytest.mark.parametrize("size", [1, 100])
def test_errors_on_the_bound_of_huber_are_not_refused(size):
    """A network of zeros errs by exactly the threshold, where the slope of huber bends."""
    head = build_head({"name": "identity"}, {"name": "huber"})
    network = Network([2, 1], [], head.output, "float64")
    found = examined(backprop(), network, head, np.full((2, 1), float(size)), np.ones((1, 1)))
    assert not wrong(found), found


@pytest.mark.parametrize(("output", "loss"), [("sigmoid", "binary_cross_entropy"), ("softmax", "mse")])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_units_beyond_the_range_of_exp_are_not_refused(output, loss, dtype):
    """Inputs that nobody scaled put z at thousands, where a complex exp overflows."""
    network, head, x, y = network_and_batch([4, 3, 3], "sigmoid", output, loss, dtype=dtype)
    x *= 1000
    network.layers[1].W[...] *= 1000
    assert not wrong(examined(backprop(), network, head, x, y))
    network.layers[1].W[...] *= 0.001
    assert wrong(examined(Mutant(**SPREAD["sign"]), network, head, x, y))


def test_a_found_counts_only_what_was_compared():
    head = build_head({"name": "identity"}, {"name": "mae"})
    network = Network([2, 1], [], head.output, "float64")
    found = examined(backprop(), network, head, np.ones((2, 1)), np.zeros((1, 1)))
    assert (found.compared, found.error) == (0, 0.0)


@pytest.mark.parametrize("name", ["backprop", "jacobian", "path_sum", "complex_step", "central_difference"])
def test_every_exact_method_passes(name):
    case = network_and_batch([3, 3, 3], "tanh", "softmax", "cross_entropy", dtype="float32")
    assert not wrong(examined(gradient_methods.build(name), *case))


def test_of_a_large_batch_drawn_samples_are_examined():
    """Of the whole batch, others for another seed, in float64."""
    case, seen = network_and_batch([3, 4, 2], "tanh", "softmax", "cross_entropy", B=SAMPLES + 50, dtype="float32"), []

    def method(network, head, x, y):
        seen.append((x.shape[1], x.dtype, x[0]))
        return backprop()(network, head, x, y)

    assert not any(wrong(examined(method, *case, seed)) for seed in (0, 1))
    assert [part[:2] for part in seen] == [(SAMPLES, np.float64)] * 2
    drawn = [np.isin(case[2][0], part[2].astype(np.float32)) for part in seen]
    assert all(found.sum() == SAMPLES for found in drawn)
    assert all(found[SAMPLES:].any() for found in drawn)
    assert (drawn[0] != drawn[1]).any()


def of_the_whole(method, network, head, x, y):
    """The error of the whole batch with the declared default."""
    vector = method(network, head, x, y).vector.copy()
    return verify_whole(method, network, head, x, y, vector, tolerance=DEFAULTS["tolerance"])


class Losing(GradientMethod):
    """Back-propagation that goes wrong in a batch beyond its first samples."""

    def __init__(self, how):
        self.how = how

    def __call__(self, network, head, x, y):
        B, right = x.shape[1], backprop()(network, head, x, y)
        if B <= SAMPLES:
            return right
        if self.how == "the last sample":
            return backprop()(network, head, x[:, :-1], y[:, :-1])
        if self.how == "the last piece":
            return backprop()(network, head, x[:, : B // 512 * 512], y[:, : B // 512 * 512])
        if self.how == "a sample twice":
            rows = np.arange(B)
            rows[7] = 8
            return backprop()(network, head, x[:, rows], y[:, rows])
        if self.how == "the weight":
            return Gradient(right.cost, right.vector * (B / 512))
        return Gradient(right.cost, np.full_like(right.vector, np.nan))


@pytest.mark.parametrize("how", ["the last sample", "the last piece", "a sample twice", "the weight", "not a number"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch", ["mean", "sum"])
@pytest.mark.parametrize("B", [513, 5000])
def test_what_goes_wrong_beyond_the_drawn_samples_is_caught(how, dtype, batch, B):
    """The coordinates are all right: the method is, on the 256 samples on which they are compared."""
    case = network_and_batch([6, 8, 5, 3], "relu", "softmax", "cross_entropy", B=B, dtype=dtype, batch=batch)
    method = Losing(how)
    assert not wrong(examined(method, *case))
    found = of_the_whole(method, *case)
    assert wrong(found)
    assert f"the gradient of the whole batch is wrong in {found.parameter}" in str(found)


@pytest.mark.parametrize("seed", range(60))
def test_no_right_gradient_of_a_large_batch_is_refused(seed):
    """Kinked or not, unscaled, dead, saturated, in both precisions, of every method that is cheap enough."""
    rng = np.random.default_rng(seed)
    network, head, x, y = random_case(rng)
    B = int(rng.integers(SAMPLES + 1, 1400))
    picked = rng.integers(0, x.shape[1], B)
    x = (x[:, picked] * rng.normal(1, 0.3, B)).astype(x.dtype)
    names = ["backprop", *(["central_difference"] if network.theta.size < 40 else [])]
    if "entropy" not in head.name:  # dC/da of a saturated output overflows
        names.append("jacobian")
    for name in names:
        found = of_the_whole(gradient_methods.build(name), network, head, x, y[:, picked])
        assert not wrong(found), f"{name}: {found}"


def test_a_run_with_large_batches_is_held_to_all_of_its_samples():
    case = network_and_batch([4, 5, 3], "relu", "softmax", "cross_entropy", B=600, dtype="float32")
    kept = {}
    train(trainer(*case, B=600), [check(kept)])
    assert kept[0]["check/whole_batch_error"] < 1e-5
    with pytest.raises(GradientWrong, match=r"the gradient of the whole batch is wrong in .* 3 parts .* at step 0"):
        train(trainer(*case, B=600, method=Losing("the last sample")), [check(kept)])
    assert kept[0]["check/worst_error"] < 1e-5 < kept[0]["check/whole_batch_error"]


def test_the_check_of_a_large_batch_changes_nothing_and_needs_little_memory():
    case = network_and_batch([40, 5, 3], "relu", "softmax", "cross_entropy", B=20_000, dtype="float32")
    plain, checked = trainer(*case, B=20_000), trainer(*case, B=20_000)
    train(plain, [])
    train(checked, [check({}, 1)])
    np.testing.assert_array_equal(plain.network.theta, checked.network.theta)
    vector = backprop()(*case).vector.copy()
    tracemalloc.start()
    verify_whole(backprop(), *case, vector, tolerance=1e-5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < case[2].nbytes / 4


# In a run


def check(kept, every=None, seed=0):
    """The callback with the declared defaults; what it keeps goes into a dictionary by step."""
    settings = CheckSettings(True, every, **DEFAULTS)
    return GradientCheck(settings, rng=np.random.default_rng(seed), keep=kept.__setitem__)


def trainer(network, head, x, y, method=None, epochs=2, B=3):
    """A training on the samples of a batch, B a step."""
    part = Part(X=x.T.copy(), Y=y.T.copy(), rows=np.arange(x.shape[1]), labels=y.argmax(axis=0))
    kind = optimizers.build("momentum"), schedules.build("constant")
    batches = Batches(part, B, np.random.default_rng(5))
    return Trainer(network, head, method or backprop(), *kind, batches, {"train": part}, lr=0.05, epochs=epochs)


def small(dtype="float32"):
    """A float32 ReLU network and 12 samples: 4 steps an epoch."""
    return network_and_batch([4, 5, 3], "relu", "softmax", "cross_entropy", B=12, dtype=dtype)


@pytest.mark.parametrize(("every", "steps"), [(None, [0]), (1, list(range(8))), (3, [0, 3, 6]), (100, [0])])
def test_which_steps_are_checked(every, steps):
    kept = {}
    train(trainer(*small()), [check(kept, every)])
    assert list(kept) == steps
    for measures in kept.values():
        assert measures["check/worst_error"] < 1e-5
        assert measures["check/coordinates"] > 10


@pytest.mark.parametrize("method", ["backprop", "jacobian", "path_sum", "central_difference"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_check_changes_nothing_bit_for_bit(method, dtype):
    class Watched(GradientCheck):
        def on_step(self, event):
            before = [
                a.copy() for a in (event.x, event.y, event.gradient.vector, event.update, self._run.network.theta)
            ]
            super().on_step(event)
            after = (event.x, event.y, event.gradient.vector, event.update, self._run.network.theta)
            for old, new in zip(before, after, strict=True):
                np.testing.assert_array_equal(old, new)

    plain, checked = (trainer(*small(dtype), method=gradient_methods.build(method)) for _ in range(2))
    train(plain, [])
    train(checked, [Watched(CheckSettings(True, 1, **DEFAULTS), rng=np.random.default_rng(0), keep=lambda *_: None)])
    np.testing.assert_array_equal(plain.network.theta, checked.network.theta)


def test_a_gradient_that_goes_wrong_later_is_caught_at_the_next_check():
    case, calls = small("float64"), []

    class Late(GradientMethod):
        def __call__(self, network, head, x, y):
            calls.append(network)
            made = backprop()(network, head, x, y)
            return made._replace(vector=made.vector * (1.01 if len(calls) > 4 else 1))

    kept = {}
    with pytest.raises(GradientWrong, match="at step 4"):
        train(trainer(*case, method=Late()), [check(kept, every=4)])
    assert list(kept) == [0, 4]
    assert kept[4]["check/worst_error"] == pytest.approx(0.01 / 1.01, rel=1e-3)


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Runs the command line in a folder of its own; answers with exit code, result and metrics by name."""
    monkeypatch.chdir(tmp_path)
    words = ["data=digits", "data.limit=200", "epochs=1", "progress=false", "tracking=none", "tracking.figures=false"]

    def call(*overrides):
        folder = Path(f"run-{len(list(tmp_path.iterdir()))}")
        monkeypatch.setattr(sys, "argv", ["bpexp", *words, *overrides, f"hydra.run.dir={folder}"])
        with pytest.raises(SystemExit) as ended:
            main()
        journal = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        return ended.value.code, json.loads((folder / "result.json").read_text()), journal

    return call


def steps_of(journal, name):
    """The steps at which a metric stands in a journal, and its values."""
    return {row["step"]: row["metrics"][name] for row in journal if name in row.get("metrics", {})}


def test_a_run_with_a_wrong_gradient_ends_as_failed_and_says_where(command):
    words = ["model.hidden=[10]", "gradient=as_printed", "gradient.formula=003-both-slips", "check=start"]
    code, result, journal = command(*words)
    assert code == 1
    assert result["status"] == "failed"
    assert "GradientWrong: the gradient is wrong in " in result["reason"]
    assert result["reason"].endswith("at step 0")
    assert "\n" not in result["reason"]
    assert steps_of(journal, "check/worst_error")[0] > 1e-3


def test_a_run_with_a_right_gradient_is_the_same_with_and_without_its_check(command):
    words = ["model.hidden=[10]", "batch_size=20"]
    code, plain, _ = command(*words)
    checked_code, checked, journal = command(*words, "check=every_n", "check.every=3")
    assert (code, checked_code) == (0, 0)
    assert checked["theta_sha256"] == plain["theta_sha256"]
    errors = steps_of(journal, "check/worst_error")
    assert list(errors) == list(range(0, max(errors) + 1, 3))
    assert all(error < 1e-5 for error in errors.values())
    assert len(errors) > 1
