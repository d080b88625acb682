"""From functions of Python to machine code for this computer, compiled by Numba and kept on disk.

The loop over the steps is compiled once for a dtype. It calls what a run declares, its activations, loss and optimizer,
by address, so that another choice has nothing but itself compiled. BLAS is that of SciPy, by the interface that SciPy
documents for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import cfunc, njit, types
from numba.extending import get_cython_function_address, intrinsic

from bpexp.nn.arrays import Array


@intrinsic
def call(_: Any, address: Any, arguments: Any) -> Any:
    """Call the function at an address with a tuple of numbers, addresses among them; it returns nothing."""

    def generate(context: Any, builder: Any, _: Any, values: Any) -> Any:
        found = [builder.extract_value(values[1], i) for i in range(len(arguments))]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in found])
        builder.call(builder.inttoptr(values[0], kind.as_pointer()), found)
        return context.get_dummy_value()

    return types.void(address, arguments), generate


@intrinsic
def address_of(_: Any, array: Any, start: Any) -> Any:
    """Where the numbers of an array lie from `start` on; as a function that is inlined it would be slow to compile."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = context.make_array(array)(context, builder, values[0]).data
        size = context.get_constant(types.intp, array.dtype.bitwidth // 8)
        return builder.add(builder.ptrtoint(data, size.type), builder.mul(values[1], size))

    return types.intp(array, types.intp), generate


@intrinsic
def numbers(_: Any, address: Any, like: Any) -> Any:
    """The numbers at an address, of the type of those of an array: p[i] without a check, and without an owner."""
    pointer = types.CPointer(like.dtype)

    def generate(context: Any, builder: Any, _: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], context.get_value_type(pointer))

    return pointer(address, like), generate


class Made(NamedTuple):
    """What Numba made of a function; whether it was found on disk, and whether it lies there now."""

    native: Any
    found: bool
    kept: bool


def address(function: Callable[..., None], dtype: np.dtype[Any], arrays: int, integers: int, floats: int = 0) -> Made:
    """A function of arrays, given by their addresses, then integers, then floats in float64."""
    real = types.float32 if dtype == np.float32 else types.float64
    kinds = [types.CPointer(real)] * arrays + [types.intp] * integers + [types.float64] * floats
    return _callback(function, types.void(*kinds))


@lru_cache(maxsize=256)
def _callback(function: Callable[..., None], signature: Any) -> Made:
    try:
        made = cfunc(signature, cache=True, error_model="numpy")(function)
    except Exception:  # the cache is damaged, or cannot be written; a mistake in the function is raised again here
        return Made(cfunc(signature, error_model="numpy")(function), False, False)
    return Made(made, bool(made.cache_hits), True)


@lru_cache(maxsize=8)
def function(code: Callable[..., Any], *, kept: bool) -> Any:
    """A function that is compiled when it is first called with arguments of new types; other threads go on meanwhile.

    With `kept` it is looked up, and kept, on disk.
    """
    return njit(cache=kept, nogil=True, error_model="numpy")(code)


def gemm(dtype: np.dtype[Any]) -> int:
    """The address of BLAS' product of two matrices in this dtype."""
    return int(get_cython_function_address("scipy.linalg.cython_blas", "sgemm" if dtype == np.float32 else "dgemm"))


def place(array: Array) -> int:
    """Where the numbers of an array lie."""
    return int(array.ctypes.data)
