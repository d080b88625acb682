"""data=memory: arrays and data frames that a Python process gives, as in `bpexp.run(data=(X, y))`.

A config names them by their digest alone: the record says what was trained on, and only the same data repeat it.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from bpexp.data.captured import WHERE, Captured, captured
from bpexp.data.dataset import Loader, Raw, datasets
from bpexp.data.files import TaskChoice, assemble
from bpexp.data.tables.features import Missing, declared_column
from bpexp.data.tables.target import target_note
from bpexp.errors import DataError
from bpexp.nn.arrays import Array
from bpexp.nn.column import listed
from bpexp.nn.columns import Columns

MEMORY = "memory"


class Dataset:
    """Data for `bpexp.run(data=...)`; they are copied, so that later changes of the arrays change nothing.

    Args:
        X: inputs (N, ...), one sample a row: an array, a list, or a data frame of pandas, whose columns are the
            features. A column of the dtype category becomes an input of each category.
        y: targets (N,) or (N, n_L): an array, a list, a series or a data frame; or the name of a column of the data
            frame X, or a list of such names.
        test: inputs and targets of an official test set, in the same form; None to split one off.

    Raises DataError for inputs and targets that do not fit each other, and for a column of text.
    """

    def __init__(self, X: Any, y: Any, test: tuple[Any, Any] | None = None) -> None:
        self._train = captured(X, y)
        self._test = None if test is None else captured(*test)
        if self._test is not None and list(self._test.columns) != list(self._train.columns):
            names = [listed(list(half.columns)) or "no names" for half in (self._test, self._train)]
            raise DataError(f"{WHERE}: the test set has the columns {names[0]}, and the training set {names[1]}")

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the content: names, types, shapes and values."""
        halves = [half.digest() for half in (self._train, self._test) if half is not None]
        return hashlib.sha256("".join(halves).encode()).hexdigest()

    def __len__(self) -> int:
        """The number of samples outside an official test set."""
        return len(self._train)

    def __repr__(self) -> str:
        train = self._train
        inputs = f"columns {listed(list(train.columns))}" if train.X is None else f"X of shape {train.X.shape}"
        return f"Dataset({len(self)} samples, {inputs}, digest {self.digest[:12]}...)"

    def raw(self, task: TaskChoice, missing: Missing) -> Raw:
        """The data as a loader gives them; arguments as of `memory`. Raises DataError."""
        train, columns = self._train, None
        if train.X is None:
            columns = _declared(train, missing)
        elif missing != "error":
            raise DataError(f"data.missing={missing} is for the columns of a data frame; give pd.DataFrame(X)")
        kept = _kept_rows(train, missing)
        some = slice(None) if kept.all() else kept  # all of them are shared, not copied
        X, y = _inputs(train, columns)[some], _answers(train.y[some], task)
        test = None if self._test is None else _official(self._test, columns, task)
        raw = assemble(X, y, test, source="arrays given in Python", task=task)
        told = target_note(y, train.target_names or ("y",), raw.classes, task)
        notes = [f"{WHERE}: {len(y)} rows, {X[0].size} inputs; {told}"]
        if len(y) < len(kept):
            notes.append(f"{len(kept) - len(y)} of {len(kept)} rows left out, in which a value is missing")
        return replace(
            raw,
            digest=self.digest,
            columns=columns,
            target_names=train.target_names,
            tabular=X.ndim <= 2,
            notes=tuple(notes),
            row_numbers=None if kept.all() else np.flatnonzero(kept),
        )


def _declared(train: Captured, missing: Missing) -> Columns:
    """The columns of a data frame."""
    known = {
        name: None if cells.dtype.kind == "f" else sorted({cell for cell in cells.tolist() if cell is not None})
        for name, cells in train.columns.items()
    }
    for name, texts in known.items():
        if texts == []:
            raise DataError(f"{WHERE}: column {name!r} has no value at all; leave it out")
    return Columns(tuple(declared_column(name, texts, missing) for name, texts in known.items()))


def _inputs(half: Captured, columns: Columns | None) -> Array:
    """(N, ...) the inputs, NaN where a value is missing."""
    if columns is None:
        assert half.X is not None, "both halves are arrays, or both have columns"
        return half.X
    return np.hstack(columns.blocks(half.columns))


def _kept_rows(half: Captured, missing: Missing) -> Array:
    """(N,) which rows stay; raises DataError for missing values that no declaration covers."""
    gaps = {name: _absent(cells) for name, cells in half.columns.items()} if missing in ("error", "drop_rows") else {}
    target = _absent(half.y).reshape(len(half), -1).any(axis=1)
    gone: Array = np.any([*gaps.values(), target], axis=0)
    if missing == "drop_rows" or not gone.any():
        if gone.all():
            raise DataError(f"{WHERE}: every row has a missing value; leave columns out")
        return ~gone
    if target.any():
        raise DataError(
            f"{WHERE}, row {int(target.argmax())}: the target is missing ({int(target.sum())} in all); a target is "
            "never filled in, so remove the rows"
        )
    counts = {name: int(gap.sum()) for name, gap in gaps.items() if gap.any()}
    told = listed([f"{name} {count}" for name, count in counts.items()])
    raise DataError(
        f"{WHERE}, row {int(gone.argmax())}: a value is missing ({sum(counts.values())} in all: {told}); declare "
        "data.missing=median (or mean, most_frequent, a number) to fill in, or data.missing=drop_rows"
    )


def _absent(cells: Array) -> Array:
    """Which values are missing."""
    if cells.dtype.kind == "O":
        return np.array([cell is None for cell in cells.tolist()])
    return np.asarray(cells != cells)  # NaN differs from itself


def _official(test: Captured, columns: Columns | None, task: TaskChoice) -> tuple[Array, Array]:
    """Inputs and targets of the official test set, in which nothing may be missing."""
    _kept_rows(test, "error")
    return _inputs(test, columns), _answers(test.y, task)


def _answers(y: Array, task: TaskChoice) -> Array:
    """The targets as NumPy has them: texts of one length, and whole numbers as such where they are classes."""
    if y.dtype.kind == "O":
        return y.astype(str)
    whole = task == "classification" and y.dtype.kind == "f" and bool((y == np.round(y)).all())
    return y.astype(np.int64) if whole else y


_held: dict[str, Dataset] = {}
_users: Counter[str] = Counter()
_lock = threading.Lock()


@contextmanager
def holding(dataset: Dataset | None) -> Iterator[None]:
    """Have data=memory find a data set by its digest, for a while; several threads may hold the same one."""
    if dataset is None:
        yield
        return
    with _lock:
        _held[dataset.digest] = dataset
        _users[dataset.digest] += 1
    try:
        yield
    finally:
        with _lock:
            _users[dataset.digest] -= 1
            if not _users[dataset.digest]:
                del _held[dataset.digest], _users[dataset.digest]


@datasets.register(MEMORY)
def memory(digest: str | None = None, task: TaskChoice = "auto", missing: Missing = "error") -> Loader:
    """Arrays or a data frame of a Python process: bpexp.run(data=(X, y)), which declares this by itself.

    Args:
        digest: SHA-256 of the data, which names them.
        task: classification, regression, or auto, by which one column of text, or of whole numbers of at most 20
            kinds, are classes and any other targets are values.
        missing: what to do about missing values of a data frame. error refuses them; drop_rows leaves their rows out;
            mean, median and most_frequent of the training part, or a number, take their place.
    """
    with _lock:
        dataset, others = _held.get(str(digest)), [known[:12] for known in _held]
    if dataset is None:
        known = f"; those that were given have the digest {listed(others)}..." if others else ""
        named = f" with the digest {digest[:12]}..." if digest else ""
        raise DataError(
            f"data=memory stands for arrays{named} of a Python process{known}; give them as bpexp.run(data=(X, y)), or "
            "bpexp.resume(FOLDER, data=(X, y)) of a run that has begun; a command reads files, data=npz or data=csv"
        )
    return Loader(lambda rng: dataset.raw(task, missing), seeded=False)
