"""An entry of the errata: a formula as a paper prints it, where it stands, whether it holds, and what is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bpexp.papers.literal_pass import Steps

Correctness = Literal["correct", "convention", "silently wrong", "shape error"]
"""Judged on the paper's own network where it has one, else on random widths.

correct: equal to the derivative. convention: equal up to the constant or layout that `right` states. silently wrong:
runs, and gives something else. shape error: arrays that do not fit, or an index outside the network.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """One printed formula; `code` does what is printed: a function of plain arrays, or the lines of a whole pass."""

    id: str
    paper: str
    section: str
    printed: str
    correctness: Correctness
    right: str
    code: Callable[..., Any] | Steps

    @property
    def whole(self) -> bool:
        """Whether it gives a whole gradient, right or wrong, so that a network can be trained with it."""
        return isinstance(self.code, Steps)

    def __call__(self, *arguments: Any) -> Any:
        """The printed formula's value on plain arrays."""
        if isinstance(self.code, Steps):
            raise TypeError(f"{self.id} is a whole pass; use gradient=as_printed gradient.formula={self.id}")
        return self.code(*arguments)


class Book(dict[str, Formula]):
    """The formulas of one paper, by id."""

    def __init__(self, paper: str) -> None:
        super().__init__()
        self.paper = paper

    def enter(
        self,
        name: str,
        section: str,
        printed: str,
        correctness: Correctness,
        right: str,
        code: Callable[..., Any] | Steps,
    ) -> None:
        """Add a formula; its id is the paper's number and a name."""
        key = f"{self.paper}-{name}"
        if key in self:
            raise ValueError(f"{key} is entered twice")
        self[key] = Formula(key, self.paper, section, printed, correctness, right, code)
