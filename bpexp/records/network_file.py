"""The network file of a run: network.npz holds the arrays, network.json describes them; nothing is pickled.

Every saved MLflow model contains a copy of this module, of `predictor` and of `bpexp.nn`, so they import nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

import bpexp
from bpexp.errors import TrackingError
from bpexp.nn.activations import activations
from bpexp.nn.arrays import Array
from bpexp.nn.network import Network, count_parameters
from bpexp.nn.outputs import outputs
from bpexp.nn.scaling import InputScaling
from bpexp.registry import Registry

FORMAT = 2
"""Version of the format. Format 1 has no scaling of the inputs: its networks take rows scaled as in training."""

TRAINED_IN = ("float32", "float64")
"""The dtypes of saved networks."""

WEIGHTS, SPEC = "network.npz", "network.json"
SHIFT, SCALE = "input_shift", "input_scale"


def save_network(directory: Path, *, theta: Array, spec: Mapping[str, Any]) -> None:
    """Write theta (P,) and its description to `directory`, each file atomically.

    Args:
        directory: the folder, which is created if it is missing.
        theta: the parameters.
        spec: `sizes` [n_0, ..., n_L], `hidden` and `output` activations as in a config, `dtype`, and any other plain
            values; optionally `scaling`, the InputScaling of raw rows.

    Raises TrackingError for a spec that is incomplete or does not fit theta.
    """
    described = {key: value for key, value in spec.items() if key != "scaling"}
    validate_spec(described, str(directory))
    sizes = described["sizes"]
    if theta.shape != (count_parameters(sizes),) or theta.dtype != described["dtype"]:
        expected = f"({count_parameters(sizes)},) {described['dtype']}"
        raise TrackingError(f"theta is {theta.shape} {theta.dtype}, but sizes {sizes!r} ask for {expected}")
    arrays = {"theta": theta, **_scaling_arrays(spec.get("scaling"))}
    layers = [[[n, m], [n, 1]] for m, n in pairwise(sizes)]  # of W and b
    described |= {"format": FORMAT, "shapes": layers, "sha256": _digest(arrays), "bpexp": bpexp.__version__}
    text = json.dumps(described, indent=2, sort_keys=True, allow_nan=False).encode()
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory / WEIGHTS, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
    _write(directory / SPEC, lambda file: file.write(text))


def _scaling_arrays(scaling: InputScaling | None) -> dict[str, Array]:
    if scaling is None:
        return {}
    found = {SHIFT: scaling.shift, SCALE: scaling.scale}
    return {name: np.asarray(values, dtype=np.float64) for name, values in found.items() if values is not None}


def _digest(arrays: Mapping[str, Array]) -> str:
    """SHA-256 of theta, and of the scaling where there is one."""
    sha = hashlib.sha256()
    for name in ("theta", SHIFT, SCALE):
        if name in arrays:
            sha.update(arrays[name].tobytes())
    return sha.hexdigest()


def _write(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Fill a temporary file and move it to `path`; after a failure it is removed."""
    unfinished = path.with_name(path.name + ".new")
    try:
        with unfinished.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def load_network(directory: Path) -> tuple[Network, InputScaling, dict[str, Any]]:
    """The network of a directory, the scaling of its inputs, its spec.

    Raises TrackingError for a file that is missing, unreadable or changed.
    """
    arrays, spec = _load_arrays(Path(directory))
    network = network_from_spec(arrays["theta"], spec)
    scale = arrays.get(SCALE)
    scaling = InputScaling(arrays.get(SHIFT), scale[()] if scale is not None and scale.ndim == 0 else scale)
    return network, scaling, spec


def load_weights(directory: Path) -> tuple[Array, dict[str, Any]]:
    """theta (P,) and the spec of a saved network, verified as in `load_network`."""
    arrays, spec = _load_arrays(Path(directory))
    return arrays["theta"], spec


def _load_arrays(directory: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    spec = _read_spec(directory / SPEC)
    path = directory / WEIGHTS
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name]) for name in ("theta", SHIFT, SCALE) if name in archive.files}
        theta = arrays["theta"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise TrackingError(
            f"the weights {str(path)!r} cannot be read: {_line(error)}; save the model again"
        ) from error
    expected = (count_parameters(spec["sizes"]),)
    if theta.shape != expected or theta.dtype != spec["dtype"]:
        found = f"{theta.shape} {theta.dtype}"
        raise TrackingError(f"the weights {str(path)!r} are {found}, but {SPEC} says {expected} {spec['dtype']}")
    for name in (SHIFT, SCALE):
        if name in arrays and arrays[name].shape not in ((), (spec["sizes"][0],)):
            raise TrackingError(f"the weights {str(path)!r} hold {name} of shape {arrays[name].shape}")
    digest = _digest(arrays)
    if digest != spec.get("sha256"):
        wanted = str(spec.get("sha256"))[:12]
        raise TrackingError(f"the weights {str(path)!r} were changed: SHA-256 {digest[:12]}..., not {wanted}...")
    return arrays, spec


def _read_spec(path: Path) -> dict[str, Any]:
    """The description of the network; raises TrackingError for one that is incomplete or of another format."""
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrackingError(
            f"the network {str(path)!r} cannot be read: {_line(error)}; save the model again"
        ) from error
    if not isinstance(spec, dict) or spec.get("format") not in (1, FORMAT):
        found = spec.get("format") if isinstance(spec, dict) else spec
        raise TrackingError(f"the network {str(path)!r} has format {found!r}; this version reads 1 and {FORMAT}")
    validate_spec(spec, str(path))
    return spec


def validate_spec(spec: Mapping[str, Any], where: str) -> None:
    """Raise TrackingError for a spec from which no network can be built."""
    missing = [key for key in ("sizes", "hidden", "output", "dtype") if key not in spec]
    if missing:
        raise TrackingError(f"the network {where!r} lacks {missing[0]!r}; it needs sizes, hidden, output and dtype")
    sizes, hidden, dtype = spec["sizes"], spec["hidden"], spec["dtype"]
    if dtype not in TRAINED_IN:
        raise TrackingError(f"the network {where!r} has dtype {dtype!r}; choose from: {', '.join(TRAINED_IN)}")
    if len(sizes) < 2 or len(hidden) != len(sizes) - 2 or not all(isinstance(n, int) and n > 0 for n in sizes):
        raise TrackingError(f"the network {where!r} has sizes {sizes!r} and {len(hidden)} hidden activations")


def network_from_spec(theta: Array, spec: Mapping[str, Any]) -> Network:
    """The network with the layers of the spec and the parameters theta (P,)."""
    hidden = [_component(activations, node) for node in spec["hidden"]]
    network = Network(spec["sizes"], hidden, _component(outputs, spec["output"]), spec["dtype"])
    network.theta[...] = theta
    return network


def _component(registry: Registry[Any], node: Any) -> Any:
    """A function from a node such as {"name": "leaky_relu", "slope": 0.1}; an unknown name loads the plug-ins."""
    if registry.parse(node)[0] not in registry:
        for plugin in metadata.entry_points(group="bpexp.plugins"):
            plugin.load()
    return registry.from_config(node)


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
