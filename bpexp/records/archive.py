"""Nested plain values and NumPy arrays as bytes: an NPZ archive that is not compressed, in which nothing is pickled.

Plain values are None, texts, booleans and numbers, in lists and in mappings whose keys are texts; a tuple comes back as
a list. They are kept as JSON in the array `json`. Numbers come back with all their digits, NaN and infinities included.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np

from bpexp.nn.arrays import Array

JSON = "json"
ARRAY, SCALAR = "array of the archive", "number of the archive"
"""The only key of a mapping that stands for an array, and for a number of NumPy."""

UNREADABLE = (ValueError, KeyError, TypeError, EOFError, OSError, MemoryError, RecursionError, zipfile.BadZipFile)
"""What `unpacked` raises for bytes that are no such archive."""


def packed(content: dict[str, Any]) -> bytes:
    """Mapping to bytes; raises TypeError, with the place, for what is neither a plain value nor an array."""
    arrays: dict[str, Array] = {}
    plain = _without_arrays(content, arrays, "")
    text = json.dumps(plain, separators=(",", ":")).encode()
    buffer = io.BytesIO()
    np.savez(buffer, **{JSON: np.frombuffer(text, np.uint8)}, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _without_arrays(node: Any, arrays: dict[str, Array], where: str) -> Any:
    """The plain values, with a name in place of each array, which is added to `arrays`."""
    if isinstance(node, np.ndarray | np.generic) and not node.dtype.hasobject:
        name = f"a{len(arrays)}"
        arrays[name] = np.asarray(node)
        return {ARRAY if isinstance(node, np.ndarray) else SCALAR: name}
    if isinstance(node, dict) and all(isinstance(key, str) and key not in (ARRAY, SCALAR) for key in node):
        return {key: _without_arrays(value, arrays, f"{where}.{key}".lstrip(".")) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_without_arrays(value, arrays, f"{where}[{i}]") for i, value in enumerate(node)]
    if node is None or type(node) in (bool, int, float, str):
        return node
    raise TypeError(f"{where} is {type(node).__name__} {str(node)[:40]!r}, neither a plain value nor an array")


def unpacked(payload: bytes) -> dict[str, Any]:
    """Bytes to mapping; raises one of UNREADABLE. No more memory is taken than the bytes promise to fill."""
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("its archive is compressed")
        if sum(entry.file_size for entry in entries) > len(payload):
            raise ValueError("its archive claims to be larger than the file")
    with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    content = _with_arrays(json.loads(arrays[JSON].tobytes()), arrays)
    if not isinstance(content, dict):
        raise ValueError("it holds no mapping")
    return content


def _with_arrays(node: Any, arrays: dict[str, Array]) -> Any:
    if isinstance(node, list):
        return [_with_arrays(value, arrays) for value in node]
    if not isinstance(node, dict):
        return node
    if node.keys() == {ARRAY}:
        return arrays[node[ARRAY]]
    if node.keys() == {SCALAR}:
        return arrays[node[SCALAR]][()]
    return {key: _with_arrays(value, arrays) for key, value in node.items()}
