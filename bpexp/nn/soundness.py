"""What a function of a layer must do whoever wrote it, tried out before a network uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpexp.errors import ConfigError
from bpexp.nn.activations import Activation
from bpexp.nn.outputs import JointOutput, Output


def refuse_unsound(made: Any, what: str, dtype: str) -> Output:
    """The function of a layer; raises ConfigError, which begins with `what`, unless it does what every one must.

    f, and f' where there is one, return an array of the shape of z, of real numbers, of which not all are NaN. They
    leave z as it is, and give the same values where they are given a buffer `out`.
    """
    if not isinstance(made, Activation | JointOutput):
        raise ConfigError(f"{what} makes {made!r}, which is no Activation")
    functions = {"f": made.f} | ({"df": made.df} if isinstance(made, Activation) else {})
    for name, function in functions.items():
        _refuse(function, f"{what}: {name}(z)", np.linspace(-2, 2, 6, dtype=dtype).reshape(2, 3))
    return made


def _refuse(function: Callable[..., Any], what: str, z: Any) -> None:
    given, buffer = z.copy(), np.full_like(z, np.nan)
    with np.errstate(all="ignore"):
        value = function(given)
        kept = np.array(value) if isinstance(value, np.ndarray) else value
        again = function(given, out=buffer)
    for found in (kept, again):
        if not isinstance(found, np.ndarray) or found.shape != z.shape or found.dtype.kind != "f":
            told = f"an array {found.shape} of {found.dtype}" if isinstance(found, np.ndarray) else repr(found)
            raise ConfigError(f"{what} of z {z.shape} is {told}, not an array {z.shape} of {z.dtype}")
    if not np.array_equal(given, z):
        raise ConfigError(f"{what} changes z in place; write to `out`, or return a new array")
    if not np.array_equal(kept, again, equal_nan=True):
        raise ConfigError(f"{what} gives other values where it is given a buffer `out`; return what was computed")
    if np.isnan(kept).all():
        raise ConfigError(f"{what} is NaN at every z from -2 to 2")
