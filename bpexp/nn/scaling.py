"""The scaling of a network's inputs, applied alike to training data and to rows for prediction."""

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
