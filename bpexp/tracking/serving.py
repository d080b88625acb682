"""The entry point of a saved MLflow model; this file travels inside it as `bpexp_serving`."""

from __future__ import annotations

from pathlib import Path

from bpexp.records.predictor import Predictor, load_predictor


def _load_pyfunc(data_path: str) -> Predictor:
    """What MLflow looks for: the folder of the network's two files in, something with `predict` out."""
    return load_predictor(Path(data_path))
