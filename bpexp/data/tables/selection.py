"""Which columns of a table are features and which the target, named or numbered as a user types them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bpexp.errors import ConfigError, DataError, nearest
from bpexp.nn.column import listed

NAMELESS = "Unnamed: {}"
"""What pandas calls a column that the header leaves without a name."""

Which = str | int | list[Any] | None
"""One column or several, by name or number."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The columns of a file by position.

    Args:
        names: of all columns of the file.
        targets: one or more.
        features: in the order of the inputs.
        categorical: those of the features that are declared as categories.
        chosen: whether the features were declared one by one.
    """

    names: tuple[str, ...]
    targets: tuple[int, ...]
    features: tuple[int, ...]
    categorical: frozenset[int]
    chosen: bool

    @property
    def proposed(self) -> bool:
        """Whether the features are several and were not declared one by one, so that an index may be among them."""
        return not self.chosen and len(self.features) > 1

    @property
    def index(self) -> int | None:
        """The first column, if it has no name and was not chosen: the index that pandas writes."""
        return 0 if self.names[0] == NAMELESS.format(0) and 0 in self.features and not self.chosen else None


def as_list(key: str, which: Which) -> list[str | int]:
    """The declared columns as a list; raises ConfigError for anything but names and numbers."""
    found = which if isinstance(which, list) else [] if which is None else [which]
    for item in found:
        if not isinstance(item, str | int) or isinstance(item, bool):
            raise ConfigError(f"{key} takes names and numbers of columns, not {item!r}")
    return found


def named(cells: Sequence[str], header: bool) -> tuple[str, ...]:
    """The names of the columns: those of the header, else 0, 1, 2, ..."""
    return tuple((cell or NAMELESS.format(i)) if header else str(i) for i, cell in enumerate(cells))


def select(
    names: tuple[str, ...],
    *,
    target: list[str | int],
    columns: list[str | int],
    drop: list[str | int],
    categorical: list[str | int],
    where: str,
) -> Selection:
    """The declared selection of columns.

    Raises DataError for a column that is not there, declared twice or in two roles, and where no feature is left.
    """
    found = {
        key: tuple(find(names, which, key, where) for which in declared)
        for key, declared in (("target", target), ("columns", columns), ("drop", drop), ("categorical", categorical))
    }
    for key, places in found.items():
        if len(set(places)) < len(places):
            raise DataError(f"{where}: data.{key} names a column twice; name each once")
    targets, dropped = found["target"], set(found["drop"])
    for key in ("columns", "drop", "categorical"):
        for place in set(found[key]) & set(targets):
            raise DataError(f"{where}: {names[place]!r} is the target; leave it out of data.{key}")
    others = (i for i in range(len(names)) if i not in targets and i not in dropped)
    features = found["columns"] or tuple(others)
    for place in sorted(set(found["categorical"]) - set(features)):
        raise DataError(f"{where}: data.categorical names {names[place]!r}, which is not one of the features")
    if not features:
        raise DataError(f"{where}: no feature is left beside the target; it has: {listed(names)}")
    _refuse_twins(names, [*features, *targets], where)
    return Selection(names, targets, features, frozenset(found["categorical"]), bool(columns))


def find(names: Sequence[str], which: str | int, key: str, where: str) -> int:
    """The position of a column by its name, its simplified name, or its number, which may be negative."""
    text = str(which).strip()
    places = [i for i, name in enumerate(names) if name == text] or [
        i for i, name in enumerate(names) if isinstance(which, str) and simplified(name) == simplified(text)
    ]
    if len(places) == 1:
        return places[0]
    if len(places) > 1:
        raise DataError(
            f"{where}: data.{key}={which!r} fits the columns {listed([str(i) for i in places])}; give the number of one"
        )
    if isinstance(which, str):
        hint = nearest(which, names)
        raise DataError(f"{where}: data.{key}={which!r} names no column; {hint}it has: {listed(names)}")
    if not -len(names) <= which < len(names):
        no_header = list(names) == [str(i) for i in range(len(names))]
        hint = "; if the first line holds names, declare data.header=true" if no_header else ""
        raise DataError(f"{where}: data.{key}={which!r}, but there are {len(names)} columns, 0..{len(names) - 1}{hint}")
    return which % len(names)


def simplified(name: str) -> str:
    """A name as one can type it without quotes: `petal width (cm)` is petal_width_cm."""
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def _refuse_twins(names: Sequence[str], used: Sequence[int], where: str) -> None:
    counts = Counter(names[i] for i in used)
    for place in used:
        if counts[names[place]] > 1:
            twins = [str(i) for i in used if names[i] == names[place]]
            raise DataError(
                f"{where}: the columns {listed(twins)} share the name {names[place]!r}; rename one, or "
                f"leave one out by its number, data.drop={twins[-1]}"
            )
