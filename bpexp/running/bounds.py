"""The size of a run, computed before anything is allocated: parameters, updates, and bytes against free memory."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from bpexp.config.groups import GROUPS
from bpexp.config.limits import raised
from bpexp.config.schema import Config
from bpexp.data import DataSet, Raw
from bpexp.data.dataset import Loader
from bpexp.data.scaling import stays_bytes
from bpexp.errors import ConfigError
from bpexp.gradients.method import GradientMethod
from bpexp.nn.arrays import DTYPES
from bpexp.nn.network import count_parameters
from bpexp.running.memory import GIB, free_memory
from bpexp.training.evaluation import PIECE

VECTORS = 6
"""Vectors (P,) of a run, beside those of its optimizer: theta, its gradient, the best epoch's, and two of the step."""

ARRAYS = 6
"""Arrays (n_l, B) of each layer: z, a, slope and delta of a pass, and what an activation needs for a moment."""

EIGHT = np.dtype(np.float64).itemsize


def refuse_made(config: Config) -> None:
    """Raise ConfigError for a data set that is made, whose samples need more memory than there is."""
    loader: Loader = GROUPS["data"].build(config.data)
    if loader.values:
        _refuse_memory(config, EIGHT * loader.values, f"data={config.data.get('name')}: the samples")


def refuse_prepared(config: Config, raw: Raw) -> None:
    """Raise ConfigError for data whose scaled inputs and one-hot targets need more memory than there is."""
    samples = len(raw.X) + (len(raw.test[0]) if raw.test is not None else 0)
    outputs = len(raw.classes) if raw.task == "classification" and config.data.get("one_hot", True) else 1
    targets, inputs, number = max([outputs, *raw.y.shape[1:]]), raw.X.shape[1], DTYPES[config.dtype].itemsize
    kept = 1 if stays_bytes(raw, config.data.get("scaling", "auto")) else number
    size, width = samples * (targets * number + inputs * kept), inputs + targets
    _refuse_memory(config, size, f"data={config.data.get('name')}: {samples} samples of {width} inputs and targets")


def refuse_network(config: Config, data: DataSet, method: GradientMethod) -> None:
    """Raise ConfigError for a network of too many parameters, or a run of too many updates or bytes."""
    sizes, limits = [data.n_inputs, *config.model.widths, data.n_outputs], config.limits
    number = count_parameters(sizes)
    if number > limits.parameters:
        told = f"model: the network has {number} parameters, more than {limits.parameters}"
        raise ConfigError(f"{told}; {raised('parameters', number)}")
    batch = _batch(config, data)
    updates = config.epochs * math.ceil(len(data.train) / max(batch, 1))
    if updates > limits.updates:
        told = f"epochs={config.epochs} are {updates} updates, more than {limits.updates}"
        raise ConfigError(f"{told}; {raised('updates', updates)}")
    columns = _columns(batch, data)
    _refuse_memory(
        config, _network_memory(config, data, method), f"model: {number} parameters and batches of {columns}"
    )


def job_memory(config: Config, data: DataSet) -> int:
    """Bytes of the arrays of a run on data like these: its scaled inputs and targets, and its network."""
    shared = {id(part.X): part.X.nbytes + part.Y.nbytes for part in (data.train, data.test) if part is not None}
    return sum(shared.values()) + _network_memory(config, data, GROUPS["gradient"].build(config.gradient))


def _network_memory(config: Config, data: DataSet, method: GradientMethod) -> int:
    """Bytes of the vectors, the arrays of the layers and the method of a run."""
    sizes = [data.n_inputs, *config.model.widths, data.n_outputs]
    batch = _batch(config, data)
    vectors = VECTORS + len(GROUPS["optimizer"].build(config.optimizer).memory)
    drawn = max(n_out * n_in for n_in, n_out in pairwise(sizes))  # the largest matrix, as its random numbers
    arrays = ARRAYS * sum(sizes) * _columns(batch, data)
    numbers = vectors * count_parameters(sizes) + arrays + method.numbers(sizes, batch)
    return int(DTYPES[config.dtype].itemsize * numbers + 2 * EIGHT * drawn)


def _batch(config: Config, data: DataSet) -> int:
    """Samples of a step."""
    return min(len(data.train), len(data.train) if config.batch_size == "full" else config.batch_size)


def _columns(batch: int, data: DataSet) -> int:
    """Samples that pass through the network at once."""
    return max(batch, min(PIECE, len(data.train)))


def _refuse_memory(config: Config, size: int, what: str) -> None:
    """Raise ConfigError for `size` bytes where limits.memory, or the machine, has fewer."""
    declared = config.limits.memory
    there = free_memory() if declared is None else declared * GIB
    if size > there:
        have = "are free" if declared is None else "are allowed by limits.memory"
        key = raised("memory", math.ceil(size / GIB))
        raise ConfigError(f"{what} need {_gib(size)} of memory, and {_gib(there)} {have}; make them smaller, or {key}")


def _gib(size: float) -> str:
    return f"{size / GIB:.3g} GiB"
