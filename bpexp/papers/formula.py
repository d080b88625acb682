"""An entry of the errata: a line of a paper, quoted, whether it is correct, and the correct formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Required, TypedDict, TypeVar, Unpack

from bpexp.papers.literal_pass import Lines

Correctness = Literal[
    "correct",
    "right in its own terms",
    "silently wrong",
    "contradicts its own cost",
    "shape error",
    "ill-formed",
    "notation slip",
    "omission",
]
"""Judged on the paper's own network where it has one, else on random widths.

correct: equal to the derivative.
right in its own terms: equal under a convention of the paper (layout, order of indices, constant) that `right` states.
silently wrong: runs, but gives another result.
contradicts its own cost: has another constant than the cost that the same passage states.
shape error: arrays that do not fit, or an index outside the network.
ill-formed: one letter is a bound and a free index at once.
notation slip: symbols or words that contradict others of the paper; the formulas beside them are not changed by it.
omission: something that the paper builds on and does not print.
"""

RIGHT: tuple[Correctness, ...] = ("correct", "right in its own terms")
"""The labels of lines in which nothing is to be corrected."""

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """One line of a paper, or one reading of it.

    `quote` is the line exactly as it stands in the text extracted from the paper, apart from white space; a reading,
    which a reader may try and which no paper prints, has none. `printed` is the same in plain letters. `right` is what
    is right, or the condition under which the line is; `elsewhere` names entries of the same paper that are correct and
    print it. `code` computes what is printed: a function of plain arrays where the formula is a part of a gradient, the
    lines of back-propagation, one or more of them replaced, where it gives a whole gradient, None where nothing runs.
    """

    id: str
    paper: str
    section: str
    quote: str
    printed: str
    correctness: Correctness
    right: str
    elsewhere: tuple[str, ...]
    code: Callable[..., Any] | Lines | None

    @property
    def is_reading(self) -> bool:
        """Whether it is a reading or a combination of lines; it is not counted among what is printed."""
        return not self.quote

    @property
    def label(self) -> str:
        """The correctness, and that it is a reading, for messages."""
        return f"a reading, {self.correctness}" if self.is_reading else self.correctness

    @property
    def is_whole_pass(self) -> bool:
        """Whether the formula gives a whole gradient, correct or not, so that it can train a network."""
        return isinstance(self.code, Lines)

    def __call__(self, *arguments: Any) -> Any:
        """The value of what is printed, on plain arrays; raises TypeError for a whole pass or a line without code."""
        if isinstance(self.code, Lines):
            raise TypeError(f"{self.id} is a whole pass; use gradient=as_printed gradient.formula={self.id}")
        if self.code is None:
            raise TypeError(f"{self.id} ({self.correctness}) cannot be evaluated")
        return self.code(*arguments)


class Entry(TypedDict, total=False):
    """What an entry declares in words; the fields are those of `Formula`."""

    section: Required[str]
    printed: Required[str]
    correctness: Required[Correctness]
    quote: str
    right: str
    elsewhere: tuple[str, ...]


class Book(dict[str, Formula]):
    """The entries of one paper by id, in the order in which they are declared.

    The id is the number of the paper and the name. `quote`, `printed`, `right` and `elsewhere` are as in `Formula`.
    """

    def __init__(self, paper: str) -> None:
        super().__init__()
        self.paper = paper

    def formula(self, name: str, **entry: Unpack[Entry]) -> Callable[[Function], Function]:
        """Declare the decorated function as the code of a formula that is a part of a gradient."""

        def declare(function: Function) -> Function:
            self._add(name, function, entry)
            return function

        return declare

    def whole_pass(self, name: str, lines: Lines | None = None, **entry: Unpack[Entry]) -> None:
        """Declare a formula that gives a whole gradient: back-propagation with some of its lines replaced."""
        self._add(name, lines or Lines(), entry)

    def slip(self, name: str, **entry: Unpack[Entry]) -> None:
        """Declare a line that cannot be evaluated."""
        self._add(name, None, entry)

    def _add(self, name: str, code: Callable[..., Any] | Lines | None, entry: Entry) -> None:
        key = f"{self.paper}-{name}"
        if key in self:
            raise ValueError(f"{key} is declared twice")
        words: Entry = {"quote": "", "right": "", "elsewhere": (), **entry}
        self[key] = Formula(id=key, paper=self.paper, code=code, **words)
