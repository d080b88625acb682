"""The array type and the dtypes of the mathematics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""Any NumPy array. Functions accept float32 and float64 and, if analytic, complex128."""

DTYPES: dict[str, np.dtype[Any]] = {name: np.dtype(name) for name in ("float32", "float64", "complex128")}
"""float32 to train, float64 to check gradients, complex128 for the complex step."""
