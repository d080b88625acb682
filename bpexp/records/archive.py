"""Nested plain values and NumPy arrays as bytes: an NPZ archive that is not compressed, in which nothing is pickled.

Plain values are None, texts, booleans and numbers, in lists and in mappings whose keys are texts; a tuple comes back as
a list. They are kept as JSON in the array `json`; a number that JSON does not have is kept as an array.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from typing import Any

import numpy as np

from bpexp.errors import CheckpointError
from bpexp.files.npz import Npz
from bpexp.files.plain_json import parse_json
from bpexp.nn.arrays import Array

JSON = "json"
ARRAY, SCALAR, FLOAT = "array of the archive", "number of the archive", "float of the archive"
"""The only key of a mapping that stands for an array, a number of NumPy, or a float that is not finite."""


def packed(content: dict[str, Any]) -> bytes:
    """Mapping to bytes; raises TypeError, with the place, for what is neither a plain value nor an array."""
    arrays: dict[str, Array] = {}
    plain = _without_arrays(content, arrays, "")
    text = json.dumps(plain, separators=(",", ":"), allow_nan=False).encode()
    buffer = io.BytesIO()
    np.savez(buffer, **{JSON: np.frombuffer(text, np.uint8)}, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _without_arrays(node: Any, arrays: dict[str, Array], where: str) -> Any:
    """The plain values, with a name in place of each array, which is added to `arrays`."""
    if isinstance(node, np.ndarray | np.generic) and not node.dtype.hasobject:
        name = f"a{len(arrays)}"
        arrays[name] = np.asarray(node)
        return {ARRAY if isinstance(node, np.ndarray) else SCALAR: name}
    if isinstance(node, dict) and all(isinstance(key, str) and key not in (ARRAY, SCALAR, FLOAT) for key in node):
        return {key: _without_arrays(value, arrays, f"{where}.{key}".lstrip(".")) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_without_arrays(value, arrays, f"{where}[{i}]") for i, value in enumerate(node)]
    if type(node) is float and not math.isfinite(node):
        return {FLOAT: str(node)}
    if node is None or type(node) in (bool, int, float, str):
        return node
    raise TypeError(f"{where} is {type(node).__name__} {str(node)[:40]!r}, neither a plain value nor an array")


def unpacked(payload: bytes, where: str = "the archive") -> dict[str, Any]:
    """Bytes to mapping; raises CheckpointError, which begins with `where`, for bytes that are no such archive."""
    if not payload.startswith(b"PK\x03\x04"):  # zipfile would look for an archive behind other bytes
        raise CheckpointError(f"{where}: cannot be read: is no zip archive")
    try:
        archive = zipfile.ZipFile(io.BytesIO(payload))
    except Exception as error:  # zipfile raises a dozen types
        raise CheckpointError(f"{where}: cannot be read: {error}") from None
    with archive:
        npz = Npz(archive, len(payload), where, CheckpointError)
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise CheckpointError(f"{where}: the archive is compressed; expected one that is not")
        arrays = {name: npz.read(name, most=len(payload)) for name in npz.names}
    if JSON not in arrays:
        raise CheckpointError(f"{where}: has no array {JSON!r}")
    plain = parse_json(arrays.pop(JSON).tobytes(), where, error=CheckpointError)
    try:
        return dict(_with_arrays(plain, arrays))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{where}: an array is missing or is no array: {error}") from None


def _with_arrays(node: Any, arrays: dict[str, Array]) -> Any:
    if isinstance(node, list):
        return [_with_arrays(value, arrays) for value in node]
    if not isinstance(node, dict):
        return node
    if node.keys() == {ARRAY}:
        return arrays[node[ARRAY]]
    if node.keys() == {SCALAR}:
        return arrays[node[SCALAR]][()]
    if node.keys() == {FLOAT}:
        return float(node[FLOAT])
    return {key: _with_arrays(value, arrays) for key, value in node.items()}
