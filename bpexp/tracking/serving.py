"""A trained network out of its two files, verified, and as something that predicts.

This file also travels inside every saved model, beside a copy of `bpexp.nn`, so it knows neither MLflow nor the rest.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from bpexp.errors import TrackingError
from bpexp.nn.activations import Activation, activations
from bpexp.nn.arrays import DTYPES, Array
from bpexp.nn.network import Network, count_parameters

FORMAT = 1
WEIGHTS, SPEC = "network.npz", "network.json"


def load_weights(directory: Path) -> tuple[Array, dict[str, Any]]:
    """theta and the spec of a saved network, after checking format, size, type and SHA-256."""
    directory = Path(directory)
    spec = _read_spec(directory / SPEC)
    path = directory / WEIGHTS
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            theta = np.asarray(archive["theta"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise TrackingError(
            f"the weights {str(path)!r} cannot be read: {_line(error)}; save the model again"
        ) from error
    expected = (count_parameters(spec["sizes"]),)
    if theta.shape != expected or theta.dtype != DTYPES[spec["dtype"]]:
        found = f"{theta.shape} {theta.dtype}"
        raise TrackingError(f"the weights {str(path)!r} are {found}, but {SPEC} says {expected} {spec['dtype']}")
    digest = hashlib.sha256(theta.tobytes()).hexdigest()
    if digest != spec["sha256"]:
        wanted = str(spec["sha256"])[:12]
        raise TrackingError(f"the weights {str(path)!r} were changed: SHA-256 {digest[:12]}..., not {wanted}...")
    return theta, spec


def _read_spec(path: Path) -> dict[str, Any]:
    """The description of the network, complete and of a format that this program knows."""
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrackingError(
            f"the network {str(path)!r} cannot be read: {_line(error)}; save the model again"
        ) from error
    if not isinstance(spec, dict) or spec.get("format") != FORMAT:
        found = spec.get("format") if isinstance(spec, dict) else spec
        raise TrackingError(f"the network {str(path)!r} has format {found!r}; this version reads format {FORMAT}")
    check_spec(spec, str(path))
    return spec


def check_spec(spec: dict[str, Any], where: str) -> None:
    """Refuse a spec from which no network can be built."""
    missing = [key for key in ("sizes", "hidden", "output", "dtype") if key not in spec]
    if missing:
        raise TrackingError(f"the network {where!r} lacks {missing[0]!r}; it needs sizes, hidden, output and dtype")
    sizes, hidden, dtype = spec["sizes"], spec["hidden"], spec["dtype"]
    if dtype not in DTYPES:
        raise TrackingError(f"the network {where!r} has dtype {dtype!r}; choose from: {', '.join(DTYPES)}")
    if len(sizes) < 2 or len(hidden) != len(sizes) - 2 or not all(isinstance(n, int) and n > 0 for n in sizes):
        raise TrackingError(f"the network {where!r} has sizes {sizes!r} and {len(hidden)} hidden activations")


def build_network(theta: Array, spec: dict[str, Any]) -> Network:
    """The network that was trained: its layers from the spec, its parameters from theta."""
    network = Network(
        spec["sizes"], [_activation(a) for a in spec["hidden"]], _activation(spec["output"]), spec["dtype"]
    )
    network.theta[...] = theta
    return network


def _activation(declared: str | dict[str, Any]) -> Activation:
    """An activation as configs say it, {"name": "leaky_relu", "slope": 0.1}; a plug-in's is looked up where missing."""
    params = {"name": declared} if isinstance(declared, str) else dict(declared)
    name = params.pop("name")
    if name not in activations:
        for plugin in metadata.entry_points(group="bpexp.plugins"):
            plugin.load()
    return activations.build(name, **params)


class Predictor:
    """What MLflow calls: rows (N, n_0) in, rows (N, n_L) out, scaled as the network was trained on."""

    def __init__(self, network: Network, spec: dict[str, Any]) -> None:
        self.network = network
        self.spec = spec

    def predict(self, rows: Any) -> Array:
        """a^L for each row of an array, a list or a data frame; other number types are cast to the network's."""
        x = np.ascontiguousarray(rows, dtype=self.network.dtype)
        n = self.network.sizes[0]
        if x.ndim != 2 or x.shape[1] != n:
            raise TrackingError(f"the model takes rows of {n} numbers, (N, {n}), not an array of shape {x.shape}")
        return np.ascontiguousarray(self.network.forward(x.T).T)

    def get_raw_model(self) -> Predictor:
        """MLflow's way to what it wraps: `network` and `spec` are on it."""
        return self


def _load_pyfunc(data_path: str) -> Predictor:
    """The entry point that MLflow looks for."""
    theta, spec = load_weights(Path(data_path))
    return Predictor(build_network(theta, spec), spec)


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
