"""From functions of Python to machine code for this computer, compiled by Numba and kept on disk.

The loop over the steps is compiled once for a dtype. It calls what a run declares, its activations, loss and optimizer,
by address, so that another choice has nothing but itself compiled. BLAS is that of SciPy, by the interface that SciPy
documents for it.
"""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from llvmlite import binding, ir
from numba import cfunc, config, njit, types
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


OURS = "bpexp."

DISABLED = bool(config.DISABLE_JIT)
"""Whether the environment has Numba compile nothing."""

NO_FOLDER = "its folder is damaged or cannot be written to, and NUMBA_CACHE_DIR names another one"

USES_MORE = "a form of a plug-in is kept if it uses no names but its arguments, math and numpy"


class Made(NamedTuple):
    """What Numba made of a function; whether it was there before, in memory or on disk, and why it is not kept."""

    native: Any
    found: bool
    unkept: str = ""


def compiled(function: Callable[..., None], dtype: np.dtype[Any], arrays: int, integers: int, floats: int = 0) -> Made:
    """A function of arrays, given by their addresses, then integers, then floats in float64."""
    real = types.float32 if dtype == np.float32 else types.float64
    kinds = [types.CPointer(real)] * arrays + [types.intp] * integers + [types.float64] * floats
    before = _callback.cache_info().misses
    made = _callback(function, types.void(*kinds))
    return made if _callback.cache_info().misses > before else Made(made.native, True, made.unkept)


@lru_cache(maxsize=256)
def _callback(function: Callable[..., None], signature: Any) -> Made:
    if not _is_whole(function):
        return Made(cfunc(signature, error_model="numpy")(function), False, USES_MORE)
    try:
        made = cfunc(signature, cache=True, error_model="numpy")(_named(function, str(signature)))
    except Exception:  # the cache is damaged, or cannot be written; a mistake in the function is raised again here
        return Made(cfunc(signature, error_model="numpy")(function), False, NO_FOLDER)
    return Made(made, bool(made.cache_hits))


@lru_cache(maxsize=32)
def function(code: Callable[..., Any], kinds: str, *, kept: bool) -> Any:
    """A function for arguments of some types, compiled when it is first called; other threads go on meanwhile.

    With `kept` it is looked up, and kept, on disk.
    """
    return njit(cache=kept, nogil=True, error_model="numpy")(_named(code, kinds))


def _is_whole(function: Callable[..., None]) -> bool:
    """Whether its machine code depends on its own source alone, all that Numba compares with what lies on disk.

    A number of another cell of a notebook, or a function in another file, may have changed meanwhile.
    """
    if (function.__module__ or "").startswith(OURS):
        return True
    used = inspect.getclosurevars(function)
    return not used.nonlocals and all(found is math or found is np for found in used.globals.values())


@lru_cache(maxsize=1)
def _sources() -> bytes:
    """The source of this package, as it was when the first of its functions was compiled."""
    return b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))


def _named(code: Callable[..., Any], kinds: str) -> Callable[..., Any]:
    """A copy under a name of its own for some types, this processor and this package.

    Numba keeps all that bears a name in one index: two processes that add to it at once may give two types the same
    file, of which one then runs the code of the other. Nor does it see that what a function uses of another file, as an
    intrinsic of this module or an exponential, changed.
    """
    what = f"{kinds} {binding.get_host_cpu_name()}".encode() + _sources()
    twin = FunctionType(code.__code__, code.__globals__, code.__name__, code.__defaults__, code.__closure__)
    twin.__qualname__ = f"{code.__qualname__}_{hashlib.sha256(what).hexdigest()[:12]}"
    return twin


def gemm(dtype: np.dtype[Any]) -> int:
    """The address of BLAS' product of two matrices in this dtype."""
    return int(get_cython_function_address("scipy.linalg.cython_blas", "sgemm" if dtype == np.float32 else "dgemm"))


def place(array: Array) -> int:
    """Where the numbers of an array lie."""
    return int(array.ctypes.data)
