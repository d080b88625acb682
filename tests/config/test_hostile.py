"""The short form of experiments.reliability.hostile_configs: every quick case, in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile import Attack

from experiments.reliability.hostile_cases import Case, cases

CASES = [case for case in cases() if not case.slow]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label.replace("\0", "NUL"))
def test_refused(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert Attack(tmp_path, monkeypatch).problems(case, capfd) == []
