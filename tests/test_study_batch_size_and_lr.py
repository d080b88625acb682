"""What the study of batch sizes publishes: the noise scale of the gradient by epoch."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from bpexp.study.scoring import RunRecord

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from experiments.batch_size_and_lr.noise import scales  # noqa: E402


def recorded(seed: int, signal: list[float]) -> RunRecord:
    """Two epochs of four steps, of which each second is probed; tr(S) is 6."""
    steps = [0, 2, 4, 6]
    series = {
        "time/epoch": [(0, 0.0), (4, 1.0), (8, 1.0)],
        "gradient_noise/variance": [(step, 6.0) for step in steps],
        "gradient_noise/signal": list(zip(steps, signal, strict=True)),
    }
    return RunRecord({"batch_size": "8", "lr": "0.1", "seed": str(seed)}, "finished", series)


def test_noise_scale_is_averaged_before_it_is_divided() -> None:
    """Over steps and seeds: 6 / 2 in the first epoch; the step of an evaluation is the next epoch's first."""
    table = scales([recorded(0, [1.0, 1.0, 3.0, -1.0]), recorded(1, [2.0, 4.0, -6.0, 2.0])])
    assert list(table.columns) == [1, 2]
    first, second = table.loc[(8, 0.1)]
    assert first == pytest.approx(3)
    assert math.isnan(second)  # the mean estimate of |G|^2 is not positive
