"""The data of a run as figures show them: some samples of each part, in the units and with the names of the data."""

from __future__ import annotations

import numpy as np

from bpexp.data.dataset import DataSet, Part
from bpexp.errors import visible
from bpexp.figures.output import plain
from bpexp.nn.arrays import Array
from bpexp.nn.network import Network

NAME = 24
"""Largest number of letters of a name."""

POINTS = 600
"""Largest number of samples of a part that are drawn, evenly spaced: more of them cover each other."""


def short(name: str) -> str:
    """A name of the data that fits an axis or a legend."""
    name = visible(name)
    return plain(name if len(name) <= NAME else f"{name[: NAME - 3]}...")


def told(part: Part, most: int = POINTS) -> str:
    """How many samples of a part are drawn, where they are not all."""
    return f" ({most:,} of {len(part):,})" if len(part) > most else ""


def parts_of(data: DataSet) -> dict[str, Part]:
    """The parts whose samples are drawn, those that there are."""
    found = {"train": data.train, "test": data.test}
    return {name: part for name, part in found.items() if part is not None and len(part)}


def rows_of(part: Part, most: int = POINTS) -> Array:
    """At most so many rows of a part, evenly spaced."""
    return part.rows[np.linspace(0, len(part) - 1, min(most, len(part))).astype(np.intp)]


def raw(data: DataSet, X: Array) -> Array:
    """Inputs (N, n_0) in the units of the data."""
    shift = 0.0 if data.scaling.shift is None else data.scaling.shift
    scale = 1.0 if data.scaling.scale is None else data.scaling.scale
    return np.asarray(X.astype(np.float64) * scale + shift)


def inputs_of(data: DataSet) -> list[str]:
    """The names of the inputs: those of the table, or x1, x2, ..."""
    names = data.columns.inputs if data.columns is not None else [f"x{i + 1}" for i in range(data.n_inputs)]
    return [short(name) for name in names] if data.n_inputs > 1 or data.columns is not None else ["x"]


def targets_of(data: DataSet) -> list[str]:
    """The names of the outputs of a regression: those of the data, or y1, y2, ..."""
    names = data.target_names or (["y"] if data.n_outputs == 1 else [f"y{i + 1}" for i in range(data.n_outputs)])
    return [short(name) for name in names]


def in_units(data: DataSet, y: Array) -> Array:
    """Outputs or targets (n_L, N) of a regression in the units of the data, as (N, n_L)."""
    return np.asarray(y.T if data.target_scaling is None else data.target_scaling.undo(y.T), dtype=np.float64)


def outputs(network: Network, x: Array) -> Array:
    """a^L (n_L, N), also of a network that has diverged."""
    with np.errstate(all="ignore"):
        return network.forward(x.astype(network.dtype))


def extent(data: DataSet, margin: float = 0.08) -> Array:
    """(n_0, 2) lowest and highest input that is drawn, on the network's scale, with a margin."""
    X = np.concatenate([part.inputs(rows_of(part)) for part in parts_of(data).values()]).astype(np.float64)
    low, high = X.min(axis=0), X.max(axis=0)
    room = np.where(high > low, high - low, 1.0) * margin
    return np.stack([low - room, high + room], axis=1)


def sample_range(data: DataSet, margin: float = 0.08) -> tuple[float, float]:
    """Lowest and highest target that is drawn, in the units of the data, with a margin."""
    y = np.concatenate([in_units(data, part.batch(rows_of(part))[1]) for part in parts_of(data).values()])
    low, high = float(y.min()), float(y.max())
    room = (high - low or 1.0) * margin
    return low - room, high + room
