"""What the doctor prints: lines that fit a terminal, one line for each finding elsewhere."""

from __future__ import annotations

import sys

import pytest

from bpexp.cli.findings import print_findings
from bpexp.tracking.doctor.finding import person, well

TEXT = "a long text of many short words that says what is well with the store of all the runs of this working directory"


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_a_terminal_gets_lines_of_its_width(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    assert print_findings([well(TEXT), person(TEXT, TEXT)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    assert " ".join(" ".join(lines).split()).count(TEXT) == 4


def test_a_file_gets_one_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_findings([well(TEXT)]) == 0
    assert capsys.readouterr().out == f"well    {TEXT}\nall is well\n"
