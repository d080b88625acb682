"""A saved network predicts the same bits wherever it is loaded, and nothing damaged is loaded at all."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpexp.errors import TrackingError
from bpexp.nn.activations import activations
from bpexp.nn.arrays import Array
from bpexp.nn.network import Network
from bpexp.nn.outputs import outputs
from bpexp.nn.scaling import InputScaling
from bpexp.records.network_file import load_network, save_network
from bpexp.records.predictor import load_predictor
from bpexp.tracking.model import log_model
from bpexp.tracking.store import Store, open_store

SIZES = [6, 5, 4, 3]
SPEC: dict[str, Any] = {
    "sizes": SIZES,
    "hidden": ["sigmoid", {"name": "leaky_relu", "slope": 0.2}],
    "output": {"name": "softmax"},
    "dtype": "float32",
    "scaling": InputScaling(scale=np.asarray(255.0)),
    "classes": ["a", "b", "\N{GREEK SMALL LETTER GAMMA}"],
}


def trained(dtype: str = "float32") -> Network:
    """A network whose parameters stand for trained ones."""
    hidden = [activations.build("sigmoid"), activations.build("leaky_relu", slope=0.2)]
    network = Network(SIZES, hidden, outputs.build("softmax"), dtype)
    network.theta[...] = np.random.default_rng(1).standard_normal(network.theta.size)
    return network


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_network(tmp_path / "model", theta=trained().theta, spec=SPEC)
    return tmp_path / "model"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return open_store(f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db", "models")


def rows(count: int = 7) -> Array:
    return np.random.default_rng(2).random((count, SIZES[0]), dtype=np.float32)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_come_back_bit_for_bit(dtype: str, tmp_path: Path) -> None:
    theta = trained(dtype).theta
    save_network(tmp_path, theta=theta, spec={**SPEC, "dtype": dtype})
    found = load_network(tmp_path)
    spec = found.spec
    assert list(found.weights) == ["last"]
    assert found.weights["last"].tobytes() == theta.tobytes()
    plain = {key: value for key, value in SPEC.items() if key != "scaling"}
    assert {key: spec[key] for key in plain} == {**plain, "dtype": dtype}
    assert spec["shapes"] == [[[5, 6], [5, 1]], [[4, 5], [4, 1]], [[3, 4], [3, 1]]]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["network.json", "network.npz"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "has format 99; this version reads 1 to 3"),
        ({"sizes": [6, 5, 4, 2], "classes": []}, r"network\.json says \(69,\) float32"),
        ({"sizes": [6, "5", 4, 3]}, r"sizes\[1\]: found '5'; expected a whole number"),
        ({"dtype": "float16"}, "dtype: found 'float16'; expected one of float32, float64"),
        ({"dtype": "float64"}, "says .* float64"),
        ({"classes": ["a", "b", "c"]}, "were changed: SHA-256"),
        ({"classes": ["a", "b"]}, "has 3 outputs and 2 names of classes"),
        ({"columns": {"columns": [{"name": "x"}]}}, "has 6 inputs, and columns that make 1"),
        ({"columns": {"rows": []}}, "columns: unknown field 'rows'"),
        ({"sha256": "0" * 64}, "were changed: SHA-256"),
        ({"hidden": ["sigmoid"]}, "1 hidden activations"),
        ({"output": None}, "lacks 'output'"),
    ],
)
def test_a_spec_that_does_not_fit_is_refused(change: dict[str, Any], message: str, saved: Path) -> None:
    spec = json.loads((saved / "network.json").read_text())
    spec = {key: value for key, value in {**spec, **change}.items() if value is not None}
    (saved / "network.json").write_text(json.dumps(spec))
    with pytest.raises(TrackingError, match=message) as caught:
        load_network(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["network.npz", "network.json"])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "noise", "flipped"])
def test_a_damaged_file_is_named(name: str, damage: str, saved: Path) -> None:
    path = saved / name
    content = path.read_bytes()
    middle = len(content) // 2
    damaged = {
        "empty": b"",
        "cut": content[:middle],
        "noise": b"\x80" * 64,
        "flipped": content[:middle] + bytes([content[middle] ^ 0x80]) + content[middle + 1 :],
    }
    path.unlink() if damage == "gone" else path.write_bytes(damaged[damage])
    with pytest.raises(TrackingError, match=name.replace(".", r"\.")) as caught:
        load_network(saved)
    assert "\n" not in str(caught.value)


def test_a_pickle_is_not_opened(saved: Path) -> None:
    np.savez(saved / "network.npz", theta=np.array([object()]))
    with pytest.raises(TrackingError, match=r"network\.npz': theta: found values of type object; expected numbers"):
        load_network(saved)


def test_theta_that_does_not_fit_its_spec_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=r"theta in .* is \(3,\) float64, but network\.json says \(74,\) float32"):
        save_network(tmp_path / "x", theta=np.zeros(3), spec=SPEC)
    assert not (tmp_path / "x").exists()


PREDICT = """
import sys, json, numpy as np, mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
x = np.load(sys.argv[3])
answers = [model.predict(x), model.predict(x.astype(float)), model.predict(pd.DataFrame(x).astype(float))]
np.save(sys.argv[4], np.stack([answer.iloc[:, 1:] for answer in answers]))
print(json.dumps(answers[0].to_dict("records")[0]))
print(sys.modules["bpexp"].__file__)
print(model.get_raw_model().spec["classes"])
try:
    model.predict(x[:, :2])
except ValueError as error:
    print(error)
"""


def test_a_logged_model_predicts_the_same_bits_in_a_process_without_bpexp(
    saved: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_id = store.client.create_run(store.experiment_id).info.run_id
    uri = log_model(store, run_id, saved)
    assert capfd.readouterr() == ("", "")
    assert uri.startswith("models:/m-")
    x = rows()
    np.save(tmp_path / "x.npy", x)
    command = [sys.executable, "-P", "-c", PREDICT, store.uri, uri, str(tmp_path / "x.npy"), str(tmp_path / "y.npy")]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    said = subprocess.check_output(command, env=environment, text=True, cwd=tmp_path).splitlines()
    expected = trained().forward((x / np.float32(255)).T).T
    for answer in np.load(tmp_path / "y.npy"):
        assert answer.tobytes() == np.ascontiguousarray(expected).tobytes()
    first = json.loads(said[0])
    assert list(first) == ["class", *SPEC["classes"]]
    assert first["class"] == SPEC["classes"][int(expected[0].argmax())]
    assert "/mlartifacts/" in said[1]
    assert said[2] == str(SPEC["classes"])
    assert said[3] == "the model takes rows of 6 numbers, (N, 6), not an array of shape (7, 2)"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model", "x.npy", "y.npy"]


def test_a_logged_model_belongs_to_its_run_and_holds_no_pickle(saved: Path, store: Store) -> None:
    import mlflow
    from mlflow.models import Model

    run_id = store.client.create_run(store.experiment_id).info.run_id
    uri = log_model(store, run_id, saved)
    run = store.client.get_run(run_id)
    assert [output.model_id for output in run.outputs.model_outputs] == [uri.removeprefix("models:/")]
    assert run.info.status == "RUNNING"
    assert mlflow.active_run() is None
    model = store.client.get_logged_model(uri.removeprefix("models:/"))
    assert (str(model.status), model.source_run_id) == ("READY", run_id)
    folder = Path(model.artifact_location.removeprefix("file://"))
    endings = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert endings == {"", ".py", ".npz", ".json", ".yaml", ".txt"}
    assert "mlflow==" in (folder / "requirements.txt").read_text()
    described = Model.load(str(folder))
    units = "rows of 6 numbers, (N, 6), in the units of the data set"
    assert described.metadata == {"inputs": units, "weights": ["last"]}
    with warnings.catch_warnings(action="ignore"):  # those of MLflow, where it is imported
        add_to_model = mlflow.pyfunc.add_to_model
    environments = {"conda_env": "conda.yaml", "python_env": "python_env.yaml"}
    usual = add_to_model(Model(), "bpexp_serving", data="data", code="code", **environments)
    assert described.flavors == usual.flavors
    answer = {column.name: column.type.name for column in described.signature.outputs.inputs}
    assert answer == {"class": "string", **dict.fromkeys(SPEC["classes"], "float")}
    assert [(param.name, param.default) for param in described.signature.params.params] == [("weights", "last")]


def test_what_cannot_be_logged_is_one_line(saved: Path, store: Store) -> None:
    with pytest.raises(TrackingError, match=r"the model of run '0+' cannot be logged: [^\n]*$"):
        log_model(store, "0" * 32, saved)


@pytest.mark.parametrize("scaling", ["none", "bytes", "standardize"])
def test_the_scaling_comes_back_bit_for_bit(scaling: str, tmp_path: Path) -> None:
    """Raw rows are scaled as in training, in the same arithmetic."""
    rng = np.random.default_rng(4)
    shift, scale = rng.normal(size=6), rng.uniform(1, 2, 6)
    how = {
        "none": InputScaling(),
        "bytes": InputScaling(scale=np.asarray(255.0)),
        "standardize": InputScaling(shift, scale),
    }[scaling]
    save_network(tmp_path, theta=trained().theta, spec={**SPEC, "scaling": how})
    found = load_network(tmp_path).scaling
    raw = rng.integers(0, 255, (9, 6)).astype(np.uint8)
    expected = how.apply(raw, np.dtype("float32"))
    assert found.apply(raw, np.dtype("float32")).tobytes() == expected.tobytes()
    outputs_of = trained().forward(expected.T).T
    assert load_predictor(tmp_path).outputs(raw.tolist()).tobytes() == np.ascontiguousarray(outputs_of).tobytes()


def as_saved_before(folder: Path, version: int) -> None:
    """Turn a saved network into one of an earlier version, whose digest is that of its arrays alone."""
    with np.load(folder / "network.npz") as archive:
        digest = hashlib.sha256(b"".join(archive[name].tobytes() for name in archive.files)).hexdigest()
    spec = json.loads((folder / "network.json").read_text())
    (folder / "network.json").write_text(json.dumps({**spec, "format": version, "sha256": digest}))


@pytest.mark.parametrize(("version", "scale"), [(1, 1), (2, 255)])
def test_a_network_of_an_earlier_format_is_read(version: int, scale: int, saved: Path) -> None:
    """Format 1 had no scaling of the inputs, and took rows as they are."""
    if version == 1:
        save_network(saved, theta=trained().theta, spec={**SPEC, "scaling": None})
    as_saved_before(saved, version)
    expected = trained().forward((rows() / np.float32(scale)).T).T
    predictor = load_predictor(saved)
    assert predictor.outputs(rows()).tobytes() == np.ascontiguousarray(expected).tobytes()
    assert list(predictor.networks) == ["last"]


def test_a_changed_scaling_is_seen(saved: Path) -> None:
    with np.load(saved / "network.npz") as archive:
        np.savez(saved / "network.npz", theta=archive["theta"], input_scale=np.asarray(1.0))
    with pytest.raises(TrackingError, match="were changed: SHA-256"):
        load_network(saved)
