"""The value of an objective of a run that ended."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

from bpexp.records.journal import JOURNAL, history
from bpexp.records.network_spec import SPEC
from bpexp.records.outcome import Outcome
from bpexp.search.declared import PARAMETERS


def value_of(outcome: Outcome, objective: str) -> float:
    """Of the network that a run saved; of a run that diverged, before its first step. NaN without one."""
    if objective == PARAMETERS:
        return _parameters(Path(outcome.directory))
    if outcome.status == "diverged":
        points = history(Path(outcome.directory) / JOURNAL).get(objective, [])
        return float(points[0][1]) if points and points[0][0] == 0 else math.nan
    return outcome.metrics.get(f"final/{objective.replace('/', '_')}", math.nan)


def _parameters(directory: Path) -> float:
    """The number of parameters of a saved network: sum over the layers of n_l (n_{l-1} + 1)."""
    sizes = json.loads((directory / SPEC).read_text(encoding="utf-8"))["sizes"]
    return float(sum(outputs * (inputs + 1) for inputs, outputs in pairwise(sizes)))
