"""The entries of the errata: each is complete, and declared once."""

from __future__ import annotations

import numpy as np
import pytest
from paper_truths import derivative

from bpexp.papers import FORMULAS
from bpexp.papers.errata import BOOKS
from bpexp.papers.formula import Book


def test_every_formula_has_a_section_a_text_and_what_is_right():
    for key, formula in FORMULAS.items():
        assert key == formula.id
        assert key.startswith(formula.paper + "-")
        assert formula.section
        assert formula.printed
        assert (formula.section + formula.printed + formula.right).isascii()
        assert formula.right or formula.correctness == "correct", key


def test_the_papers_come_in_order_and_nothing_is_lost():
    assert [book.paper for book in BOOKS] == ["000", "001", "002", "003"]
    assert list(FORMULAS) == [name for book in BOOKS for name in book]
    assert len(FORMULAS) == 84


def test_a_formula_is_declared_once():
    book = Book("004")
    declare = book.formula("cost", section="Intro", printed="C", correctness="correct")
    assert declare(abs) is abs
    assert book["004-cost"](-1) == 1
    with pytest.raises(ValueError, match="004-cost is declared twice"):
        declare(abs)


def test_a_whole_pass_is_no_function():
    with pytest.raises(TypeError, match=r"002-final is a whole pass; use gradient=as_printed"):
        FORMULAS["002-final"](1)
    with pytest.raises(TypeError, match="slope"):
        Book("004").whole_pass("x", section="Intro", printed="z", correctness="correct", slope=abs)


def test_the_derivative_of_these_tests_is_exact():
    z = np.random.default_rng(8).normal(size=4)
    np.testing.assert_allclose(derivative(np.sin, z), np.diag(np.cos(z)), rtol=1e-14, atol=0)
