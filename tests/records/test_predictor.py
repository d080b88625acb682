"""A saved network takes raw rows of any type of number, and refuses anything else in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bpexp
from bpexp.data import datasets
from bpexp.errors import TrackingError
from bpexp.nn.activations import activations
from bpexp.nn.network import Network
from bpexp.nn.outputs import outputs
from bpexp.nn.scaling import InputScaling
from bpexp.records.network_file import save_network
from bpexp.records.predictor import Predictor, load_predictor

ROWS = np.random.default_rng(2).integers(0, 256, (7, 6), dtype=np.uint8)


@pytest.fixture
def predictor(tmp_path: Path) -> Predictor:
    network = Network([6, 3], [], outputs.build("softmax"), "float32")
    network.theta[...] = np.random.default_rng(1).standard_normal(network.theta.size)
    spec = {"sizes": [6, 3], "hidden": [], "output": {"name": "softmax"}, "dtype": "float32"}
    save_network(tmp_path, theta=network.theta, spec={**spec, "scaling": InputScaling(scale=np.asarray(255.0))})
    return load_predictor(tmp_path)


MIXED = pd.DataFrame({i: ROWS[:, i].astype("float32" if i % 2 else "int64") for i in range(6)})


@pytest.mark.parametrize(
    "rows",
    [*(ROWS.astype(kind) for kind in ("int64", "float32", "float64", "object")), ROWS.tolist(), MIXED],
    ids=["int64", "float32", "float64", "object", "list", "frame"],
)
def test_rows_of_any_type_of_number_give_the_same_bits(rows: Any, predictor: Predictor) -> None:
    assert predictor.outputs(rows).tobytes() == predictor.outputs(ROWS).tobytes()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((2, 5)), r"rows of 6 numbers, \(N, 6\), not an array of shape \(2, 5\)"),
        (np.zeros(6), r"not an array of shape \(6,\)"),
        ([["a"] * 6], "rows of numbers .*could not convert string to float"),
        ([[1.0], [1.0, 2.0]], "rows of numbers .*inhomogeneous"),
        ({"x": [1.0]}, "rows of numbers"),
        (None, r"not an array of shape \(\)"),
    ],
)
def test_what_is_not_rows_of_numbers_is_refused_in_one_line(rows: Any, message: str, predictor: Predictor) -> None:
    with pytest.raises(TrackingError, match=message) as caught:
        predictor.predict(rows)
    assert "\n" not in str(caught.value)


def test_a_run_on_bytes_predicts_bytes_as_it_was_evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = ("data.validation=0", "data.test=0", "evaluation.train_samples=5000")
    run = bpexp.run("data=mnist_5k", *whole, "epochs=1", "batch_size=20", "tracking=none", "probe=off")
    raw = datasets.build("mnist_5k")(np.random.default_rng(0))
    assert raw.X.dtype == np.uint8
    assert (run.predict(raw.X)["class"] == raw.y.astype(str)).mean() == run.metrics["final/accuracy_train"]
    x = raw.X[:500].astype(np.float32) / np.float32(255)
    assert run.outputs(raw.X[:500]).tobytes() == np.ascontiguousarray(run.network.forward(x.T).T).tobytes()


def test_a_network_in_another_dtype_is_not_saved(tmp_path: Path) -> None:
    network = Network([6, 3], [], activations.build("identity"), "complex128")
    spec = {"sizes": [6, 3], "hidden": [], "output": {"name": "identity"}, "dtype": "complex128"}
    with pytest.raises(TrackingError, match="has dtype 'complex128'; choose from: float32, float64"):
        save_network(tmp_path, theta=network.theta, spec=spec)
