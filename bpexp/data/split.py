"""The split into training, validation and test rows: one permutation, stratified, so every class is in every part."""

from __future__ import annotations

import numpy as np

from bpexp.errors import ConfigError, DataError
from bpexp.nn.arrays import Array


def split(
    strata: Array, *, validation: float, test: float, rng: np.random.Generator, names: tuple[str, ...] = ()
) -> tuple[Array, Array, Array]:
    """Rows of (train, validation, test), disjoint and complete, each in random order.

    The test rows do not depend on `validation`, so runs that differ in it are tested on the same samples.

    Args:
        strata: (N,) class number of each row, all 0 for a regression.
        validation: fraction of the N samples, in [0, 1).
        test: fraction of the N samples, in [0, 1).
        rng: draws one permutation of the rows.
        names: of the classes, for messages.

    Raises ConfigError or DataError where a part would be empty or a class would be missing in a part.
    """
    sizes = _sizes(len(strata), test=test, validation=validation)
    counts = np.bincount(strata)
    reserve = 1 + (sizes["validation"] > 0)
    _check_counts(counts, reserve + (sizes["test"] > 0), names)
    n_test = shares(counts, sizes["test"], spare=reserve)
    n_validation = shares(counts, sizes["validation"], spare=1, ceiling=counts - n_test)
    order = rng.permutation(len(strata))
    labels = strata[order]
    rank = ranks(labels)
    in_test = rank < n_test[labels]
    in_train = rank >= (n_test + n_validation)[labels]
    return order[in_train], order[~in_test & ~in_train], order[in_test]


def limited(rows: Array, strata: Array, limit: int | None) -> Array:
    """At most `limit` of `rows`, classes in proportion; a smaller limit selects a subset of a larger one."""
    if limit is None or len(rows) <= limit:
        return rows
    labels = strata[rows]
    keep = shares(np.bincount(labels), limit, least=0)
    return rows.compress(ranks(labels) < keep[labels])


def ranks(labels: Array) -> Array:
    """(N,) the number of earlier entries with the same label."""
    by_label = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    rank = np.empty_like(by_label)
    rank[by_label] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rank


def shares(counts: Array, total: int, *, least: int = 1, spare: int = 0, ceiling: Array | None = None) -> Array:
    """How many of `total` samples each class gets, in proportion to `counts`, by the largest remainder method.

    Each class with samples gets at least `least`, and at most its ceiling (by default its count) minus `spare`.
    """
    if total == 0:
        return np.zeros_like(counts)
    top = np.maximum((counts if ceiling is None else ceiling) - spare, 0)
    exact = counts * (total / counts.sum())
    dealt: Array = np.clip(np.floor(exact).astype(counts.dtype), np.minimum(least, top), top)
    order = np.argsort(dealt - exact, kind="stable")
    open_ = order[dealt[order] < top[order]]
    dealt[open_[: max(total - int(dealt.sum()), 0)]] += 1
    return dealt


def _sizes(n: int, **fractions: float) -> dict[str, int]:
    """Samples in the validation and test part; raises where one is empty or the training part would be."""
    for key, fraction in fractions.items():
        if not 0 <= fraction < 1:
            raise ConfigError(f"{key} must be a fraction of at least 0 and below 1, not {fraction!r}")
    if sum(fractions.values()) >= 1:
        said = " and ".join(f"{key}={fraction!r}" for key, fraction in fractions.items())
        raise ConfigError(f"{said} leave nothing to train on; together they must stay below 1")
    sizes = {key: round(n * fraction) for key, fraction in fractions.items()}
    for key, fraction in fractions.items():
        if fraction > 0 and sizes[key] == 0:
            raise DataError(f"{key}={fraction!r} of {n} samples is an empty part; use a larger fraction, or 0 for none")
    if sum(sizes.values()) >= n:
        raise DataError(f"no training samples are left of {n}; expected 1 or more, use smaller fractions")
    return sizes


def _check_counts(counts: Array, parts: int, names: tuple[str, ...]) -> None:
    few = np.flatnonzero((counts > 0) & (counts < parts))
    if few.size:
        c = int(few[0])
        name = names[c] if c < len(names) else str(c)
        raise DataError(
            f"class {name!r} has {counts[c]} samples, expected {parts} or more (one for each part of the split); "
            "set validation or test to 0, or leave the class out"
        )
