"""The entry point of a saved MLflow model; a copy of this file is stored in it as `bpexp_serving`."""

from __future__ import annotations

from pathlib import Path

from bpexp.records.predictor import Predictor, load_predictor


def _load_pyfunc(data_path: str) -> Predictor:
    """Called by MLflow with the folder of the network's two files; returns an object with `predict`."""
    return load_predictor(Path(data_path))
