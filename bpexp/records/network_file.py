"""The network file of a run: network.npz holds the arrays, network.json describes them; nothing is pickled.

Every saved MLflow model contains a copy of this module, of `network_spec`, `schema`, `predictor`, of `bpexp.files` and
`bpexp.nn`, so they import nothing else of bpexp.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import bpexp
from bpexp.errors import RecordError
from bpexp.files.npy import Header
from bpexp.files.npz import open_npz
from bpexp.files.plain_json import parse_json
from bpexp.files.whole import write_whole, writing_whole
from bpexp.nn.arrays import Array
from bpexp.nn.columns import Columns
from bpexp.nn.network import count_parameters
from bpexp.nn.scaling import InputScaling, TargetScaling
from bpexp.records.network_spec import BEST, FORMAT, LAST, SPEC, check_functions, columns_of, read_spec, validate_spec
from bpexp.records.schema import shown

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

    Raises RecordError for a spec that is incomplete or does not fit theta.
    """
    described = {key: value for key, value in spec.items() if key not in ("scaling", "target_scaling")}
    if described.get("columns") is not None:
        described["columns"] = described["columns"].to_spec()
    where = repr(str(directory / SPEC))
    validate_spec(described, where)
    arrays = {"theta": theta, **_scaling_arrays(spec)}
    if other is not None:
        arrays[_other(described)] = other
    _refuse_shapes(arrays, described, f"in {str(directory)!r}")
    layers = [[[n, m], [n, 1]] for m, n in pairwise(described["sizes"])]  # of W and b
    described |= {"format": FORMAT, "shapes": layers, "bpexp": bpexp.__version__}
    described["sha256"] = _digest(arrays, described, where)
    text = json.dumps(described, indent=2, sort_keys=True, allow_nan=False).encode()
    parse_json(text, where, error=RecordError)  # nothing is written that would not be read
    directory.mkdir(parents=True, exist_ok=True)
    with writing_whole(directory / WEIGHTS, durable=True) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    write_whole(directory / SPEC, text, durable=True)


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


def _digest(arrays: Mapping[str, Array], spec: Mapping[str, Any], where: str) -> str:
    """SHA-256 of the description and the arrays with their names; in earlier formats, of the arrays alone."""
    sha = hashlib.sha256()
    named = spec["format"] > 2
    if named:
        told = {key: value for key, value in spec.items() if key != "sha256"}
        try:
            sha.update(json.dumps(told, sort_keys=True, allow_nan=False).encode())
        except ValueError as error:
            raise RecordError(f"{where}: found a number that is not finite; expected numbers of JSON") from error
    for name in (*THETAS, *INPUT, *TARGET):
        if name in arrays:
            sha.update(name.encode() * named)
            sha.update(arrays[name].tobytes())
    return sha.hexdigest()


def load_network(directory: Path) -> SavedNetwork:
    """The network file of a directory; raises RecordError for a file that is missing, unreadable or changed."""
    directory = Path(directory)
    spec, where = read_spec(directory / SPEC), repr(str(directory / SPEC))
    arrays = _read_arrays(directory / WEIGHTS, spec, where)
    check_functions(spec, where)
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
        columns=columns_of(spec, where),
    )


def _read_arrays(path: Path, spec: Mapping[str, Any], described: str) -> dict[str, Array]:
    """The arrays of the file, each held to the description before it is read, and all to its digest."""
    with open_npz(path, error=RecordError) as archive:
        known = [name for name in (*THETAS, *INPUT, *TARGET) if name in archive.names or name == "theta"]
        _refuse_shapes({name: archive.header(name, "f") for name in known}, spec, f"of {str(path)!r}")
        arrays = {name: archive.read(name, "f") for name in known}
    _refuse_scales(arrays, repr(str(path)))
    digest, wanted = _digest(arrays, spec, described), str(spec.get("sha256"))
    if digest != wanted:
        files = f"the weights {str(path)!r}" + f" or {SPEC} beside them" * (spec["format"] > 2)
        raise RecordError(f"{files} were changed: SHA-256 {digest[:12]}..., not {wanted[:12]}...")
    return arrays


def _refuse_shapes(arrays: Mapping[str, Array | Header], spec: Mapping[str, Any], where: str) -> None:
    """Raise RecordError for arrays that do not fit the sizes of the description."""
    n_0, n_L = spec["sizes"][0], spec["sizes"][-1]
    P = (count_parameters(spec["sizes"]),)
    for name, array in arrays.items():
        dtype = spec["dtype"] if name in THETAS else "float64"
        shapes = [P] if name in THETAS else [(), (n_0,)] if name in INPUT else [(n_L,)]
        if array.shape not in shapes or array.dtype != dtype:
            raise RecordError(
                f"{name} {where} is {array.shape} {array.dtype}, but {SPEC} says {shapes[-1]} {dtype}, "
                f"for sizes {shown(spec['sizes'])}"
            )
    for shift, scale in (INPUT, TARGET):
        alone = (shift in arrays) != (scale in arrays)
        if alone and not (scale in INPUT and scale in arrays):  # bytes are scaled, and not shifted
            raise RecordError(f"the weights {where} hold one of {shift} and {scale}; they go together")


def _refuse_scales(arrays: Mapping[str, Array], where: str) -> None:
    """Raise RecordError for scales that nothing can be divided by, and shifts that are not finite."""
    for name in (*INPUT, *TARGET):
        if name in arrays and not (np.isfinite(arrays[name]).all() and ("shift" in name or (arrays[name] > 0).all())):
            wanted = "finite numbers" if "shift" in name else "finite numbers above 0"
            raise RecordError(f"{where}: {name}: found {shown(arrays[name].tolist())}; expected {wanted}")
