"""An entry of the errata: a formula as printed, its section, whether it is correct, and the correct formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from bpexp.papers.literal_pass import Line, Lines

Correctness = Literal["correct", "convention", "silently wrong", "shape error"]
"""Judged on the paper's own network where it has one, else on random widths.

correct: equal to the derivative. convention: equal up to the constant or layout that `right` states. silently wrong:
runs, but gives another result. shape error: arrays that do not fit, or an index outside the network.
"""

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """One printed formula.

    `code` computes what is printed. It is a function of plain arrays where the formula is a part of a gradient, and the
    lines of back-propagation, one or more of them replaced, where it gives a whole gradient.
    """

    id: str
    paper: str
    section: str
    printed: str
    correctness: Correctness
    right: str
    code: Callable[..., Any] | Lines

    @property
    def is_whole_pass(self) -> bool:
        """Whether the formula gives a whole gradient, correct or not, so that it can train a network."""
        return isinstance(self.code, Lines)

    def __call__(self, *arguments: Any) -> Any:
        """The value of the printed formula on plain arrays; raises TypeError for a whole pass."""
        if isinstance(self.code, Lines):
            raise TypeError(f"{self.id} is a whole pass; use gradient=as_printed gradient.formula={self.id}")
        return self.code(*arguments)


class Book(dict[str, Formula]):
    """The formulas of one paper by id, in the order in which they are declared."""

    def __init__(self, paper: str) -> None:
        super().__init__()
        self.paper = paper

    def formula(
        self, name: str, *, section: str, printed: str, correctness: Correctness, right: str = ""
    ) -> Callable[[Function], Function]:
        """Declare the decorated function as the code of a formula that is a part of a gradient.

        The id is the number of the paper and `name`. `right` is the correct formula, or the condition of this one.
        """

        def declare(function: Function) -> Function:
            self._add(Formula(f"{self.paper}-{name}", self.paper, section, printed, correctness, right, function))
            return function

        return declare

    def whole_pass(
        self, name: str, *, section: str, printed: str, correctness: Correctness, right: str = "", **lines: Line
    ) -> None:
        """Declare a formula that gives a whole gradient: back-propagation with some of its `Lines` replaced."""
        code = Lines(**lines)
        self._add(Formula(f"{self.paper}-{name}", self.paper, section, printed, correctness, right, code))

    def _add(self, formula: Formula) -> None:
        if formula.id in self:
            raise ValueError(f"{formula.id} is declared twice")
        self[formula.id] = formula
