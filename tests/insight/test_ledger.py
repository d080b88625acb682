"""The ledger: its entries add up to what reaches each layer, and in a chain they are the factors of 003's product."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from looks import Look, measured

from bpexp.gradients.backprop import backprop
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network

SETTINGS = {"max_examples": 80, "deadline": None, "derandomize": True, "database": None}
HIDDEN = list(activations)
HEADS = [
    ("softmax", "cross_entropy"),
    ("softmax", "mse"),
    ("sigmoid", "mse"),
    ("sigmoid", "binary_cross_entropy"),
    ("identity", "huber"),
]


def seen(sizes, hidden, output, loss, *, rng, B=4, batch="mean", theta=None, dtype="float64", **options):
    """A step of a network as the probes see it."""
    head = build_head({"name": output}, {"name": loss}, batch=batch, **options)
    network = Network(sizes, [activations.build(name) for name in hidden], head.output, dtype)
    network.theta[...] = rng.normal(size=network.theta.size) if theta is None else theta
    x = rng.normal(size=(sizes[0], B)).astype(dtype)
    y = np.eye(sizes[-1], dtype=dtype)[:, rng.integers(0, sizes[-1], B)]
    _, vector, work = backprop()(network, head, x, y)
    return Look(network, work, vector, 0.1 * vector, vector, head=head, y=y)


def entries(view):
    """The ledger without its prefix."""
    return {name.removeprefix("ledger/"): value for name, value in measured("ledger", view).items()}


def total(measures, l, L):
    """The top and the entries of layers L - 1, ..., l."""
    return measures["top"] + sum(measures[f"{kind}_layer_{k}"] for k in range(l, L) for kind in ("weights", "slope"))


@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=6),
    st.data(),
    st.sampled_from(HEADS),
    st.sampled_from(["mean", "sum"]),
    st.integers(0, 2**32 - 1),
)
@settings(**SETTINGS)
def test_entries_add_up_to_the_delta_of_every_layer(sizes, data, head, batch, seed):
    """Of a dead layer too, where both are -inf; and top is the loss and the output."""
    sizes[-1] = max(2, sizes[-1])
    hidden = [data.draw(st.sampled_from(HIDDEN)) for _ in sizes[1:-1]]
    view = seen(sizes, hidden, *head, rng=np.random.default_rng(seed), batch=batch)
    measures, norms = entries(view), measured("delta_norm", view)
    L = len(sizes) - 1
    for l in range(1, L + 1):
        norm = norms[f"delta_norm/layer_{l}"]
        expected = math.log10(norm) if norm > 0 else -math.inf
        assert total(measures, l, L) == pytest.approx(expected, abs=1e-12)
    assert measures["loss"] + measures["output"] == pytest.approx(measures["top"], abs=1e-12)
    assert set(measures) == {"top", "loss", "output"} | {
        f"{k}_layer_{l}" for k in ("weights", "slope") for l in range(1, L)
    }


@given(st.integers(1, 6), st.sampled_from(["sigmoid", "tanh", "relu", "identity"]), st.integers(0, 2**32 - 1))
@settings(**SETTINGS)
def test_a_slope_of_at_most_one_never_adds(depth, hidden, seed):
    view = seen([3, *[4] * depth, 2], [hidden] * depth, "sigmoid", "mse", rng=np.random.default_rng(seed))
    measures = entries(view)
    slopes = [value for name, value in measures.items() if name.startswith("slope")]
    assert len(slopes) == depth
    most = {"sigmoid": math.log10(0.25)}.get(hidden, 0.0)
    assert all(value <= most + 1e-12 for value in slopes)
    if hidden == "identity":
        assert slopes == pytest.approx([0.0] * depth, abs=1e-12)


MU_PRIME = {
    "sigmoid": lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
    "tanh": lambda z: 1 / np.cosh(z) ** 2,
    "softplus": lambda z: 1 / (1 + np.exp(-z)),
    "identity": lambda z: 1.0,
}


@pytest.mark.parametrize("mu", MU_PRIME)
@pytest.mark.parametrize("batch", ["mean", "sum"])
def test_entries_of_a_chain_are_the_factors_of_003(mu, batch):
    """dC/db^(l) = 2 (a^(L) - y) mu'(z^(L)) w^(L) mu'(z^(L-1)) w^(L-1) ... mu'(z^(l)), factor by factor."""
    rng, L = np.random.default_rng(3), 5
    w, b = rng.uniform(0.5, 2, L) * rng.choice([-1, 1], L), rng.normal(size=L)
    theta = np.stack([w, b], axis=1).ravel()
    view = seen([1] * (L + 1), [mu] * (L - 1), mu, "mse", rng=rng, B=1, batch=batch, theta=theta)
    measures, z, f = entries(view), [], activations.build(mu).f
    a = view.workspace.x.item()
    for l in range(L):
        z.append(w[l] * a + b[l])
        a = f(np.array(z[l])).item()
    assert measures["loss"] == pytest.approx(math.log10(2 * abs(a - view.y.item())))
    assert measures["output"] == pytest.approx(math.log10(MU_PRIME[mu](z[-1])), abs=1e-12)
    for l in range(1, L):
        assert measures[f"weights_layer_{l}"] == pytest.approx(math.log10(abs(w[l])), abs=1e-12)
        assert measures[f"slope_layer_{l}"] == pytest.approx(math.log10(MU_PRIME[mu](z[l - 1])), abs=1e-12)
    db = np.log10(np.abs(view.gradient[1::2]))
    for l in range(1, L + 1):
        assert total(measures, l, L) == pytest.approx(db[l - 1], abs=1e-12)


def not_a_number(measures):
    """Whether anything is NaN or +inf."""
    return any(math.isnan(value) or value == math.inf for value in measures.values())


def test_a_dead_layer_is_where_everything_ends():
    """-inf at the layer that kills delta; below it nothing is there to lose, and the entries are 0."""
    view = seen([3, 4, 4, 4, 2], ["relu"] * 3, "identity", "mse", rng=np.random.default_rng(0))
    view.network.layers[1].b[...] = -1000
    _, vector, work = backprop()(view.network, view.head, view.workspace.x, view.y)
    measures = entries(Look(view.network, work, vector, vector, head=view.head, y=view.y))
    assert measures["slope_layer_2"] == -math.inf
    assert math.isfinite(measures["weights_layer_2"])
    assert measures["weights_layer_1"] == measures["slope_layer_1"] == 0.0
    assert total(measures, 1, 4) == -math.inf
    assert not not_a_number(measures)


@pytest.mark.parametrize("zeroed", [1, 2])
def test_weights_of_zero_end_it_at_their_own_entry(zeroed):
    view = seen([3, 4, 4, 2], ["tanh"] * 2, "identity", "mse", rng=np.random.default_rng(1))
    view.network.layers[zeroed].W[...] = 0
    _, vector, work = backprop()(view.network, view.head, view.workspace.x, view.y)
    measures = entries(Look(view.network, work, vector, vector, head=view.head, y=view.y))
    assert measures[f"weights_layer_{zeroed}"] == -math.inf
    assert measures[f"slope_layer_{zeroed}"] == 0.0
    assert not not_a_number(measures)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_a_network_without_error_has_a_top_of_minus_infinity(loss):
    """y = a: delta is 0 from the first, without a warning and without NaN."""
    view = seen([2, 3, 2], ["tanh"], "identity", loss, rng=np.random.default_rng(2))
    y = view.network.forward(view.workspace.x)
    _, vector, work = backprop()(view.network, view.head, view.workspace.x, y)
    measures = entries(Look(view.network, work, vector, vector, head=view.head, y=y))
    assert measures["top"] == -math.inf
    assert not not_a_number(measures)
    assert all(value in (0.0, -math.inf) for value in measures.values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize("z", [40.0, 200.0, 2000.0])
@pytest.mark.parametrize("head", [("sigmoid", "binary_cross_entropy"), ("sigmoid", "mse")])
def test_a_saturated_output_gives_no_nan(z, shortcut, dtype, head):
    """Where dC/da is not finite there is nothing to split; what is told is -inf or a number."""
    theta = np.array([0.0, z, 0.0, -z])
    with np.errstate(over="ignore", invalid="ignore"):  # as in a run
        view = seen([1, 2], [], *head, rng=np.random.default_rng(0), theta=theta, dtype=dtype, shortcut=shortcut)
        if not np.isfinite(view.gradient).all():
            return  # the run has diverged before any probe
        measures = entries(view)
    assert not not_a_number(measures)
    if "loss" in measures:
        assert measures["loss"] + measures["output"] == pytest.approx(measures["top"], abs=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_error_that_rounds_away_in_a_stays_in_the_ledger(dtype):
    """a = sigmoid(40) rounds to 1, the target; a - y is -exp(-40) all the same, and delta is 2 exp(-80)."""
    view = seen(
        [1, 2], [], "sigmoid", "mse", rng=np.random.default_rng(0), theta=np.array([0, 0, 40, 40.0]), dtype=dtype
    )
    view.y[...] = 1
    work, y = view.workspace, view.y
    view.head.cost_and_delta(work.z[-1], y, work.a[-1], work.delta[-1])
    work.delta[-1][...] *= work.weight
    measures = entries(view)
    log_error = math.log10(2 * math.exp(-40) * math.sqrt(2))
    assert measures["loss"] == pytest.approx(log_error, abs=1e-5)
    assert measures["top"] == pytest.approx(log_error + math.log10(math.exp(-40)), abs=1e-5)


def test_a_vanished_float32_delta_keeps_its_digits():
    """1e-24 is far from 0, though its square is 0 in float32."""
    theta = np.array([1.0, 0.0] + [1e-8, 0.0] * 3, np.float32)
    view = seen(
        [1] * 5, ["identity"] * 3, "identity", "mse", rng=np.random.default_rng(0), theta=theta, dtype="float32"
    )
    measures = entries(view)
    assert [measures[f"weights_layer_{l}"] for l in (1, 2, 3)] == pytest.approx([-8.0] * 3, abs=1e-6)
    assert total(measures, 1, 4) == pytest.approx(measures["top"] - 24, abs=1e-5)


def test_a_view_without_head_tells_the_layers_only():
    view = seen([2, 3, 2], ["tanh"], "sigmoid", "mse", rng=np.random.default_rng(4))
    bare = Look(view.network, view.workspace, view.gradient, view.update)
    assert set(entries(bare)) == {"top", "weights_layer_1", "slope_layer_1"}
