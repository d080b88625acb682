"""What computes the steps of a run: NumPy, or compiled code where that is declared, or pays.

Compiled steps are `bpexp.training.compiled`, which imports Numba; this module imports them where they are asked for.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from bpexp.config.groups import GROUPS
from bpexp.config.schema import Config
from bpexp.errors import ConfigError
from bpexp.running.outline import Outline, declared_activations
from bpexp.training.trainer import Trainer

if TYPE_CHECKING:
    from bpexp.training.compiled.forms import Declared
    from bpexp.training.compiled.steps import CompiledSteps

Engine = Literal["numpy", "numba"]

INSTALL = "pip install 'bpexp[fast]'"

LARGEST = 4_000_000
"""Multiplications of the largest forward pass of a batch for which `auto` takes compiled steps. Up to it they take 0.02
to 0.8 of NumPy's time, and beyond up to all of it, for then it is the time of the products, which are the same."""

FEWEST = 20_000
"""Updates of the shortest training for which it does: loading what is compiled takes as long as so many steps save."""


def pays(sizes: Sequence[int], B: int, updates: int) -> bool:
    """Whether compiled steps are worth it, for n_0, ..., n_L units, batches of B and a number of updates."""
    weights = sum(n_in * n_out for n_in, n_out in pairwise(sizes))
    return weights * B <= LARGEST and updates >= FEWEST


def engine_of(config: Config, planned: Outline) -> tuple[Engine, str]:
    """The engine of a run, and, where it was left open, a line that says which was taken and why.

    Raises ConfigError where engine=numba cannot be had.
    """
    if config.engine == "numpy" or config.task != "train":
        return "numpy", ""
    if config.engine == "numba":
        if why := _hindrance(config, planned):
            raise ConfigError(f"engine=numba {why}; a new run may use engine=numpy, or engine=auto")
        return "numba", ""
    data = planned.data
    B = len(data.train) if config.batch_size == "full" else int(config.batch_size)
    updates = config.epochs * math.ceil(len(data.train) / B)
    if not pays(planned.network.sizes, B, updates):
        few = f"{updates:,} update{'s' * (updates != 1)}, and compiled steps pay from {FEWEST:,} on"
        large = "a step as large as this is nearly all products of matrices, which compiled steps do not shorten"
        return "numpy", f"engine=auto takes numpy: {few if updates < FEWEST else large}"
    if why := _hindrance(config, planned):
        return "numpy", f"engine=auto takes numpy: numba {why}"
    alone = "; launcher.fuse=auto trains no such runs together" if config.launcher.get("fuse") == "auto" else ""
    return "numba", f"engine=auto takes numba: {updates:,} updates of a small network{alone}"


def _hindrance(config: Config, planned: Outline) -> str:
    """What stands against compiled steps, as the end of a sentence; an empty text for nothing."""
    if why := _unusable():
        return why
    from bpexp.training.compiled.forms import lacking

    optimizer = GROUPS["optimizer"].build(config.optimizer)
    missing = lacking(declared(config), planned.network, planned.head, planned.method, optimizer)
    return f"has no compiled form of {', '.join(missing)}; choose another" if missing else ""


def _unusable() -> str:
    """Why nothing can be compiled here, as the end of a sentence; an empty text where it can."""
    if importlib.util.find_spec("numba") is None:
        return f"is not installed; type: {INSTALL}"
    try:
        from bpexp.training.compiled import native
    except Exception as error:  # what it raises where NumPy, LLVM or a variable of the environment does not suit it
        return f"cannot be imported: {_told(error)}"
    return "compiles nothing while NUMBA_DISABLE_JIT is set; unset it" if native.DISABLED else ""


def _told(error: Exception) -> str:
    """What is wrong, in one line, and where: Numba says at first in which of its stages it found that out."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("Failed in ")]
    place = next((line.rstrip(":") for line in lines[1:] if line.startswith("File ")), "")
    return f"{type(error).__name__}: {lines[0] if lines else ''}{f' ({place})' if place else ''}"


def declared(config: Config) -> Declared:
    """What the network and its head are made of."""
    from bpexp.training.compiled.forms import Declared

    loss = GROUPS["loss"].declared(config.loss)
    return Declared(declared_activations(config), config.output, {"name": loss.name, **loss.own})


def compiled_steps(config: Config, trainer: Trainer) -> CompiledSteps:
    """The steps of a trainer, compiled; raises ConfigError for a form that Numba cannot compile, or that is wrong."""
    from bpexp.training.compiled.steps import CompiledSteps

    try:
        return CompiledSteps(trainer, declared(config))
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"engine=numba cannot compile this network: {_told(error)}") from error


def compiling(compiled: CompiledSteps | None) -> list[str]:
    """What is said of compiling, where anything was compiled."""
    return [f"engine=numba: {compiled.compilation}"] if compiled is not None and compiled.compilation.new else []
