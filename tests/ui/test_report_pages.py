"""The report of a study in a browser: on a telephone, in the dark, on paper; its links save what they name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from synthetic import claim, in_time, points, record, study
from test_ui import CHROMIUM
from test_ui_study import Browser

from bpexp.study.origin import Origin
from bpexp.study.report import write_report

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here to look at the pages with")

PHONE, PAPER = 390, 718
"""Widths in pixels: of a telephone, and of A4 between its margins."""

TOO_WIDE = """
[...document.querySelectorAll('.scroll, pre, h1, p, li')]
  .filter(box => box.scrollWidth > box.clientWidth + 1).map(box => box.className + box.tagName + box.scrollWidth).join()
"""
"""What would be cut on paper."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    opened = Browser(tmp_path_factory.mktemp("profile"))
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with many columns: six factors, five measures, long names."""
    factors = {f"a.rather.long.factor_{i}": [10.0**-i, 1.23456789012345] for i in range(5)}
    long = "w" * 300
    measures = [
        "final accuracy/test",
        "final loss/test",
        "log10 first loss/test",
        "best accuracy/test",
        "mean loss/test",
    ]
    said = {"factors": {**factors, "lr": [0.1, 1]}, "measures": measures, "repeats": 2, "title": long, "question": long}
    claims = [claim(of={"lr": 1}, against={"lr": 0.1}, above=0, at="equal"), claim(of={}, below=3)]
    design = study(**{**said, "claims": claims})
    made = [record(p, accuracy=0.5 + p["seed"] / 9, validation=0.5, loss=1.0 + p["lr"]) for p in points(design)]
    origin = Origin([f"folder /{long}"], [("again", f"python -m bpexp {long} {'lr=0.1 ' * 40}")])
    folder = tmp_path_factory.mktemp("report")
    return write_report(design, made, folder, origin, in_time(design)).files[0]


def test_a_telephone_scrolls_no_page_sideways(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri())
    browser.shown("How to reproduce it")
    browser.emulate(PHONE)
    assert browser.ask("document.documentElement.scrollWidth") == PHONE
    wide = "[...document.querySelectorAll('.scroll')].some(box => box.scrollWidth > box.clientWidth)"
    assert browser.ask(wide), "a table is wider than the page, and scrolls in its own box"


def test_paper_shows_every_column(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri())
    browser.shown("How to reproduce it")
    browser.emulate(PAPER, "print")
    assert browser.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert browser.ask(TOO_WIDE) == ""


def test_the_dark_page_has_light_letters(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri())
    browser.shown("How to reproduce it")
    for scheme, dark in (("light", False), ("dark", True)):
        browser.emulate(1280, scheme=scheme)
        ink = "Math.max(...getComputedStyle(document.querySelector('svg .range')).stroke.match(/\\d+/g).map(Number))"
        assert (browser.ask(ink) > 200) == dark


def test_a_link_holds_the_file_beside_the_page(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri())
    browser.shown("How to reproduce it")
    links = "[...document.querySelectorAll('a[download]')].map(a => [a.download, atob(a.href.split(',')[1])])"
    found = browser.ask(links)
    assert [name for name, _ in found] == ["accuracy_test_over_the_epochs.csv", "loss_test_over_the_epochs.csv"]
    for name, text in found:
        assert (page.parent / name).read_text(encoding="utf-8") == text
