"""The space of a search: one dimension for each searched key, and the values of a trial as overrides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Kind = Literal["float", "int", "choice"]


@dataclass(frozen=True, slots=True)
class Dimension:
    """What is tried of one key.

    Args:
        key: as in an override, such as lr or optimizer.
        kind: float, int or choice.
        low: smallest number.
        high: largest number, which is tried too.
        step: distance of two numbers; None for any number.
        log: whether a decade counts as much as another.
        choices: of a choice, in the grammar of overrides.
        of: the key of the choice on which this key depends; empty for none.
        options: the choices of `of` with which this key is tried; with others it does not exist.
    """

    key: str
    kind: Kind
    low: float = 0
    high: float = 0
    step: float | None = None
    log: bool = False
    choices: tuple[str, ...] = ()
    of: str = ""
    options: tuple[str, ...] = ()

    def exists(self, said: Mapping[str, str]) -> bool:
        """Whether the key is tried in a trial with these values of the dimensions before it."""
        return not self.of or said.get(self.of) in self.options

    def ends(self) -> tuple[str, ...]:
        """The values that are validated before the search begins: every choice, or the smallest and largest number."""
        return self.choices or (spelled_number(self.low), spelled_number(self.high))

    def suggested(self, trial: BaseTrial) -> str:
        """The value of a trial, in the grammar of overrides."""
        if self.kind == "choice":
            return str(trial.suggest_categorical(self.key, self.choices))
        if self.kind == "int":
            step = 1 if self.step is None else int(self.step)
            return spelled_number(trial.suggest_int(self.key, int(self.low), int(self.high), step=step, log=self.log))
        return spelled_number(trial.suggest_float(self.key, self.low, self.high, step=self.step, log=self.log))

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    def __str__(self) -> str:
        if self.kind == "choice":
            told = f"choice({', '.join(self.choices)})"
        else:
            told = f"{spelled_number(self.low)} to {spelled_number(self.high)}"
            told += f" in steps of {self.step:g}" if self.step else ""
            told += ", logarithmic" if self.log else ""
        return told + (f", with {self.of}={' or '.join(self.options)}" if self.of else "")


def spelled_number(value: float) -> str:
    """A number in the grammar of overrides, with all its digits."""
    return repr(value)


def ordered(dimensions: Sequence[Dimension]) -> tuple[Dimension, ...]:
    """The dimensions in an order in which each comes after the choice on which it depends."""
    return tuple(sorted(dimensions, key=lambda dimension: bool(dimension.of)))


def suggested(space: Sequence[Dimension], trial: BaseTrial) -> dict[str, str]:
    """The values of a trial by key, in the grammar of overrides."""
    said: dict[str, str] = {}
    for dimension in space:
        if dimension.exists(said):
            said[dimension.key] = dimension.suggested(trial)
    return said


def corners(space: Sequence[Dimension]) -> Iterator[dict[str, str]]:
    """Trials that together have every choice, and the ends of every range: what is validated before the search begins.

    The first has the first value of every dimension, the second the last one; the others differ from the first in one
    key, and in the choice on which that depends.
    """
    known = set()
    for said in _corners(space):
        if (line := tuple(said.items())) not in known:
            known.add(line)
            yield said


def _corners(space: Sequence[Dimension]) -> Iterator[dict[str, str]]:
    yield from (_completed({}, space, place) for place in (0, -1))
    for dimension in space:
        for option in dimension.options or ("",):
            for value in dimension.ends():
                yield _completed({dimension.key: value, dimension.of: option}, space, 0)


def _completed(fixed: Mapping[str, str], space: Sequence[Dimension], place: int) -> dict[str, str]:
    """The trial with these values, and the first or last ones for the others."""
    said: dict[str, str] = {}
    for dimension in space:
        if dimension.exists(said):
            said[dimension.key] = fixed.get(dimension.key, dimension.ends()[place])
    return said


def said_of(space: Sequence[Dimension], params: Mapping[str, Any]) -> dict[str, str]:
    """The values of a recorded trial by key, in the grammar of overrides."""
    found = {dimension.key: params[dimension.key] for dimension in space if dimension.key in params}
    return {key: value if isinstance(value, str) else spelled_number(value) for key, value in found.items()}
