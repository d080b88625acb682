"""Equal work: everybody's losses, and the losses of everybody's weights, are those of bpexp."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpexp.training.evaluation import evaluate
from experiments.speed.ours import Bpexp
from experiments.speed.turns import turn_of
from experiments.speed.work import Case, Samples, head, network

TOLERANCE = {"sgd": 1e-4, "adam": 1e-3}
"""Of losses in float32, relative; the sums of the libraries run in different orders. After a short turn of everyone,
and in the median of the rounds after the timed turns. Adam's step is as large for a gradient that is all rounding as
for any other, so the weights differ sooner."""

CHECKED = 20
"""Steps of the short turn."""

STRAY = 0.05
"""The same for the worst round: where z comes within rounding of ReLU's kink, two libraries take different sides, and a
hundred steps later their weights differ in more than the last digits."""


def check_losses(case: Case, data: Samples, those: dict[str, Any]) -> dict[str, Any]:
    """A few steps of everyone: the mean loss over them, and the loss of common samples after them, must be equal."""
    turn = turn_of(case, data, CHECKED, 0)
    during, after = {}, {}
    for name, one in those.items():
        one.prepare(turn)
        one.go()
        if one.theta() is None:
            continue
        after[name] = loss_at(case, data, one.theta())
        during[name] = one.mean_loss(turn) if isinstance(one, Bpexp) else one.loss
    for losses in (during, after):
        for name, loss in losses.items():
            require_equal(name, abs(loss / losses["bpexp"] - 1), TOLERANCE[case.optimizer])
    return {"mean over 20 steps": during, "after 20 steps": after}


def loss_at(case: Case, data: Samples, theta: Any) -> float:
    net = network(case).at(theta)
    return evaluate(net, head(case), data.part(np.arange(min(2000, len(data)))))["loss"]


def require_equal(name: str, difference: float, tolerance: float) -> None:
    if not difference <= tolerance:
        raise SystemExit(f"{name} does not do the same work: its loss differs from bpexp's by {difference:.1e}")
