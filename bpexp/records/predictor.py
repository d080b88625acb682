"""Prediction by a saved network: raw rows in, outputs out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bpexp.errors import TrackingError
from bpexp.nn.arrays import Array
from bpexp.nn.network import Network
from bpexp.nn.scaling import InputScaling
from bpexp.records.network_file import load_network


class Predictor:
    """A network with the scaling of its inputs; also the Python model inside a saved MLflow model."""

    def __init__(self, network: Network, scaling: InputScaling, spec: dict[str, Any]) -> None:
        self.network, self.scaling, self.spec = network, scaling, spec

    def predict(self, rows: Any) -> Array:
        """a^L (N, n_L) for raw rows (N, n_0), an array, list or data frame, which are scaled as in training.

        Raises TrackingError, a ValueError, for anything but rows of n_0 numbers.
        """
        x = _numbers(rows)
        n = self.network.sizes[0]
        if x.ndim != 2 or x.shape[1] != n:
            raise TrackingError(f"the model takes rows of {n} numbers, (N, {n}), not an array of shape {x.shape}")
        scaled = self.scaling.apply(x, self.network.dtype)
        return np.ascontiguousarray(self.network.forward(scaled.T).T)

    def get_raw_model(self) -> Predictor:
        """Called by MLflow's `get_raw_model`; returns this object, with `network`, `scaling` and `spec`."""
        return self


def _numbers(rows: Any) -> Array:
    """`rows` as an array of numbers; a data frame with columns of several types may be one of objects."""
    try:
        x = np.asarray(rows)
        return x if x.dtype.kind in "biuf" else x.astype(np.float64)
    except (TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise TrackingError(f"the model takes rows of numbers (N, n_0): {reason}") from None


def load_predictor(directory: Path) -> Predictor:
    """The saved network of a directory; raises TrackingError if it is missing or changed."""
    return Predictor(*load_network(directory))
