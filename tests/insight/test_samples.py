"""What is gathered from single samples is what the metrics count, in whatever pieces, and of a broken network too."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from bpexp.data.dataset import Part
from bpexp.insight import samples as panels_samples
from bpexp.insight.samples import collect_samples
from bpexp.nn.activations import activations
from bpexp.nn.heads import Head, build_head
from bpexp.nn.network import Network
from bpexp.training.evaluation import evaluate

CLASSES = ("a", "b", "c")


def head_and_network(output: str = "softmax", loss: str = "cross_entropy", n_out: int = 3) -> tuple[Head, Network]:
    head = build_head({"name": output}, {"name": loss})
    network = Network([4, 5, n_out], [activations.build("tanh")], head.output, "float64")
    network.theta[...] = np.random.default_rng(1).normal(size=network.theta.shape)
    return head, network


def part(n: int, n_out: int = 3) -> Part:
    """Rows 3, 4, ... of random inputs."""
    rng = np.random.default_rng(2)
    labels = rng.integers(max(n_out, 2), size=n + 3)
    Y = np.eye(n_out)[labels] if n_out > 1 else labels[:, None].astype(float)
    return Part(rng.normal(size=(n + 3, 4)), Y, np.arange(3, n + 3), labels)


@pytest.mark.parametrize("n", [1, 7, 50])
def test_costs_and_confusion_agree_with_the_metrics(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels_samples, "PIECE", 7)
    (head, network), data = head_and_network(), part(n)
    samples, measured = collect_samples(network, head, data, CLASSES), evaluate(network, head, data)
    assert samples.outputs.shape == (3, n)
    assert samples.costs.mean() == pytest.approx(measured["loss"])
    counts = samples.confusion()
    assert counts.sum() == n
    assert np.trace(counts) / n == pytest.approx(measured["accuracy"])
    assert np.array_equal(counts.sum(axis=1), np.bincount(data.labels[data.rows], minlength=3))


def test_the_worst_come_first_with_their_inputs() -> None:
    (head, network), data = head_and_network(), part(50)
    samples = collect_samples(network, head, data, CLASSES)
    assert np.array_equal(samples.costs[samples.worst], np.sort(samples.costs)[::-1][:10])
    assert np.array_equal(samples.X, data.X[data.rows[samples.worst]])


def test_a_single_output_is_judged_at_one_half() -> None:
    (head, network), data = head_and_network("sigmoid", "binary_cross_entropy", 1), part(30, 1)
    samples = collect_samples(network, head, data, ("no", "yes"))
    assert np.trace(samples.confusion()) / 30 == pytest.approx(evaluate(network, head, data)["accuracy"])


def test_of_a_large_part_an_even_sample_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels_samples, "CAP", 10)
    (head, network), data = head_and_network(), part(100)
    samples = collect_samples(network, head, data, CLASSES)
    assert len(samples.costs) == 10
    assert np.array_equal(samples.labels, data.labels[np.linspace(3, 102, 10).astype(int)])


def test_a_regression_has_costs_and_no_labels() -> None:
    head, network = head_and_network("identity", "mse", 1)
    data = part(20, 1)
    samples = collect_samples(network, head, Part(data.X, data.Y, data.rows, None))
    assert samples.labels is None
    assert len(samples.costs) == 20


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_broken_network_is_looked_at_without_a_warning(value: float) -> None:
    (head, network), data = head_and_network(), part(20)
    network.theta[...] = value
    samples = collect_samples(network, head, data, CLASSES)
    assert samples.confusion().sum() + np.sum(samples.predicted() < 0) == 20
    assert np.isfinite(samples.costs[samples.worst]).all()


def test_matplotlib_is_not_needed() -> None:
    code = "import sys, bpexp.insight.samples, bpexp.figures.run_page; print('matplotlib' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
