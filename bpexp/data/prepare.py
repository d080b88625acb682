"""From raw data to a data set that can be trained on: split, scaled, and targets for the output layer."""

from __future__ import annotations

import numpy as np

from bpexp.data.dataset import DataSet, Part, Raw, Task
from bpexp.data.scaling import Scaling, check_finite, scaled
from bpexp.data.split import limited, split
from bpexp.errors import DataError
from bpexp.nn.arrays import DTYPES, Array
from bpexp.registry import Count, Fraction


def prepare(
    raw: Raw,
    *,
    name: str,
    rng: np.random.Generator,
    validation: Fraction = 0.1,
    test: Fraction = 0.2,
    one_hot: bool = True,
    scaling: Scaling = "auto",
    limit: Count | None = None,
    dtype: str = "float32",
) -> DataSet:
    """Split `raw`, stratified by class, scale its inputs and make its targets.

    Args:
        raw: what a loader returned.
        name: name of the data set.
        rng: generator of the split.
        validation: fraction of the samples (of those that are not an official test set) for validation; 0 for none.
        test: fraction of the samples for testing; 0 for none; ignored where there is an official test set.
        one_hot: targets of classes as one-hot rows; false gives class numbers (N, 1), for two classes.
        scaling: none, auto (bytes / 255, floats as they are), unit (to [0, 1]) or standardize, by the training part.
        limit: most training samples, and most of the other parts as well; null for no limit.
        dtype: float type of inputs and targets.
    """
    check_raw(raw)
    rows = _rows(raw, validation=validation, test=test, limit=limit, rng=rng)
    X, X_test, how = scaled(raw, scaling, dtype, rows=rows[0])
    train, held_out, tested = _parts(raw, X, rows, one_hot)
    if raw.test is not None and X_test is not None:
        tested = _official(raw, X_test, raw.test[1], one_hot, limit)
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
        scaling=how,
    )


def check_raw(raw: Raw) -> None:
    """Refuse raw data whose arrays do not fit each other, or with which nothing can be learnt."""
    _check_arrays(raw.X, raw.y, raw.task, "")
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
        if X.shape[1] != raw.X.shape[1] or y.shape[1:] != raw.y.shape[1:]:
            raise DataError(
                f"{raw.source}: expected test samples of {raw.X.shape[1]} inputs as in training, found {X.shape[1]}"
                f" (targets {raw.y.shape[1:]} and {y.shape[1:]})"
            )


def n_classes(raw: Raw) -> int:
    """The number of classes: as declared by their names, else by the highest number that occurs."""
    return len(raw.classes) or int(raw.y.max()) + 1


def targets(raw: Raw, y: Array, one_hot: bool, dtype: str) -> Array:
    """(N, n_L) targets in `dtype`, read-only: one-hot rows, class numbers, or values."""
    if raw.task == "classification" and one_hot:
        Y = np.zeros((len(y), n_classes(raw)), dtype=DTYPES[dtype])
        Y[np.arange(len(y)), y] = 1
    else:
        with np.errstate(over="ignore"):
            Y = y.reshape(len(y), -1).astype(DTYPES[dtype])
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
    check_finite(X, f"input{where}")


def _rows(
    raw: Raw, *, validation: float, test: float, limit: int | None, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Rows of (train, validation, test); none of test where there is an official test set."""
    strata = _strata(raw, raw.y)
    if raw.test is not None and validation == 0 and limit is None:
        # Nothing is split off, so the file keeps its order: a contiguous range can be read without a copy.
        return np.arange(len(strata)), np.arange(0), np.arange(0)
    fraction = test if raw.test is None else 0.0
    parts = split(strata, validation=validation, test=fraction, rng=rng, names=raw.classes)
    train, held_out, tested = (limited(rows, strata, limit) for rows in parts)
    return train, held_out, tested


def _strata(raw: Raw, y: Array) -> Array:
    """The class of each row; a regression is of one class."""
    return y.astype(np.intp, copy=False) if raw.task == "classification" else np.zeros(len(y), dtype=np.intp)


def _parts(raw: Raw, X: Array, rows: tuple[Array, ...], one_hot: bool) -> list[Part]:
    """Parts that share their arrays."""
    Y = targets(raw, raw.y, one_hot, X.dtype.name)
    labels = raw.y if raw.task == "classification" else None
    return [Part(X=X, Y=Y, rows=r, labels=labels) for r in rows]


def _official(raw: Raw, X: Array, y: Array, one_hot: bool, limit: int | None) -> Part:
    """The official test set; where it is limited, by the same samples for every seed."""
    rows = np.arange(len(y))
    if limit is not None and limit < len(y):
        mixed = np.random.default_rng(0).permutation(rows)  # a file may be sorted by class
        rows = limited(mixed, _strata(raw, y), limit)
    labels = y if raw.task == "classification" else None
    return Part(X=X, Y=targets(raw, y, one_hot, X.dtype.name), rows=rows, labels=labels)
