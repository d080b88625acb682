"""The help page fits the terminal it is read on."""

from __future__ import annotations

import pytest

from bpexp.cli import help


@pytest.mark.parametrize("words", [(), ("data=csv",), ("init=lecun_normal",), ("probe",)], ids=str)
def test_lines_are_no_longer_than_the_terminal(words, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    narrow = help.text(words)
    assert max(map(len, narrow.splitlines())) <= 80
    monkeypatch.setenv("COLUMNS", "300")
    wide = help.text(words)
    assert max(map(len, wide.splitlines())) <= help.WIDTH
    assert "".join(narrow.split()) == "".join(wide.split())


@pytest.mark.parametrize("columns", ["1", "20", "41"])
def test_a_very_narrow_terminal_is_no_error(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert "data.path" in help.text(("data=csv",))


@pytest.mark.parametrize("words", ["model=deep_sigmoid probe=full", "task=explore", "task=trace", "task=report"])
def test_the_help_shows_what_a_student_types_first(words, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    usage, *_ = help.text(()).partition("Choices")
    assert f"python -m bpexp {words}" in usage
