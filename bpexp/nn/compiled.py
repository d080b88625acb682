"""How an activation takes part in the compiled steps of engine=numba (`bpexp.training.compiled`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """An activation as plain functions that Numba can compile.

    z, a and g are numbers in a row, (rows, n) with samples in rows; p holds `parameters` in the dtype of the network.

    Args:
        forward: forward(z, a, p, rows, n) writes f(z) into a.
        backward: backward(z, g, p, rows, n) multiplies g = dC/da by f'(z), in place.
        error: error(z, y, e, p, rows, n) writes a - y into e, where the activation declares `error`.
        parameters: numbers that the functions need.
    """

    forward: Callable[..., None]
    backward: Callable[..., None]
    error: Callable[..., None] | None = None
    parameters: tuple[float, ...] = ()
