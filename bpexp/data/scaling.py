"""Inputs in the training dtype: scaled once, read-only, shared by the parts of a split and by runs of other seeds.

Why once and not when a batch is gathered, in us a batch of 784 inputs (`python -m tests.data.measure`):

    data        B     gather float32    gather uint8, then scale
    1 000       32    3                 8
    1 000       128   10                27
    5 000       32    6                 8
    5 000       128   24                27
    60 000      32    11                11
    60 000      128   42                37

The two are about level beside a step of 80-300 us, so what decides is that every reader of the data sees one array
that is ready. It costs 188 MB beside the 47 MB of the 60 000 images, and 0.04-0.5 s, once for all seeds.
"""

from __future__ import annotations

import threading
import weakref
from typing import Literal

import numpy as np

from bpexp.data.dataset import Raw
from bpexp.errors import ConfigError, DataError
from bpexp.nn.arrays import DTYPES, Array
from bpexp.nn.scaling import CHUNK, InputScaling

Scaling = Literal["auto", "none", "unit", "standardize"]
_Scaled = tuple[Array, Array | None, InputScaling]
_latest: weakref.WeakKeyDictionary[Raw, tuple[tuple[bool, str], _Scaled]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def scaled(raw: Raw, scaling: Scaling = "auto", dtype: str = "float32", *, rows: Array | None = None) -> _Scaled:
    """Inputs (N, n_0) of `raw` and of its official test set, scaled, in `dtype`, read-only; and how they were scaled.

    none: as they are. auto: bytes / 255 (or the data set's full scale), floats as they are. unit: bytes as in auto,
    floats from [minimum, maximum] to [0, 1]. standardize: (X - mean) / standard deviation. The statistics of the
    last two are those of `rows`, the training rows; a constant column becomes 0.

    A result that depends on no rows is kept for as long as `raw` lives, so another seed gets it for nothing.
    """
    if scaling not in ("auto", "none", "unit", "standardize"):
        raise ConfigError(f"scaling must be one of auto, none, unit, standardize, not {scaling!r}")
    if dtype not in ("float32", "float64"):
        raise ConfigError(f"dtype must be one of float32, float64, not {dtype!r}")
    full = _full_scale(raw)
    if scaling == "standardize" or (scaling == "unit" and full is None):
        train = raw.X if rows is None else raw.X[rows]
        shift, scale = _moments(train) if scaling == "standardize" else _range(train)
        return _apply(raw, dtype, InputScaling(shift, scale))
    divide = scaling != "none" and full is not None
    key = (divide, dtype)
    with _lock:  # threads that train on the same data share one array
        known = _latest.get(raw)
        if known is None or known[0] != key:
            how = InputScaling(None, np.asarray(full, dtype=np.float64) if divide else None)
            known = _latest[raw] = (key, _apply(raw, dtype, how))
    return known[1]


def _full_scale(raw: Raw) -> float | None:
    """The largest value that an input can take; None where that is not known."""
    if raw.full_scale is not None:
        return raw.full_scale
    return 255.0 if raw.X.dtype == np.uint8 else None


def _moments(X: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of each column in float64; 1 for the deviation of a constant column."""
    low, span = _range(X)
    mean = X.mean(axis=0, dtype=np.float64)
    total = np.zeros_like(mean)
    for start in range(0, len(X), CHUNK):  # X.std would make a float64 copy of everything
        total += ((X[start : start + CHUNK] - mean) ** 2).sum(axis=0)
    # Rounding gives a constant column a deviation of 1e-17 in place of 0, so constancy is seen in the extremes.
    constant = X.min(axis=0) == X.max(axis=0)
    deviation = np.sqrt(total / len(X))
    return np.where(constant, low, mean), np.where(constant | (deviation == 0), span, deviation)


def _range(X: Array) -> tuple[Array, Array]:
    """Minimum and extent of each column in float64; 1 for the extent of a constant column."""
    low = X.min(axis=0).astype(np.float64)
    span = X.max(axis=0).astype(np.float64) - low
    return low, np.where(span == 0, 1.0, span)


def _apply(raw: Raw, dtype: str, how: InputScaling) -> _Scaled:
    """The inputs and the official test inputs, scaled."""
    test = None if raw.test is None else _scaled(raw.test[0], dtype, how, " of the test set")
    return _scaled(raw.X, dtype, how, ""), test, how


def _scaled(X: Array, dtype: str, how: InputScaling, where: str) -> Array:
    out = how.apply(X, DTYPES[dtype])
    check_finite(out, f"input{where} in {dtype}")
    out.flags.writeable = False
    return out


def check_finite(A: Array, what: str) -> None:
    """Refuse NaN and infinity in A (N, n), naming the first place."""
    if A.dtype.kind in "iub" or np.isfinite(A).all():
        return
    row, column = (int(i) for i in np.argwhere(~np.isfinite(A))[0])
    raise DataError(
        f"{what}: row {row}, column {column} is {float(A[row, column])!r}; expected finite numbers, "
        "so remove or fill in such samples"
    )
