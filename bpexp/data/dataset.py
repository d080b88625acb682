"""What a data set is: raw as its loader returns it, then split into parts that training reads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bpexp.nn.arrays import Array
from bpexp.nn.columns import Columns
from bpexp.nn.scaling import CHUNK, InputScaling, TargetScaling
from bpexp.registry import Registry

Task = Literal["classification", "regression"]
Targets = Literal["one_hot", "index", "values"]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Raw:
    """What a loader returns: all samples, neither split nor scaled."""

    X: Array
    """(N, n_0), one sample a row; uint8 where the source has bytes."""
    y: Array
    """(N,) class numbers from 0, or (N, n_L) float targets."""
    task: Task
    source: str
    """Where the data came from, in words."""
    digest: str
    """SHA-256 of the content; see `digest_of`."""
    classes: tuple[str, ...] = ()
    image_shape: tuple[int, int] | None = None
    test: tuple[Array, Array] | None = None
    """Inputs and targets of the official test set, where there is one."""
    full_scale: float | None = None
    """The largest value that an input can take; None where it is unknown or is that of the type, 255 for bytes."""
    columns: Columns | None = None
    """Of a table: what its n_0 inputs are made of. X is NaN where a value is missing that is to be imputed."""
    target_names: tuple[str, ...] = ()
    """Names of the target's columns, n_L for a regression and one for a classification; empty where they have none."""
    tabular: bool = False
    """Whether each input has a unit of its own, as the columns of a table have; scaling=auto then standardizes."""
    notes: tuple[str, ...] = ()
    """What was decided about the data without being declared, one sentence each, for the screen."""
    row_numbers: Array | None = None
    """(N,) the number, from 0, that each sample has in the file, of which rows were left out; None where none were."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One part of a split: some rows of shared, read-only arrays.

    The rows are in random order, so the first k of them are a fair sample; only a part that is a whole file keeps
    the order of the file.
    """

    X: Array
    """(N, n_0): the inputs, in the training dtype; with a divisor the bytes that they are made of. See `inputs`."""
    Y: Array
    """(N, n_L), in the training dtype."""
    rows: Array
    """(N_part,) indices of the samples of this part."""
    labels: Array | None
    """(N,) class numbers; None for a regression."""
    target_scaling: TargetScaling | None = None
    """What turned the targets of the data into Y; None where Y holds them as they are."""
    divisor: float | None = None
    """Of bytes: an input is X / divisor, both in the training dtype, which is that of Y. None: X holds the inputs."""

    def __len__(self) -> int:
        return len(self.rows)

    def inputs(self, rows: Array, out: Array | None = None) -> Array:
        """The inputs (B, n_0) of `rows` of X, scaled. Whoever needs inputs asks here, and never reads X.

        They are written into `out` where it is given; else they are a new array, or a view of X where X holds the
        inputs and the rows are a contiguous range.
        """
        if self.divisor is None:
            if out is None:
                return gather(self.X, rows)
            # "clip" writes straight into `out`; "raise" would gather into a copy first.
            return self.X.take(rows, axis=0, out=out, mode="clip")
        if out is None:
            out = np.empty((len(rows), self.X.shape[1]), dtype=self.Y.dtype)
        for start in range(0, len(rows), CHUNK):
            some = out[start : start + CHUNK]
            some[...] = gather(self.X, rows[start : start + CHUNK])
            # Times 1/255 would save 1 us in 10, and be wrong in the last bit of 126 of the 256 bytes.
            np.divide(some, self.divisor, out=some)
        return out

    def batch(self, rows: Array | None = None) -> tuple[Array, Array]:
        """The inputs x (n_0, B) and targets y (n_L, B) of `rows` of X, or of the whole part; columns are samples."""
        rows = self.rows if rows is None else rows
        return self.inputs(rows).T, gather(self.Y, rows).T


@dataclass(frozen=True, slots=True, eq=False)
class DataSet:
    """A data set that is ready to be trained on."""

    name: str
    task: Task
    train: Part
    validation: Part | None
    test: Part | None
    classes: tuple[str, ...]
    image_shape: tuple[int, int] | None
    source: str
    digest: str
    targets: Targets
    scaling: InputScaling
    """What turned raw rows into the inputs of the parts; a saved network applies it to the rows that it is given."""
    target_scaling: TargetScaling | None = None
    """What turned the targets of a regression into those of the parts; a saved network turns its outputs back."""
    columns: Columns | None = None
    """Of a table: what makes numbers of a raw row, before scaling, with the values that replace missing ones."""
    target_names: tuple[str, ...] = ()
    """As in `Raw`."""
    notes: tuple[str, ...] = ()
    """As in `Raw`, with what was decided about the parts."""
    row_numbers: Array | None = None
    """As in `Raw`."""
    test_fraction: float | None = None
    """The fraction of the samples in the test part; None for an official test set."""

    @property
    def n_inputs(self) -> int:
        """n_0, the width of an input."""
        return int(self.train.X.shape[1])

    @property
    def n_outputs(self) -> int:
        """n_L, the width of a target; 1 where the target is a class number."""
        return int(self.train.Y.shape[1])


@dataclass(frozen=True, slots=True)
class Loader:
    """A function from a random generator to raw data, and what its result depends on."""

    load: Callable[[np.random.Generator], Raw]
    seeded: bool
    """Whether the generator changes the result; where it does not, other seeds share one result."""
    files: Callable[[], list[Path]] = list
    """The files that `load` reads, looked up at each call; when one of them changes, the data are read again."""
    values: int = 0
    """Numbers of 8 bytes that `load` holds at once where it makes its samples; 0 where it reads files."""

    def __call__(self, rng: np.random.Generator) -> Raw:
        return self.load(rng)


datasets: Registry[Loader] = Registry("data set")
"""Names to factories of loaders; a factory's parameters are those of its `data` config."""


def gather(A: Array, rows: Array) -> Array:
    """A[rows], without a copy where the rows are a contiguous range."""
    n = len(rows)
    if n and rows[-1] - rows[0] == n - 1 and (n == 1 or bool((np.diff(rows) == 1).all())):
        return A[int(rows[0]) : int(rows[0]) + n]
    return A.take(rows, axis=0)


def digest_of(*arrays: Array) -> str:
    """SHA-256 (hex) of dtype, shape and bytes of the arrays, in order."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()


def classify(labels: Array) -> tuple[Array, tuple[str, ...]]:
    """Class numbers (N,) from 0 and the names of the classes, in the sorted order of the labels."""
    values, numbers = np.unique(labels, return_inverse=True)
    return numbers.astype(np.int64).reshape(-1), tuple(str(value) for value in values.tolist())
