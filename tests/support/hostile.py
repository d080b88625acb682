"""Hostile commands, executed inside the test's own process and judged as the study judges them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bpexp.cli.main import main
from experiments.reliability.hostile_cases import SECRET, Case
from experiments.reliability.hostile_configs import listing, place, refusal
from experiments.reliability.hostile_watch import Watch


class Attack:
    """Executes cases in one process; the audit hook of a process cannot be taken out, so it is switched."""

    watch: Watch | None = None

    def __init__(self, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._scratch, self._monkeypatch = scratch, monkeypatch
        if Attack.watch is None:
            Attack.watch = Watch()
            Attack.watch.active = False
            sys.addaudithook(Attack.watch)

    def problems(self, case: Case, capfd: pytest.CaptureFixture[str]) -> list[str]:
        """What a case did that a refusal does not, with what it said."""
        assert Attack.watch is not None
        folder = self._scratch / "here"
        place(case, folder)
        before = listing(folder)
        for key, value in {"CANARY": SECRET, "HYDRA_FULL_ERROR": "0", "HOME": str(self._scratch)}.items():
            self._monkeypatch.setenv(key, value)
        for key in ("MLFLOW_TRACKING_URI", "BPEXP_DATA", "COMP_LINE"):
            self._monkeypatch.delenv(key, raising=False)
        self._monkeypatch.chdir(folder)
        self._monkeypatch.syspath_prepend(str(folder))
        self._monkeypatch.setattr(sys, "argv", ["bpexp", *case.argv])
        code: object = "no SystemExit"
        Attack.watch.seen.clear()
        Attack.watch.active = True
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        finally:
            Attack.watch.active = False
        out, err = capfd.readouterr()
        imported = [name for name in sys.modules if name.partition(".")[0] == "evilpkg"]
        found = refusal(int(str(code)) if str(code).isdigit() else -1, out, err) + Attack.watch.seen + imported
        made = set(listing(folder)) - set(before)
        os.chdir(self._scratch)
        return [*found, *sorted(made), err.strip()[:300]] if found or made else []
