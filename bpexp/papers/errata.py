"""The errata of all papers: the books of 000 to 003, one module a paper, put together in this order.

What a paper prints and what a reader may make of it are apart: only PRINTED is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bpexp.papers import paper_000, paper_001, paper_002, paper_003
from bpexp.papers.formula import Formula

BOOKS = (paper_000.book, paper_001.book, paper_002.book, paper_003.book)

FORMULAS: Mapping[str, Formula] = MappingProxyType({name: formula for book in BOOKS for name, formula in book.items()})
"""Every entry by its id, in the order of the papers."""

PRINTED = tuple(name for name, formula in FORMULAS.items() if not formula.is_reading)
"""The ids of the entries that quote a line of a paper."""

READINGS = tuple(name for name, formula in FORMULAS.items() if formula.is_reading)
"""The ids of the readings and combinations of lines that no paper prints as such."""

WHOLE_PASSES = tuple(name for name, formula in FORMULAS.items() if formula.is_whole_pass)
"""The ids of the formulas that give a whole gradient."""
