"""The entries of the errata: each is complete, declared once, and quotes its paper."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from paper_truths import derivative

from bpexp.papers import FORMULAS
from bpexp.papers.errata import BOOKS, PRINTED, READINGS
from bpexp.papers.formula import RIGHT, Book


def text_of(paper: str) -> str:
    """The extracted text of a paper, with single spaces; skips where BPEXP_PAPERS names no folder of the papers."""
    named = os.environ.get("BPEXP_PAPERS", "")
    if not named:
        pytest.skip("BPEXP_PAPERS does not name a folder with the extracted texts of the papers")
    found = sorted(Path(named).glob(f"{paper}_*.txt"))
    assert found, f"BPEXP_PAPERS names {named!r}, which has no {paper}_*.txt"
    return " ".join(found[0].read_text(encoding="utf-8").split())


@pytest.mark.parametrize("paper", [book.paper for book in BOOKS])
def test_every_quotation_stands_in_the_text(paper):
    text = text_of(paper)
    missing = [name for name in PRINTED if FORMULAS[name].paper == paper and FORMULAS[name].quote not in text]
    assert not missing


def test_only_a_quotation_is_counted_as_printed():
    assert set(PRINTED) | set(READINGS) == set(FORMULAS)
    assert all(FORMULAS[name].quote == " ".join(FORMULAS[name].quote.split()) != "" for name in PRINTED)
    assert not any(FORMULAS[name].quote for name in READINGS)
    combinations = {"000-last-layer", "001-chain-order", "001-dW-layout", "003-both-slips"}
    assert combinations | {"002-expanded-no-slope", "002-expanded-from-1"} <= set(READINGS)


def test_no_two_entries_quote_the_same_line():
    quotes = [FORMULAS[name].quote for name in PRINTED]
    assert len(set(quotes)) == len(quotes)


def test_what_was_withdrawn_is_gone():
    assert not {"001-softmax-left-out", "001-softmax-diagonal", "003-polynomial-cost-expanded"} & set(FORMULAS)


def test_every_entry_has_a_section_a_text_and_what_is_right():
    for key, formula in FORMULAS.items():
        assert key == formula.id
        assert key.startswith(formula.paper + "-")
        assert formula.section
        assert formula.printed
        assert (formula.section + formula.printed + formula.right).isascii()
        assert formula.right or formula.correctness == "correct", key


def test_where_else_a_paper_prints_it_right():
    for formula in FORMULAS.values():
        for name in formula.elsewhere:
            assert FORMULAS[name].paper == formula.paper
            assert FORMULAS[name].correctness in RIGHT
            assert formula.correctness not in RIGHT


def test_only_slips_of_notation_and_ill_formed_lines_are_not_run():
    idle = {FORMULAS[name].correctness for name in FORMULAS if FORMULAS[name].code is None}
    assert idle == {"notation slip", "omission", "ill-formed"}
    with pytest.raises(TypeError, match=r"000-doubled-partial \(notation slip\) cannot be evaluated"):
        FORMULAS["000-doubled-partial"]()


def test_the_papers_come_in_order_and_nothing_is_lost():
    assert [book.paper for book in BOOKS] == ["000", "001", "002", "003"]
    assert list(FORMULAS) == [name for book in BOOKS for name in book]
    assert len(FORMULAS) == sum(len(book) for book in BOOKS)


def test_a_formula_is_declared_once():
    book = Book("004")
    declare = book.formula("cost", section="Intro", quote="C", printed="C", correctness="correct")
    assert declare(abs) is abs
    assert book["004-cost"](-1) == 1
    with pytest.raises(ValueError, match="004-cost is declared twice"):
        declare(abs)


def test_a_whole_pass_is_no_function():
    with pytest.raises(TypeError, match=r"002-final is a whole pass; use gradient=as_printed"):
        FORMULAS["002-final"](1)


def test_the_derivative_of_these_tests_is_exact():
    z = np.random.default_rng(8).normal(size=4)
    np.testing.assert_allclose(derivative(np.sin, z), np.diag(np.cos(z)), rtol=1e-14, atol=0)
