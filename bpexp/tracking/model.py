"""The trained network as an MLflow model: two data files and the code that reads them, nothing of it pickled."""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
import warnings
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import bpexp
from bpexp.errors import TrackingError
from bpexp.records.network_file import WEIGHTS, load_network
from bpexp.records.network_spec import SPEC
from bpexp.records.predictor import PARAM, Predictor
from bpexp.tracking import serving
from bpexp.tracking.credentials import scrubbed
from bpexp.tracking.manifest import MODEL_NAME
from bpexp.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel
    from mlflow.models import Model

REQUIREMENTS = ("mlflow", "numpy", "pandas", "scipy", "threadpoolctl")
"""What a process needs in order to load the model; it does not need bpexp."""

FLAVOR, _LOADER = "python_function", "bpexp_serving"
DATA, _CODE = "data", "code"
_TRAVELS = (
    *("errors.py", "synonyms.py", "docstrings.py", "registry.py", "files/*.py", "nn/*.py"),
    *("records/network_file.py", "records/network_spec.py", "records/predictor.py", "records/schema.py"),
)
"""The files of bpexp that a model needs to predict."""

# extend_path finds the modules that are not copied in an installed bpexp, in a process that loads a model first.
_PACKAGE = '''"""The part of bpexp {version} that a saved model needs."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
__version__ = "{version}"
'''


def log_model(store: Store, run_id: str, directory: Path, name: str = MODEL_NAME, *, look: bool = False) -> str:
    """Log the network that is saved in `directory` as a pyfunc model of an existing run, under a name of its own.

    With `look` a model that the run has already, perhaps without all of its files, is completed in place of another.
    The model takes raw rows, as the data set has them, and returns the table of `Predictor.predict`. Returns its URI,
    `models:/...`. Raises TrackingError for a network that cannot be read, and where the store does not take the model.
    """
    predictor = Predictor(load_network(directory))
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        warnings.simplefilter("ignore")  # deprecations inside MLflow, at its first import
        try:
            model = _entry(store, run_id, name, look=look)
            return _log(store, model, directory, predictor, Path(scratch), look=look)
        except Exception as error:
            reason = scrubbed(" ".join(str(error).split("\n")[0].split()))[:300] or type(error).__name__
            raise TrackingError(f"the model of run {run_id!r} cannot be logged: {reason}") from error


def _entry(store: Store, run_id: str, name: str, *, look: bool) -> LoggedModel:
    """The model's entry in the store, which is created where there is none."""
    model = _begun(store, run_id) if look else None
    if model is not None:
        return model
    return store.client.create_logged_model(store.experiment_id, name, source_run_id=run_id, model_type="network")


def _log(store: Store, model: LoggedModel, directory: Path, predictor: Predictor, folder: Path, *, look: bool) -> str:
    """Write the files of a model into `folder`, upload them, mark it ready."""
    from mlflow.entities import LoggedModelOutput

    client, run_id = store.client, str(model.source_run_id)
    try:
        _stage_data(directory, folder / DATA)
        _stage_code(folder / _CODE)
        _stage_environment(folder)
        _describe(model.model_id, run_id, model.artifact_location, predictor).save(str(folder / "MLmodel"))
        client.log_model_artifacts(model.model_id, str(folder))
        if not (look and _is_output(store, run_id, model.model_id)):  # MLflow refuses a second time
            client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        client.finalize_logged_model(model.model_id, "READY")
    except BaseException:
        with suppress(Exception):  # the first error is the one to report
            client.finalize_logged_model(model.model_id, "FAILED")
        raise
    return str(model.model_uri)


def _begun(store: Store, run_id: str) -> LoggedModel | None:
    """The model that an earlier attempt has created for the run."""
    found = store.client.search_logged_models([store.experiment_id], filter_string=f"source_run_id = '{run_id}'")
    return found[0] if found else None


def _is_output(store: Store, run_id: str, model_id: str) -> bool:
    outputs = store.client.get_run(run_id).outputs
    return outputs is not None and any(output.model_id == model_id for output in outputs.model_outputs)


def _describe(model_id: str, run_id: str, location: str, predictor: Predictor) -> Model:
    """The MLmodel file, with the flavor as `mlflow.pyfunc` documents it.

    `mlflow.pyfunc.save_model` takes 0.3 s to search packages, and the import of `mlflow.pyfunc` alone 0.2 s and 3 MB.

    The signature declares the answers and the choice of the weights, and no inputs. MLflow would hold inputs to one
    dtype exactly and so refuse float32 or float64 arrays, lists and data frames of bytes; the predictor accepts all of
    them, and reports what it cannot take.
    """
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    saved, names = predictor.saved, predictor.answer_names
    kinds = ["string"] if predictor.classes else []
    number = "double" if saved.target_scaling is not None or saved.spec["dtype"] == "float64" else "float"
    kinds += [number] * (len(names) - len(kinds))
    signature = ModelSignature(
        outputs=Schema([ColSpec(kind, name, required=True) for kind, name in zip(kinds, names, strict=True)]),
        params=ParamSchema([ParamSpec(PARAM, "string", saved.reported)]),
    )
    model: Model = Model(
        artifact_path=location,
        run_id=run_id,
        model_uuid=model_id,
        model_id=model_id,
        signature=signature,
        metadata={"inputs": _inputs(predictor), PARAM: list(saved.weights)},
    )
    environments = {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
    flavor = {"loader_module": _LOADER, "code": _CODE, "data": DATA, "env": environments}
    model.add_flavor(FLAVOR, **flavor, python_version=platform.python_version())
    return model


def _inputs(predictor: Predictor) -> str:
    """What the model takes, in words."""
    n_0, columns = predictor.spec["sizes"][0], predictor.saved.columns
    if columns is None:
        return f"rows of {n_0} numbers, (N, {n_0}), in the units of the data set"
    return f"a table with the columns {', '.join(columns.names)}, in any order, as the data set has them"


def _stage_data(directory: Path, target: Path) -> None:
    """Copy the two files of the network, whatever else the directory holds."""
    target.mkdir()
    for name in (WEIGHTS, SPEC):
        shutil.copyfile(directory / name, target / name)


def _stage_code(target: Path) -> None:
    """Copy the modules that predict, as a package called bpexp, and beside it the loader that MLflow imports."""
    source = Path(bpexp.__file__).parent
    for pattern in _TRAVELS:
        for path in source.glob(pattern):
            copy = target / "bpexp" / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    for package in (target / "bpexp", target / "bpexp" / "records"):
        (package / "__init__.py").write_text(_PACKAGE.format(version=bpexp.__version__), encoding="utf-8")
    shutil.copyfile(serving.__file__, target / f"{_LOADER}.py")


def _stage_environment(target: Path) -> None:
    """Write the files that say what to install: requirements.txt, python_env.yaml and conda.yaml; JSON is YAML."""
    python = platform.python_version()
    needed = [f"{name}=={metadata.version(name)}" for name in REQUIREMENTS]
    build = ["pip", "setuptools", "wheel"]
    virtualenv = {"python": python, "build_dependencies": build, "dependencies": ["-r requirements.txt"]}
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": needed}],
    }
    (target / "requirements.txt").write_text("\n".join(needed) + "\n", encoding="utf-8")
    for name, content in (("python_env.yaml", virtualenv), ("conda.yaml", conda)):
        (target / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
