"""Inputs for training: scaled once, or bytes that are scaled when they are read; shared by parts and by runs.

Images stay the bytes that they are, and each batch is divided as it is gathered (`bpexp.data.dataset.Part.inputs`): of
60 000 images only a quarter of the memory is read, and held. The numbers are those of the scaled array, bit for bit.
What has a shift, or comes as anything but bytes, is scaled once.
"""

from __future__ import annotations

import threading
import weakref
from typing import Literal, NamedTuple

import numpy as np

from bpexp.data.dataset import Raw
from bpexp.errors import ConfigError, DataError
from bpexp.nn.arrays import DTYPES, Array
from bpexp.nn.scaling import CHUNK, InputScaling, TargetScaling

Scaling = Literal["auto", "none", "unit", "standardize"]
TargetChoice = Literal["auto", "none", "standardize"]


class Inputs(NamedTuple):
    """The inputs of all samples, read-only; as in `bpexp.data.dataset.Part`, bytes where there is a divisor."""

    X: Array
    test: Array | None
    """Those of the official test set."""
    scaling: InputScaling
    """What turns raw rows into inputs."""
    divisor: float | None = None


_latest: weakref.WeakKeyDictionary[Raw, tuple[tuple[bool, str], Inputs]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def scaled(raw: Raw, scaling: Scaling = "auto", dtype: str = "float32", *, rows: Array | None = None) -> Inputs:
    """The inputs (N, n_0) of `raw` and of its official test set, in `dtype` where they are no bytes.

    A result that does not depend on `rows` is kept as long as `raw` exists, so runs with other seeds share it.

    Args:
        raw: the data.
        scaling: none: X. auto: X / 255 for bytes, X / full_scale where the data set declares one, else as
            standardize for a table, else X. unit: as auto where the full scale is known, else
            (X - minimum) / (maximum - minimum). standardize: (X - mean) / (standard deviation). A constant column
            becomes 0; the inputs of a table's categories stay 0 and 1.
        dtype: of the result.
        rows: the training rows, from which the statistics of unit and standardize are computed; None for all.

    Raises ConfigError for an unknown scaling or dtype, DataError for an input that is not finite in `dtype`.
    """
    if scaling not in ("auto", "none", "unit", "standardize"):
        raise ConfigError(f"scaling must be one of auto, none, unit, standardize, not {scaling!r}")
    if dtype not in ("float32", "float64"):
        raise ConfigError(f"dtype must be one of float32, float64, not {dtype!r}")
    full = full_scale(raw)
    standardized = standardizes(raw, scaling)
    if standardized or (scaling == "unit" and full is None):
        return _apply(raw, dtype, _fitted(raw, raw.X if rows is None else raw.X[rows], standardized))
    divide = scaling != "none" and full is not None
    key = (divide, dtype)
    with _lock:  # threads that train on the same data share one array
        known = _latest.get(raw)
        if known is None or known[0] != key:
            how = InputScaling(None, np.asarray(full, dtype=np.float64) if divide else None)
            known = _latest[raw] = (key, _as_bytes(raw, how) if is_bytes(raw) else _apply(raw, dtype, how))
    return known[1]


def _fitted(raw: Raw, train: Array, standardized: bool) -> InputScaling:
    """The scaling by the statistics of the training rows; raises DataError where these overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        shift, scale = _moments(train) if standardized else _range(train)
    if raw.columns is not None:
        number = raw.columns.is_number
        shift, scale = np.where(number, shift, 0.0), np.where(number, scale, 1.0)
    if _first_wrong(train) is None and not np.isfinite([shift, scale]).all():
        what = "a standard deviation" if standardized else "their range"
        raise DataError(f"{raw.source}: the inputs are too large for {what}; use data.scaling=none")
    return InputScaling(shift, scale)


def stays_bytes(raw: Raw, scaling: Scaling) -> bool:
    """Whether the inputs are kept as bytes and scaled when they are read."""
    return is_bytes(raw) and not standardizes(raw, scaling)


def is_bytes(raw: Raw) -> bool:
    """Whether all inputs come as bytes."""
    return all(X.dtype == np.uint8 for X in (raw.X, *(raw.test or ())[:1]))


def target_scaling_of(raw: Raw, choice: TargetChoice, rows: Array) -> TargetScaling | None:
    """The declared scaling of the targets, from the training rows; None where they are left as they are.

    A constant target becomes 0. Raises ConfigError for an unknown choice, and for standardize where targets are
    classes; DataError for targets beyond 1e154.
    """
    if choice not in ("auto", "none", "standardize"):
        raise ConfigError(f"target_scaling must be one of auto, none, standardize, not {choice!r}")
    if raw.task == "classification":
        if choice == "standardize":
            raise ConfigError("target_scaling='standardize' is for the targets of a regression, and these are classes")
        return None
    if choice == "none" or (choice == "auto" and not raw.tabular):
        return None
    check_finite(raw.y, "target")
    with np.errstate(over="ignore"):
        shift, scale = _moments(raw.y[rows])
    if not np.isfinite(scale).all():
        raise DataError(f"{raw.source}: the targets are too large for a standard deviation; use target_scaling=none")
    return TargetScaling(shift, scale)


def standardizes(raw: Raw, scaling: Scaling) -> bool:
    """Whether the declared scaling standardizes these data."""
    return scaling == "standardize" or (scaling == "auto" and raw.tabular and full_scale(raw) is None)


def full_scale(raw: Raw) -> float | None:
    """The largest value that an input can take; None where that is not known."""
    if raw.full_scale is not None:
        return raw.full_scale
    return 255.0 if raw.X.dtype == np.uint8 else None


def _moments(X: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of each column in float64; 1 for the deviation of a constant column."""
    low, span = _range(X)
    mean = X.mean(axis=0, dtype=np.float64)
    total = np.zeros_like(mean)
    for start in range(0, len(X), CHUNK):  # X.std would make a float64 copy of X
        total += ((X[start : start + CHUNK] - mean) ** 2).sum(axis=0)
    # Rounding gives a constant column a deviation of 1e-17 instead of 0, so constant columns are found by their range.
    constant = X.min(axis=0) == X.max(axis=0)
    deviation = np.sqrt(total / len(X))
    return np.where(constant, low, mean), np.where(constant | (deviation == 0), span, deviation)


def _range(X: Array) -> tuple[Array, Array]:
    """Minimum and range of each column in float64; 1 for the range of a constant column."""
    low = X.min(axis=0).astype(np.float64)
    span = X.max(axis=0).astype(np.float64) - low
    return low, np.where(span == 0, 1.0, span)


def _as_bytes(raw: Raw, how: InputScaling) -> Inputs:
    """The inputs as they are, to be divided when they are read."""
    X, test = raw.X.view(), None if raw.test is None else raw.test[0].view()
    for array in (X,) if test is None else (X, test):
        array.flags.writeable = False
    return Inputs(X, test, how, 1.0 if how.scale is None else float(how.scale))


def _apply(raw: Raw, dtype: str, how: InputScaling) -> Inputs:
    """The scaled inputs."""
    test = None if raw.test is None else _scaled(raw.test[0], dtype, how, " of the test set")
    return Inputs(_scaled(raw.X, dtype, how, ""), test, how)


def _scaled(X: Array, dtype: str, how: InputScaling, where: str) -> Array:
    out = how.apply(X, DTYPES[dtype])
    check_finite(out, f"input{where} in {dtype}")
    out.flags.writeable = False
    return out


def check_finite(A: Array, what: str) -> None:
    """Raise DataError for NaN and infinity in A (N, n), naming the first place."""
    if (place := _first_wrong(A)) is None:
        return
    row, column = place
    raise DataError(
        f"{what}: row {row}, column {column} is {float(A[row, column])!r}; expected finite numbers, "
        "so remove or fill in such samples"
    )


def _first_wrong(A: Array) -> tuple[int, int] | None:
    """Row and column of the first number of A (N, n) that is not finite."""
    for start in range(0, len(A) if A.dtype.kind == "f" else 0, CHUNK):
        finite = np.isfinite(A[start : start + CHUNK])
        if not finite.all():
            row, column = (int(i) for i in np.argwhere(~finite)[0])
            return start + row, column
    return None
