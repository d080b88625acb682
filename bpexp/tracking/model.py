"""The trained network as an MLflow model made of one array and one JSON file: nothing in it is pickled."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from unittest.mock import patch

import numpy as np

import bpexp
from bpexp.errors import TrackingError
from bpexp.nn.arrays import Array
from bpexp.nn.network import count_parameters
from bpexp.tracking import serving
from bpexp.tracking.serving import FORMAT, SPEC, WEIGHTS, check_spec, load_weights
from bpexp.tracking.store import Store, quiet

if TYPE_CHECKING:
    from mlflow.models import Model

__all__ = ["load_weights", "log_model", "save_model"]

MODEL_NAME = "network"
_LOADER = "bpexp_serving"
# extend_path lets an installed bpexp lend its other parts to a process that has loaded a model first.
_PACKAGE = '''"""The part of bpexp {version} that a saved model needs."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
__version__ = "{version}"
'''


def save_model(directory: Path, *, theta: Array, spec: dict[str, Any]) -> None:
    """Write theta (P,) and its description to `directory`, each file whole or not at all.

    The spec says `sizes` [n_0, ..., n_L], `hidden` and `output` activations as configs do ({"name": ..., and the
    parameters}), `dtype`, and whatever else describes the network: input scaling, class names. The rest is added here.
    """
    check_spec(spec, str(directory))
    sizes = spec["sizes"]
    if theta.shape != (count_parameters(sizes),) or theta.dtype != spec["dtype"]:
        expected = f"({count_parameters(sizes)},) {spec['dtype']}"
        raise TrackingError(f"theta is {theta.shape} {theta.dtype}, but sizes {sizes!r} ask for {expected}")
    layers = [[[n, m], [n, 1]] for m, n in pairwise(sizes)]  # of W and b
    digest = hashlib.sha256(theta.tobytes()).hexdigest()
    described = {"format": FORMAT, **spec, "shapes": layers, "sha256": digest, "bpexp": bpexp.__version__}
    text = json.dumps(described, indent=2, sort_keys=True, allow_nan=False).encode()
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory / WEIGHTS, lambda file: np.savez(file, theta=theta))
    _write(directory / SPEC, lambda file: file.write(text))


def _write(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Fill a temporary file and move it to `path`."""
    unfinished = path.with_name(path.name + ".new")
    with unfinished.open("wb") as file:
        fill(file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def log_model(store: Store, run_id: str, directory: Path, example_x: Array) -> str:
    """Log a saved network to an existing run as a pyfunc model and answer its URI, `models:/...`.

    `example_x` are rows (N, n_0) on which the model is tried before it is stored.
    """
    theta, spec = load_weights(directory)
    network = serving.build_network(theta, spec)
    serving.Predictor(network, spec).predict(example_x)
    quiet()
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as scratch:
        warnings.simplefilter("ignore")  # MLflow's advice on type hints and input examples, which do not apply
        try:
            return _log(store, run_id, directory, spec, Path(scratch))
        except Exception as error:
            reason = " ".join(str(error).split("\n")[0].split())[:300] or type(error).__name__
            raise TrackingError(f"the model of run {run_id!r} cannot be logged: {reason}") from error


def _log(store: Store, run_id: str, directory: Path, spec: dict[str, Any], scratch: Path) -> str:
    """Announce the model to the run, write it, upload it, declare it ready."""
    import mlflow.pyfunc
    import mlflow.utils.environment
    from mlflow.entities import LoggedModelOutput

    client = store.client
    model = client.create_logged_model(store.experiment_id, MODEL_NAME, source_run_id=run_id, model_type="network")
    try:
        # MLflow would search every installed package for a mismatch with versions that were just read off them: 0.3 s
        with patch.object(mlflow.utils.environment, "warn_dependency_requirement_mismatches", lambda *_: None):
            mlflow.pyfunc.save_model(
                path=scratch / "model",
                loader_module=_LOADER,
                data_path=_stage_data(directory, scratch),
                code_paths=_stage_code(scratch / "code"),
                pip_requirements=[f"{name}=={metadata.version(name)}" for name in ("mlflow", "numpy", "scipy")],
                mlflow_model=_describe(model.model_id, run_id, model.artifact_location, spec),
            )
        client.log_model_artifacts(model.model_id, str(scratch / "model"))
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        client.finalize_logged_model(model.model_id, "READY")
    except BaseException:
        with suppress(Exception):  # the first error is the one to tell
            client.finalize_logged_model(model.model_id, "FAILED")
        raise
    return str(model.model_uri)


def _describe(model_id: str, run_id: str, location: str, spec: dict[str, Any]) -> Model:
    """The MLmodel file: where the model belongs and its signature, rows (-1, n_0) to rows (-1, n_L).

    MLflow would refuse float64 rows, and so nearly every data frame, for a float32 signature. The flag says that
    the model checks its own input, which it does: it casts, and names a wrong shape in one line.
    """
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    def rows(n: int) -> Schema:
        return Schema([TensorSpec(np.dtype(spec["dtype"]), (-1, n))])

    signature = ModelSignature(inputs=rows(spec["sizes"][0]), outputs=rows(spec["sizes"][-1]))
    fields = {"artifact_path": location, "run_id": run_id, "model_uuid": model_id, "model_id": model_id}
    described: Model = Model.from_dict(
        {**fields, "signature": signature.to_dict(), "is_signature_from_type_hint": True}
    )
    return described


def _stage_data(directory: Path, scratch: Path) -> str:
    """The two files alone, whatever else lies in the directory."""
    target = scratch / "network"
    target.mkdir()
    for name in (WEIGHTS, SPEC):
        shutil.copyfile(directory / name, target / name)
    return str(target)


def _stage_code(target: Path) -> list[str]:
    """The mathematics as a package called bpexp, and the loader beside it: all that the model needs to predict."""
    source = Path(bpexp.__file__).parent
    package = target / "bpexp"
    shutil.copytree(source / "nn", package / "nn", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("errors.py", "registry.py"):
        shutil.copyfile(source / name, package / name)
    (package / "__init__.py").write_text(_PACKAGE.format(version=bpexp.__version__))
    loader = target / f"{_LOADER}.py"
    shutil.copyfile(serving.__file__, loader)
    return [str(package), str(loader)]
