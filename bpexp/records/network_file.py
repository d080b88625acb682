"""The network file of a run: network.npz holds the arrays, network.json describes them; nothing is pickled.

Every saved MLflow model contains a copy of this module, of `network_spec`, of `predictor` and of `bpexp.nn`, so they
import nothing else of bpexp.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

import bpexp
from bpexp.errors import TrackingError
from bpexp.nn.arrays import Array
from bpexp.nn.columns import Columns
from bpexp.nn.network import count_parameters
from bpexp.nn.scaling import InputScaling, TargetScaling
from bpexp.records.network_spec import BEST, FORMAT, LAST, SPEC, columns_of, one_line, read_spec, validate_spec

WEIGHTS = "network.npz"
INPUT, TARGET = ("input_shift", "input_scale"), ("target_shift", "target_scale")
THETAS = ("theta", f"theta_{LAST}", f"theta_{BEST}")
"""The weights that the figures of the run speak of, and beside them those of the last or of the best epoch."""


@dataclass(frozen=True, slots=True, eq=False)
class SavedNetwork:
    """The content of a network file.

    Args:
        spec: `sizes` [n_0, ..., n_L], `hidden` and `output` activations as in a config, `dtype`, and other plain
            values. `weights` says of which epochs the weights are; `weights["reported"]` is last or best.
        weights: theta (P,) by name, last and best; the same array where the best epoch is the last one.
        scaling: of raw rows, after `columns`.
        target_scaling: what turns outputs back into the units of the data; None where they are in these units.
        columns: of a table, what makes numbers of raw rows; None where raw rows are numbers.
    """

    spec: dict[str, Any]
    weights: dict[str, Array]
    scaling: InputScaling
    target_scaling: TargetScaling | None = None
    columns: Columns | None = None

    @property
    def reported(self) -> str:
        """The name of the weights that the figures of the run speak of: last, or best where they were restored."""
        return str((self.spec.get("weights") or {}).get("reported", LAST))


def save_network(directory: Path, *, theta: Array, spec: Mapping[str, Any], other: Array | None = None) -> None:
    """Write weights and their description to `directory`, each file atomically.

    Args:
        directory: the folder, which is created if it is missing.
        theta: the parameters (P,) that the figures of the run speak of.
        spec: as in `SavedNetwork`; optionally `scaling`, `target_scaling` and `columns`, the objects.
        other: the parameters (P,) of the best epoch, or of the last one where theta is the best one's.

    Raises TrackingError for a spec that is incomplete or does not fit theta.
    """
    described = {key: value for key, value in spec.items() if key not in ("scaling", "target_scaling")}
    if described.get("columns") is not None:
        described["columns"] = described["columns"].to_spec()
    validate_spec(described, str(directory))
    arrays = {"theta": theta, **_scaling_arrays(spec)}
    if other is not None:
        arrays[_other(described)] = other
    _refuse_shapes(arrays, described, f"in {str(directory)!r}")
    layers = [[[n, m], [n, 1]] for m, n in pairwise(described["sizes"])]  # of W and b
    described |= {"format": FORMAT, "shapes": layers, "bpexp": bpexp.__version__}
    described["sha256"] = _digest(arrays, described)
    text = json.dumps(described, indent=2, sort_keys=True, allow_nan=False).encode()
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory / WEIGHTS, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
    _write(directory / SPEC, lambda file: file.write(text))


def _other(spec: Mapping[str, Any]) -> str:
    """The name in the file of the weights beside theta."""
    reported = (spec.get("weights") or {}).get("reported", LAST)
    return f"theta_{BEST if reported == LAST else LAST}"


def _scaling_arrays(spec: Mapping[str, Any]) -> dict[str, Array]:
    """Shift and scale of inputs and targets in float64, as far as there are such."""
    pairs = ((INPUT, spec.get("scaling")), (TARGET, spec.get("target_scaling")))
    found = [
        (name, value)
        for names, how in pairs
        if how is not None
        for name, value in zip(names, (how.shift, how.scale), strict=True)
    ]
    return {name: np.asarray(value, dtype=np.float64) for name, value in found if value is not None}


def _digest(arrays: Mapping[str, Array], spec: Mapping[str, Any]) -> str:
    """SHA-256 of the description and the arrays with their names; in earlier formats, of the arrays alone."""
    sha = hashlib.sha256()
    named = spec["format"] > 2
    if named:
        told = {key: value for key, value in spec.items() if key != "sha256"}
        sha.update(json.dumps(told, sort_keys=True, allow_nan=False).encode())
    for name in (*THETAS, *INPUT, *TARGET):
        if name in arrays:
            sha.update(name.encode() * named)
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


def load_network(directory: Path) -> SavedNetwork:
    """The network file of a directory; raises TrackingError for a file that is missing, unreadable or changed."""
    directory = Path(directory)
    spec = read_spec(directory / SPEC)
    arrays = _read_arrays(directory / WEIGHTS, spec)
    shift, scale = (arrays.get(name) for name in INPUT)
    weights = {LAST: arrays["theta"]}
    described = spec.get("weights") or {}
    if described.get(BEST) is not None:
        both = {"theta": arrays["theta"], **{name: arrays[name] for name in THETAS[1:] if name in arrays}}
        weights = {name: both.get(f"theta_{name}", both["theta"]) for name in (LAST, BEST)}
    return SavedNetwork(
        spec=spec,
        weights=weights,
        scaling=InputScaling(shift, scale[()] if scale is not None and scale.ndim == 0 else scale),
        target_scaling=TargetScaling(*(arrays[name] for name in TARGET)) if TARGET[0] in arrays else None,
        columns=columns_of(spec, str(directory / SPEC)),
    )


def _read_arrays(path: Path, spec: Mapping[str, Any]) -> dict[str, Array]:
    """The arrays of the file, held to the description and its digest."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            known = (*THETAS, *INPUT, *TARGET)
            arrays = {name: np.asarray(archive[name]) for name in known if name in archive.files}
        arrays["theta"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise TrackingError(
            f"the weights {str(path)!r} cannot be read: {one_line(error)}; save the model again"
        ) from error
    _refuse_shapes(arrays, spec, f"of {str(path)!r}")
    digest, wanted = _digest(arrays, spec), str(spec.get("sha256"))
    if digest != wanted:
        raise TrackingError(f"the weights {str(path)!r} were changed: SHA-256 {digest[:12]}..., not {wanted[:12]}...")
    return arrays


def _refuse_shapes(arrays: Mapping[str, Array], spec: Mapping[str, Any], where: str) -> None:
    """Raise TrackingError for arrays that do not fit the sizes of the description."""
    n_0, n_L = spec["sizes"][0], spec["sizes"][-1]
    P = (count_parameters(spec["sizes"]),)
    for name, array in arrays.items():
        dtype = spec["dtype"] if name in THETAS else "float64"
        shapes = [P] if name in THETAS else [(), (n_0,)] if name in INPUT else [(n_L,)]
        if array.shape not in shapes or array.dtype != dtype:
            raise TrackingError(
                f"{name} {where} is {array.shape} {array.dtype}, but {SPEC} says {shapes[-1]} {dtype}, "
                f"for sizes {spec['sizes']!r}"
            )
    if len([name for name in TARGET if name in arrays]) == 1:
        raise TrackingError(f"the weights {where} hold one of {' and '.join(TARGET)}; they go together")
