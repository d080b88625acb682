"""Which rows go where: a split from one permutation, stratified, so that every class is in every part."""

from __future__ import annotations

import numpy as np

from bpexp.errors import ConfigError, DataError
from bpexp.nn.arrays import Array


def split(
    strata: Array, *, validation: float, test: float, rng: np.random.Generator, names: tuple[str, ...] = ()
) -> tuple[Array, Array, Array]:
    """Rows of (train, validation, test), disjoint and complete, each in random order.

    `strata` (N,) is the class number of each row, all 0 for a regression. One permutation is drawn. The test rows do
    not depend on `validation`, so runs that differ in it are tested on the same samples.
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
    """At most `limit` of `rows`, with the classes in proportion; a smaller limit takes from the same samples first."""
    if limit is None or len(rows) <= limit:
        return rows
    labels = strata[rows]
    keep = shares(np.bincount(labels), limit, least=0)
    return rows.compress(ranks(labels) < keep[labels])


def ranks(labels: Array) -> Array:
    """For each entry, how many earlier entries have the same label."""
    by_label = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    rank = np.empty_like(by_label)
    rank[by_label] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rank


def shares(counts: Array, total: int, *, least: int = 1, spare: int = 0, ceiling: Array | None = None) -> Array:
    """`total` samples dealt out in proportion to `counts`, by largest remainders.

    Each class that has samples gives `least` or more, and keeps `spare` of its ceiling (its count, if not said).
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
    """The number of samples in each part but the training part, which must keep one or more."""
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
