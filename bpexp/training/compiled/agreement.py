"""Whether the compiled form that an activation brings along is the function and the slope that it declares.

Who writes a form writes the function a second time, and a training would tell nobody that it is another one.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from bpexp.errors import ConfigError
from bpexp.nn.activations import Activation
from bpexp.nn.arrays import Array
from bpexp.training.compiled import native

ROWS, UNITS = 16, 8

BETWEEN = np.linspace(-4.03, 4.07, ROWS * UNITS)
"""The z at which both are computed: none of them is a kink of a usual activation."""


def refuse_another(name: str, declared: Activation, dtype: np.dtype[Any]) -> None:
    """Raise ConfigError if the compiled form of an activation does not compute what it declares, at some z."""
    form, z = declared.compiled, BETWEEN.astype(dtype).reshape(ROWS, UNITS)
    assert form is not None
    y, p, unfilled = np.cos(z), np.array([*form.parameters, 0.0], dtype), np.full_like(z, np.nan)
    with np.errstate(all="ignore"):
        _compare(name, "forward", "f(z)", z, _called(form.forward, [z, unfilled, p]), declared.f(z))
        _compare(name, "backward", "g f'(z)", z, _called(form.backward, [z, y, p]), y * declared.df(z))
        if form.error is not None:
            true = declared.f(z) - y if declared.error is None else declared.error(z, y)
            _compare(name, "error", "f(z) - y", z, _called(form.error, [z, y, unfilled, p], writes=2), true)


def _called(code: Any, arrays: Sequence[Array], writes: int = 1) -> Array:
    """What a form leaves in one of its arrays, of which it gets copies."""
    copies = [array.copy() for array in arrays]
    real = ctypes.c_float if copies[0].dtype == np.float32 else ctypes.c_double
    made = native.compiled(code, copies[0].dtype, len(copies), 2)
    made.native.ctypes(*(copy.ctypes.data_as(ctypes.POINTER(real)) for copy in copies), ROWS, UNITS)
    return copies[writes]


def _compare(name: str, form: str, what: str, z: Array, found: Array, true: Array) -> None:
    """Raise ConfigError where half of the digits differ."""
    half = float(np.sqrt(np.finfo(z.dtype).eps))
    close = np.isclose(found, true, rtol=half, atol=half, equal_nan=True)
    if not close.all():
        at = np.unravel_index(np.argmin(close), z.shape)
        raise ConfigError(
            f"the compiled form of activation {name!r} is another function: its {form} gives {found[at]:.6g} for "
            f"{what} at z = {z[at]:.6g}, and the activation {true[at]:.6g}; mend it, or use engine=numpy"
        )
