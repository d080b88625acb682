"""The scaling of a network's inputs and targets, applied alike to training data and to rows for prediction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpexp.nn.arrays import Array

CHUNK = 4096
"""Rows that are scaled at once, to keep the float64 copies small."""


@dataclass(frozen=True, slots=True, eq=False)
class InputScaling:
    """(x - shift) / scale for rows x (N, n_0).

    Args:
        shift: (n_0,) in float64, or None to leave it out.
        scale: (n_0,) in float64, one number for all columns, or None to leave it out.

    With a shift the arithmetic is done in float64 and cast; without one, as for the bytes of an image, the rows are
    cast first and divided in their own type.
    """

    shift: Array | None = None
    scale: Array | None = None

    def apply(self, X: Array, dtype: np.dtype[np.generic]) -> Array:
        """The scaled rows (N, n_0) as a new array of `dtype`; an overflow gives infinity."""
        out = np.empty(X.shape, dtype=dtype)
        with np.errstate(over="ignore"):
            for start in range(0, len(X), CHUNK):
                rows = slice(start, start + CHUNK)
                if self.shift is None:
                    out[rows] = X[rows]
                    if self.scale is not None:
                        out[rows] /= self.scale.astype(dtype)
                else:
                    out[rows] = (X[rows] - self.shift) / self.scale
        return out


@dataclass(frozen=True, slots=True, eq=False)
class TargetScaling:
    """(y - shift) / scale for the targets y (N, n_L) of a regression, and its inverse for outputs; both in float64.

    Args:
        shift: (n_L,) in float64.
        scale: (n_L,) in float64, above 0.
    """

    shift: Array
    scale: Array

    def apply(self, y: Array) -> Array:
        """The scaled targets (N, n_L)."""
        return np.asarray((y - self.shift) / self.scale)

    def undo(self, a: Array) -> Array:
        """scale * a + shift: outputs (N, n_L) in the units of the data."""
        return np.asarray(a.astype(np.float64) * self.scale + self.shift)
