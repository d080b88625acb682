"""From raw data to a data set for training: split, scaled, and with targets for the output layer."""

from __future__ import annotations

import math

import numpy as np

from bpexp.data.dataset import DataSet, Part, Raw, Task
from bpexp.data.impute import imputed
from bpexp.data.notes import preparation_notes, target_notes
from bpexp.data.scaling import Inputs, Scaling, TargetChoice, check_finite, scaled, target_scaling_of
from bpexp.data.split import limited, split
from bpexp.errors import ConfigError, DataError
from bpexp.nn.arrays import DTYPES, Array
from bpexp.nn.scaling import TargetScaling
from bpexp.registry import Count, Fraction

TEST = 0.2
"""The fraction of the samples in the test part, where none is declared and there is no official test set."""


def prepare(
    raw: Raw,
    *,
    name: str,
    rng: np.random.Generator,
    validation: Fraction = 0.1,
    test: Fraction | None = None,
    one_hot: bool = True,
    scaling: Scaling = "auto",
    target_scaling: TargetChoice = "auto",
    limit: Count | None = None,
    dtype: str = "float32",
) -> DataSet:
    """Split raw data, with the classes in proportion in each part, scale the inputs and make the targets.

    Args:
        raw: the data.
        name: of the data set, for messages and records.
        rng: draws the split.
        validation: fraction of the samples in the validation part, 0 for none; where there is an official test set,
            of the samples outside it.
        test: fraction of the samples in the test part, 0 for none; null for 0.2, or for the official test set where
            there is one.
        one_hot: one-hot targets, one output for each class; if false, one output with the class number as its target.
        scaling: of the inputs. auto divides bytes by 255 and standardizes tables; unit maps each column to [0, 1];
            standardize gives each column mean 0 and standard deviation 1; none leaves them. Statistics are those of
            the training part; the inputs of categories stay 0 and 1.
        target_scaling: of the targets of a regression. standardize gives each output targets of mean 0 and standard
            deviation 1, and predictions are turned back; none leaves them; auto standardizes those of tables.
            Statistics are those of the training part. The loss is that of the scaled targets, rmse and r2 are in the
            data's units.
        limit: largest number of samples in the training part, and in each other part; null for no limit.
        dtype: float32 or float64, of inputs and targets.

    Raises ConfigError for an argument out of range, DataError for data that cannot be split or scaled.
    """
    check_raw(raw)
    fraction = test_fraction(raw, test)
    rows = _rows(raw, validation=validation, test=fraction or 0.0, limit=limit, rng=rng)
    raw, missing = imputed(raw, rows[0])
    check_finite(raw.X, "input")
    found = scaled(raw, scaling, dtype, rows=rows[0])
    units = target_scaling_of(raw, target_scaling, rows[0])
    Y = targets(raw, raw.y, one_hot, dtype, units)
    labels = raw.y if raw.task == "classification" else None
    parts = [Part(found.X, Y, some, labels, units, found.divisor) for some in rows]
    if found.test is not None:
        parts[2] = _official(raw, found, one_hot, dtype, limit, units)
    train, held_out, tested = parts
    return DataSet(
        name=name,
        task=raw.task,
        train=train,
        validation=held_out if len(held_out) else None,
        test=tested if len(tested) else None,
        classes=raw.classes,
        image_shape=raw.image_shape,
        source=raw.source,
        digest=raw.digest,
        targets="values" if raw.task == "regression" else "one_hot" if one_hot else "index",
        scaling=found.scaling,
        target_scaling=units,
        columns=raw.columns,
        target_names=raw.target_names,
        row_numbers=raw.row_numbers,
        test_fraction=fraction,
        notes=(*raw.notes, *preparation_notes(raw, rows[0], scaling, missing), *target_notes(target_scaling, units)),
    )


def test_fraction(raw: Raw, test: float | None) -> float | None:
    """The fraction of the samples that becomes the test part; None where there is an official test set.

    Raises ConfigError for a fraction beside an official test set, which would have no effect.
    """
    if raw.test is None:
        return TEST if test is None else test
    if test is not None:
        raise ConfigError(f"test={test!r} has no effect: {raw.source} has an official test set; leave it out")
    return None


def check_raw(raw: Raw) -> None:
    """Raise DataError for raw data whose arrays do not fit each other, or that have fewer than two classes."""
    _check_arrays(raw.X, raw.y, raw.task, "")
    if raw.full_scale is not None and not 0 < raw.full_scale < math.inf:  # of bytes nothing else would tell
        raise DataError(f"{raw.source}: full_scale must be a finite number above 0, not {raw.full_scale!r}")
    if raw.task == "classification":
        present = len(np.unique(raw.y))
        if present < 2:
            raise DataError(f"{raw.source}: found {present} class, expected 2 or more to tell apart")
        highest = n_classes(raw) - 1
        for y in (raw.y, *(raw.test or ())[1:]):
            if y.min() < 0 or y.max() > highest:
                raise DataError(f"{raw.source}: expected class numbers 0..{highest}, found {y.min()}..{y.max()}")
    if raw.test is not None:
        X, y = raw.test
        _check_arrays(X, y, raw.task, " of the test set")
        check_finite(X, "input of the test set")
        if X.shape[1] != raw.X.shape[1] or y.shape[1:] != raw.y.shape[1:]:
            raise DataError(
                f"{raw.source}: expected test samples of {raw.X.shape[1]} inputs as in training, found {X.shape[1]}"
                f" (targets {raw.y.shape[1:]} and {y.shape[1:]})"
            )


def n_classes(raw: Raw) -> int:
    """The number of class names where there are any, else the largest class number plus 1."""
    return len(raw.classes) or int(raw.y.max()) + 1


def targets(raw: Raw, y: Array, one_hot: bool, dtype: str, units: TargetScaling | None = None) -> Array:
    """(N, n_L) targets in `dtype`, read-only: one-hot rows, class numbers, or the values of a regression, scaled."""
    if raw.task == "classification" and one_hot:
        Y = np.zeros((len(y), n_classes(raw)), dtype=DTYPES[dtype])
        Y[np.arange(len(y)), y] = 1
    else:
        with np.errstate(over="ignore"):
            values = y.reshape(len(y), -1)
            Y = (values if units is None else units.apply(values)).astype(DTYPES[dtype])
        check_finite(Y, f"target in {dtype}")
    Y.flags.writeable = False
    return Y


def _check_arrays(X: Array, y: Array, task: Task, where: str) -> None:
    if X.ndim != 2 or 0 in X.shape or X.dtype.kind not in "biuf":
        raise DataError(f"inputs{where}: expected numbers of shape (N, n_0), found {X.dtype} of shape {X.shape}")
    ndim, kinds = (1, "iu") if task == "classification" else (2, "biuf")
    if y.ndim != ndim or 0 in y.shape or y.dtype.kind not in kinds:
        wanted = "whole numbers of shape (N,)" if ndim == 1 else "numbers of shape (N, n_L)"
        raise DataError(f"targets{where} of a {task}: expected {wanted}, found {y.dtype} of shape {y.shape}")
    if len(X) != len(y):
        raise DataError(f"expected as many targets{where} as inputs, {len(X)}, found {len(y)}")


def _rows(
    raw: Raw, *, validation: float, test: float, limit: int | None, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Rows of (train, validation, test); the last is empty where there is an official test set."""
    strata = _strata(raw, raw.y)
    if raw.test is not None and validation == 0 and limit is None:
        # Nothing is split off, so the file keeps its order: a contiguous range can be read without a copy.
        return np.arange(len(strata)), np.arange(0), np.arange(0)
    parts = split(strata, validation=validation, test=test, rng=rng, names=raw.classes)
    train, held_out, tested = (limited(rows, strata, limit) for rows in parts)
    return train, held_out, tested


def _strata(raw: Raw, y: Array) -> Array:
    """(N,) the class of each row; 0 for all rows of a regression."""
    return y.astype(np.intp, copy=False) if raw.task == "classification" else np.zeros(len(y), dtype=np.intp)


def _official(
    raw: Raw, found: Inputs, one_hot: bool, dtype: str, limit: int | None, units: TargetScaling | None
) -> Part:
    """The official test set; a limit selects the same samples for every seed."""
    assert raw.test is not None
    assert found.test is not None
    y = raw.test[1]
    rows = np.arange(len(y))
    if limit is not None and limit < len(y):
        mixed = np.random.default_rng(0).permutation(rows)  # a file may be sorted by class
        rows = limited(mixed, _strata(raw, y), limit)
    labels = y if raw.task == "classification" else None
    return Part(found.test, targets(raw, y, one_hot, dtype, units), rows, labels, units, found.divisor)
