"""The trained network as an MLflow model made of one array and one JSON file: nothing in it is pickled."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpexp
from bpexp.errors import TrackingError
from bpexp.nn.arrays import Array
from bpexp.records.network_file import SPEC, WEIGHTS
from bpexp.records.predictor import load_predictor
from bpexp.tracking import serving
from bpexp.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.models import Model

MODEL_NAME = "network"
_LOADER = "bpexp_serving"
# extend_path lets an installed bpexp lend its other parts to a process that has loaded a model first.
_PACKAGE = '''"""The part of bpexp {version} that a saved model needs."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
__version__ = "{version}"
'''


def log_model(store: Store, run_id: str, directory: Path, example_x: Array) -> str:
    """Log a saved network to an existing run as a pyfunc model; returns its URI, `models:/...`.

    `example_x` are raw rows (N, n_0) on which the model is tried before it is stored.
    """
    predictor = load_predictor(directory)
    predictor.predict(example_x)
    spec = predictor.spec
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
    from mlflow.entities import LoggedModelOutput

    client = store.client
    model = client.create_logged_model(store.experiment_id, MODEL_NAME, source_run_id=run_id, model_type="network")
    try:
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
    """The MLmodel file: where the model belongs, and the shapes of its rows as metadata.

    It has no signature: with one of float32 MLflow refuses float64 rows, and so nearly every data frame; with one of
    float64 it refuses float32, and whole numbers. The model casts its input, and names a wrong shape in one line.
    """
    from mlflow.models import Model

    sizes = spec["sizes"]
    shapes = {"inputs": f"rows of {sizes[0]} numbers", "outputs": f"rows of {sizes[-1]} numbers in {spec['dtype']}"}
    return Model(artifact_path=location, run_id=run_id, model_uuid=model_id, model_id=model_id, metadata=shapes)


def _stage_data(directory: Path, scratch: Path) -> str:
    """The two files alone, whatever else lies in the directory."""
    target = scratch / "network"
    target.mkdir()
    for name in (WEIGHTS, SPEC):
        shutil.copyfile(directory / name, target / name)
    return str(target)


def _stage_code(target: Path) -> list[str]:
    """The part of bpexp that a saved model needs to predict, as a package of that name, and the loader beside it."""
    source = Path(bpexp.__file__).parent
    package = target / "bpexp"
    shutil.copytree(source / "nn", package / "nn", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "records").mkdir()
    for name in (
        "errors.py",
        "registry.py",
        *(f"records/{name}.py" for name in ("__init__", "network_file", "predictor")),
    ):
        shutil.copyfile(source / name, package / name)
    (package / "__init__.py").write_text(_PACKAGE.format(version=bpexp.__version__))
    loader = target / f"{_LOADER}.py"
    shutil.copyfile(serving.__file__, loader)
    return [str(package), str(loader)]
