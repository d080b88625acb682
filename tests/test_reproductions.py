"""The central claim of each reproduction study, in a form that takes a moment."""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml
from command_line import command

from bpexp.config.composition import CommandLine, composer
from bpexp.gradients import path_sum
from bpexp.nn.heads import build_head
from bpexp.records.outcome import Outcome, write_outcome
from bpexp.running.build import Experiment, build
from bpexp.training.events import Callback, Step
from bpexp.training.trainer import train

ROOT = Path(__file__).resolve().parents[1]


def study(name: str, *overrides: str) -> Experiment:
    """The experiment of a declared study, built with its sweep left out."""
    with composer(CommandLine()) as composing:
        return build(composing.compose(composing.parse([f"experiment={name}", *overrides])).config)


def analysis(name: str) -> ModuleType:
    """The analyse.py of a study."""
    spec = importlib.util.spec_from_file_location(f"analyse_{name}", ROOT / "experiments" / name / "analyse.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Losses(Callback):
    """Keeps the loss of every step."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def on_step(self, event: Step) -> None:
        self.values.append(event.loss)


def trained(name: str, *overrides: str) -> tuple[Experiment, list[float]]:
    """A study's experiment after training, and its losses."""
    experiment, losses = study(name, *overrides), Losses()
    train(experiment.trainer, [losses])
    return experiment, losses.values


@pytest.mark.parametrize(("name", "tolerance"), [("paper_000_sigmoid_mse", 1e-12), ("paper_001_tanh", 1e-12)])
def test_both_recursions_train_the_same_network(name: str, tolerance: float) -> None:
    """000 and 001 carry da/da, 002 and 003 carry delta: equal weights to rounding after training."""
    small = ("data=mnist_5k", "data.limit=640", "epochs=2", "dtype=float64")
    runs = [trained(name, f"gradient={method}", *small) for method in ("backprop", "jacobian")]
    first, second = (experiment.trainer.network.theta for experiment, _ in runs)
    assert np.abs(first - study(name, *small).trainer.network.theta).max() > 1e-3
    assert np.abs(first - second).max() < tolerance


def test_shapes_are_those_of_the_papers() -> None:
    """002's 784-32-32-10, and the 7 960 parameters that 003 counts in 784-10-10."""
    assert study("paper_002_mnist_relu", "data=mnist_5k").trainer.network.sizes == (784, 32, 32, 10)
    assert study("paper_003_mnist_10", "data=mnist_5k").trainer.network.theta.size == 7960


@pytest.mark.usefixtures("mnist_root")
def test_full_batches_and_parts_are_those_of_the_sources() -> None:
    """003 sums over all 60 000; Nielsen trains on 50 000 and keeps 10 000 for validation."""
    full = study("paper_003_mnist_10")
    assert (len(full.data.train), len(full.trainer.batches)) == (60_000, 1)
    data = study("nielsen", "model.hidden=[30]").data
    assert data.validation is not None
    assert (len(data.train), len(data.validation)) == (50_000, 10_000)


def threshold_of(experiment: Experiment) -> tuple[Any, float]:
    """The Hessian's eigenvalues on the training samples, and the rate past which gradient descent diverges."""
    polynomial = analysis("paper_003_polynomial")
    x, _ = polynomial.samples(experiment)
    eigenvalues = polynomial.eigenvalues(x, experiment.data.n_inputs, mean=False)
    return eigenvalues, 2 / float(eigenvalues[-1])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.9, 0.99])
def test_below_the_threshold_descent_ends_at_least_squares(seed: int, share: float) -> None:
    _, threshold = threshold_of(study("paper_003_polynomial", f"seed={seed}"))
    rate = f"lr={share * threshold!r}"
    experiment, _ = trained("paper_003_polynomial", f"seed={seed}", rate, "epochs=2500", "evaluation.every=2500")
    x, y = analysis("paper_003_polynomial").samples(experiment)
    best = np.polynomial.polynomial.polyfit(x, y, experiment.data.n_inputs)
    assert np.abs(np.roll(experiment.trainer.network.theta, 1) - best).max() < 1e-9


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [1.01, 1.1])
def test_above_the_threshold_it_diverges_at_the_predicted_pace(seed: int, share: float) -> None:
    eigenvalues, threshold = threshold_of(study("paper_003_polynomial", f"seed={seed}"))
    rate = share * threshold
    _, losses = trained("paper_003_polynomial", f"seed={seed}", f"lr={rate!r}", "epochs=1000", "evaluation.every=1000")
    assert losses[-1] > 1e9 * losses[0]
    pace = np.sqrt(losses[-1] / losses[-2])  # the cost is the square of a distance
    assert pace == pytest.approx(np.abs(1 - rate * eigenvalues).max(), rel=1e-6)


def test_declared_rates_are_the_shares_of_the_threshold_that_the_study_says() -> None:
    declared = yaml.safe_load((ROOT / "conf/experiment/paper_003_polynomial.yaml").read_text(encoding="utf-8"))
    rates = [float(rate) for rate in declared["hydra"]["sweeper"]["params"]["lr"].split(",")]
    _, threshold = threshold_of(study("paper_003_polynomial"))
    assert [rate / threshold for rate in rates] == pytest.approx([0.5, 0.9, 0.99, 1.01, 1.1], abs=1e-3)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("L", range(1, 13))
def test_product_formula_of_a_chain_is_backprop(name: str, L: int) -> None:
    chain = analysis("paper_003_chain")
    rng = np.random.default_rng(L)
    for _ in range(5):
        w, b = rng.normal(0, 1, L), rng.normal(0, 1, L)
        assert chain.disagreement(name, w, b, *rng.normal(0, 1, 2)) < 1e-13


@pytest.mark.parametrize("L", [1, 2, 5, 12])
def test_path_sum_of_a_chain_is_the_product_formula(L: int) -> None:
    """One neuron a layer leaves one path."""
    chain = analysis("paper_003_chain")
    rng = np.random.default_rng(L)
    w, b, (x, y) = rng.normal(0, 1, L), rng.normal(0, 1, L), rng.normal(0, 1, 2)
    head = build_head({"name": "tanh"}, {"name": "mse"})
    vector = path_sum.path_sum()(chain.chain("tanh", w, b), head, np.array([[x]]), np.array([[y]])).vector
    dC_dw, dC_db, _ = chain.product_formula("tanh", w, b, x, y)
    np.testing.assert_allclose(vector, np.stack([dC_dw, dC_db], axis=1).ravel(), rtol=1e-12)


@pytest.mark.parametrize("L", range(2, 31))
def test_sigmoid_chain_vanishes_at_least_as_fast_as_a_quarter_a_layer(L: int) -> None:
    """sigma' <= 1/4, so with w = 1 the product of L - 1 layers is at most 4^-(L-1); ReLU's stays 1."""
    chain = analysis("paper_003_chain")
    assert 0 < chain.first_product("sigmoid", 1.0, L) <= 0.25 ** (L - 1)
    assert chain.first_product("relu", 1.0, L) == 1


def test_the_factor_of_002_is_a_factor_of_the_learning_rate() -> None:
    """Plain descent on the mean over the ten outputs, at ten times the rate, is descent on their sum, step by step."""
    small = ("data=mnist_5k", "data.limit=640", "epochs=2", "dtype=float64")
    total, _ = trained("paper_002_mnist_relu", *small, "loss={name:mse,reduction:sum}", "lr=0.1")
    mean, _ = trained("paper_002_mnist_relu", *small, "loss={name:mse,reduction:mean}", "lr=1.0")
    same, _ = trained("paper_002_mnist_relu", *small, "loss={name:mse,reduction:mean}", "lr=0.1")
    thetas = [experiment.trainer.network.theta for experiment in (total, mean, same)]
    np.testing.assert_allclose(thetas[1], thetas[0], rtol=0, atol=1e-12)
    assert np.abs(thetas[2] - thetas[0]).max() > 1e-2


def outcomes(folder: Path, accuracy: dict[str, list[float]], rates: list[float]) -> Path:
    """A sweep of made-up runs: accuracy by cost and rate, two seeds that differ by a point; NaN is a divergence."""
    for cost, values in accuracy.items():
        name, _, reduction = cost.partition(" ")
        for rate, value in zip(rates, values, strict=True):
            for seed in (0, 1):
                params = {"loss": name, "lr": rate, "seed": seed} | ({"loss.reduction": reduction} if reduction else {})
                keys = [
                    f"{when}/accuracy_{part}" for when in ("final", "best") for part in ("test", "validation", "train")
                ]
                metrics = dict.fromkeys(keys, value + seed / 100)
                status = "diverged" if np.isnan(value) else "finished"
                run = folder / f"{cost} {rate} {seed}"
                run.mkdir()
                write_outcome(Outcome(run.name, str(run), status, "", [], params, 1.0, metrics), run)
    return folder


def test_the_analysis_of_002_tunes_on_validation_flags_an_edge_and_counts_a_divergence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accuracy = {
        "cross_entropy": [0.90, 0.95, 0.80],
        "mse sum": [0.70, 0.93, 0.97],
        "mse mean": [0.20, 0.71, float("nan")],
    }
    analysis("paper_002_mnist_relu").main(outcomes(tmp_path, accuracy, [0.1, 1.0, 10.0]))
    printed = capsys.readouterr().out
    assert printed.startswith("18 runs, 2 diverged")
    assert "| cross_entropy | 1 | 95.50 [" in printed
    assert "| mse sum | 10 (edge of the grid) | 97.50 [" in printed
    assert "| mse mean | 20.5 | 71.5 | 10.0 |" in printed
    assert "cross_entropy less mse mean, each at its best rate: 24.00 [24.00, 24.00] points" in printed
    assert [line.split() for line in printed.splitlines()[-2:]] == [["0.1", "1.0", "1.0"], ["1.0", "-83.5", "84.0"]]


@pytest.mark.parametrize(
    ("name", "words", "picture"),
    [
        ("nielsen", ["data=digits", "epochs=1", "seed=0"], "peaks.svg"),
        ("paper_000_sigmoid_mse", ["data=digits", "epochs=1", "seed=0"], "difference.svg"),
        ("paper_002_mnist_relu", ["data=digits", "epochs=1", "lr=0.01,0.1", "seed=0,1"], "accuracy_by_lr.svg"),
        ("paper_003_chain", ["epochs=1", "activation=relu", "model.hidden=[1]", "seed=0"], ""),
        ("paper_003_mnist_10", ["data=digits", "epochs=50", "seed=0"], "accuracy.png"),
        ("paper_003_polynomial", ["epochs=20"], "convergence.png"),
    ],
)
def test_the_analysis_of_a_study_runs_on_what_its_sweep_leaves(
    name: str, words: list[str], picture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the page of the study says it, on a small sweep: tables on the screen, and the figure."""
    monkeypatch.chdir(tmp_path)
    short = ["tracking=none", "progress=false", "launcher=serial", "hydra.sweep.dir=sweep"]
    assert command([f"experiment={name}", *words, *short], monkeypatch) == 0
    monkeypatch.setattr(sys, "argv", ["analyse.py", "sweep", *([picture] if picture else [])])
    runpy.run_path(str(ROOT / "experiments" / name / "analyse.py"), run_name="__main__")
    assert not picture or Path(picture).stat().st_size > 5_000
