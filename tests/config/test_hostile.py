"""The short form of experiments.reliability.hostile_configs: every seventh case, in this process."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hostile import Attack

from experiments.reliability.hostile_cases import Case, cases

CASES = cases()


def test_there_are_as_many_as_the_table_says() -> None:
    counts = Counter(case.kind for case in CASES)
    page = (Path(__file__).parents[2] / "experiments/reliability/README.md").read_text(encoding="utf-8")
    assert all(f"| {kind} | {number} | {number} |" in page for kind, number in counts.items())
    assert f"| all | {len(CASES)} | {len(CASES)} |" in page


@pytest.mark.parametrize("case", CASES[::7], ids=lambda case: repr(case.label))
def test_refused(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert Attack(tmp_path, monkeypatch).problems(case, capfd) == []


def test_the_watch_sees_what_it_watches_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = Case("good", "a run", ("data=xor", "data.n=60", "model.hidden=[3]", "epochs=1", "tracking=none"))
    found = Attack(tmp_path, monkeypatch).problems(run, capfd)
    assert "exit code 0" in found
    assert any("for writing" in problem for problem in found)
    assert any("result.json" in problem for problem in found)
