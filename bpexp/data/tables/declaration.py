"""The user's own table, data=csv: what can be declared of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bpexp.data.dataset import Loader, datasets
from bpexp.data.files import TaskChoice
from bpexp.data.idx import MOST_BYTES
from bpexp.data.tables.dialect import DELIMITERS, SIGNS, Dialect, character, known_encoding
from bpexp.data.tables.reading import Wanted, load
from bpexp.data.tables.selection import Which, as_list
from bpexp.errors import ConfigError
from bpexp.registry import Count, FilePath

ROLES = ("target", "columns", "drop", "categorical")


@datasets.register("csv")
def csv(
    path: FilePath,
    target: Which = -1,
    columns: Which = None,
    drop: Which = None,
    categorical: Which = None,
    missing: float | Literal["error", "drop_rows", "mean", "median", "most_frequent"] = "error",
    task: TaskChoice = "auto",
    header: bool | None = None,
    delimiter: str = "auto",
    decimal: Literal["auto", "point", "comma"] = "auto",
    thousands: str | None = None,
    comment: str | None = None,
    na_values: Which = None,
    encoding: str = "utf-8",
    most_categories: Count = 100,
    most_bytes: Count = MOST_BYTES,
) -> Loader:
    """A table in a CSV file, plain or gzip: columns of numbers, declared categories, and a target.

    Args:
        path: the file.
        target: name or number of the target's column, counted from 0; -1 is the last. A list makes a regression of
            several values. A name may be given as `petal_width_cm` for `petal width (cm)`, here and below.
        columns: names or numbers of the features, in the order of the inputs; null for all but the target.
        drop: names or numbers of columns that are left out.
        categorical: names or numbers of features that are categories: each category becomes an input, 1 or 0.
        missing: what to do about missing values. error refuses them; drop_rows leaves their rows out; mean, median and
            most_frequent of the training part, or a number, take their place. A missing category becomes the most
            frequent one, or with a number the category `missing`.
        task: classification, regression, or auto, by which text, and whole numbers of at most 20 kinds, are classes and
            numbers with a decimal sign are values.
        header: whether the first line holds the names of the columns; null decides where it is clear.
        delimiter: one character, or one of tab, semicolon, pipe, comma, whitespace; auto reads it off the first lines.
        decimal: the decimal sign; auto reads it off the first lines.
        thousands: sign between groups of three digits: comma, point, space, quote or one character; null for none.
        comment: character that begins a comment, such as hash; null for none.
        na_values: texts that stand for a missing value, beside the empty cell, NA, NaN, null and None.
        encoding: the encoding of the text, such as cp1252 for files of older Windows programs.
        most_categories: largest number of categories of a column.
        most_bytes: largest size in bytes of the file when it is unpacked, and of its table of numbers.
    """
    roles = {key: as_list(key, which) for key, which in zip(ROLES, (target, columns, drop, categorical), strict=True)}
    if not roles["target"]:
        raise ConfigError("target must name a column")
    if columns is not None and drop is not None:
        raise ConfigError("columns and drop are two ways to choose; give one of them")
    named_by = [item for declared in roles.values() for item in declared if isinstance(item, str)]
    if named_by and header is False:
        raise ConfigError(f"{named_by[0]!r} is a column's name and needs a header; use its number, or header=true")
    declared = Dialect(
        delimiter=delimiter if delimiter == "auto" else character("delimiter", delimiter, DELIMITERS),
        decimal="auto" if decimal == "auto" else SIGNS[decimal],
        thousands=None if thousands is None else character("thousands", thousands, SIGNS),
        comment=None if comment is None else character("comment", comment, SIGNS),
        encoding=known_encoding(encoding),
        most=most_bytes,
    )
    _refuse_one_sign_for_two(declared)
    wanted = Wanted(
        roles=roles,
        header=True if named_by else header,
        dialect=declared,
        na_values=[str(text) for text in as_list("na_values", na_values)],
        missing=missing,
        task=task,
        most_categories=most_categories,
    )
    place = Path(path)
    return Loader(lambda rng: load(place.expanduser(), wanted), seeded=False, files=lambda: [place.expanduser()])


def _refuse_one_sign_for_two(dialect: Dialect) -> None:
    """Raise ConfigError for a dialect in which one sign has two meanings."""
    if dialect.thousands is not None and dialect.thousands == dialect.decimal:
        raise ConfigError(f"thousands and decimal are the same sign, {dialect.decimal!r}; declare two")
    if dialect.comment in (dialect.delimiter, dialect.decimal, dialect.thousands, '"') and dialect.comment is not None:
        raise ConfigError(f"comment must be a character without another meaning, not {dialect.comment!r}")
    if dialect.delimiter == '"':
        raise ConfigError("delimiter must be a character without another meaning, not a quote")
