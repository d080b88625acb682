"""How far a run is, as another process reads it from its journal while it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bpexp.records.journal_look import Look, look

FUSED = {"time": 1.0, "event": "fused", "runs": 6}
LEFT_OUT = {"time": 1.0, "event": "left out", "probes": ["delta_norm"], "reason": "gradient=... does not propagate"}
STARTED = {"time": 1.0, "event": "started", "format": 1, "epochs": 30, "steps_per_epoch": 3}
RESUMED = {"time": 3.0, "event": "resumed", "epoch": 4, "step": 12, "format": 1, "epochs": 60, "steps_per_epoch": 3}


def epoch(number: float | str) -> dict[str, Any]:
    return {"time": 2.0, "step": 3, "metrics": {"loss/train": 0.5, "time/epoch": number}}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([STARTED], Look(0, 30, began=1.0)),
        ([STARTED, epoch(4)], Look(4, 30, {"loss/train": 0.5, "time/epoch": 4.0}, 1.0)),
        ([FUSED, STARTED, epoch(4)], Look(4, 30, {"loss/train": 0.5, "time/epoch": 4.0}, 1.0)),
        ([LEFT_OUT, FUSED, STARTED], Look(0, 30, began=1.0)),
        ([STARTED, epoch(4), RESUMED, epoch(5)], Look(5, 60, {"loss/train": 0.5, "time/epoch": 5.0}, 1.0)),
        ([STARTED, epoch(4), epoch("inf")], Look(4, 30, {"loss/train": 0.5, "time/epoch": 4.0}, 1.0)),
        ([FUSED], None),
        ([], None),
        ([{**STARTED, "epochs": -3}], None),
        ([{**STARTED, "epochs": "many"}], None),
    ],
)
def test_how_far_a_run_is(lines: list[dict[str, Any]], told: Look | None, tmp_path: Path) -> None:
    """Whatever was written before the start; of one that goes on, of the epochs that it is to have now."""
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"time": 3', encoding="utf-8")
    assert look(path) == told


def test_the_end_is_found_in_a_long_journal(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    losses = {"time": 2.0, "step": 0, "losses": [0.5] * 256}
    lines = [FUSED, STARTED, *([losses] * 200), epoch(7), losses]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = look(path)
    assert found is not None
    assert (found.epoch, found.epochs) == (7, 30)
