"""The one array type of the mathematics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""Any NumPy array; the mathematics is written for float32, float64 and, where it is analytic, complex128."""

DTYPES = {"float32": np.float32, "float64": np.float64}
"""What `dtype` may say: float32 to train, float64 to check gradients."""
