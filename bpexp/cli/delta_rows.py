"""How much of the gradient arrives in each layer, as rows for a terminal: where it vanishes or explodes is seen."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from bpexp.errors import RecordError
from bpexp.records.journal import read

DELTA = r"delta_norm/layer_\d+"
"""The metrics that say how much of a gradient is in each layer."""

LAYERS = 12
"""Layers that are shown; of a deeper network those at both ends."""

EARLY = 100
"""Lines of a journal in which the first step is looked for."""

WIDEST = 30
"""Columns of the longest bar."""


def delta_rows(journal: Path, room: int, mark: str) -> list[str]:
    """The norm of delta in each layer at the first step that was probed, from the output down, each with a bar.

    The bars are in proportion to the norms, in `room` columns with the text before them. Of a network of two layers, in
    which nothing can be seen to vanish, and where nothing was probed, there are no rows.

    Args:
        journal: of the run.
        room: columns of a row.
        mark: the letter of which the bars are made.
    """
    with suppress(RecordError, OSError):  # a journal that is damaged or gone is no matter of this table
        for _, line in islice(read(journal), EARLY):  # the first step is probed, or none is
            found = [float(value) for key, value in line.get("metrics", {}).items() if re.fullmatch(DELTA, key)]
            if found:
                return _rows(line["step"], found, room, mark) if len(found) > 2 else []
    return []


def _rows(step: int, found: Sequence[float], room: int, mark: str) -> list[str]:
    """The sentence and the bars; `found` are the norms from the first layer up."""
    largest = max((value for value in found if math.isfinite(value)), default=0.0)
    names = [f"layer {number}" for number in range(1, len(found) + 1)]
    figures = [f"{value:.2g}" for value in found]
    name, figure = max(map(len, names)), max(map(len, figures))
    most = min(WIDEST, room - name - figure - 4)
    rows = []
    for label, told, value in reversed(list(zip(names, figures, found, strict=True))):
        length = round(most * value / largest) if largest and math.isfinite(value) else 0
        rows.append(f"{label:<{name}}  {told:<{figure}}  {mark * length}".rstrip())
    shown = rows if len(rows) <= LAYERS else [*rows[: LAYERS // 2], "...", *rows[-LAYERS // 2 :]]
    return [f"delta (dC/dz) at step {step}{_share(found)}", *shown]


def _share(found: Sequence[float]) -> str:
    """How much of the last layer's delta the first one gets, where the two can be compared."""
    if not (found[-1] > 0 and math.isfinite(found[0] / found[-1])):
        return ""
    return f": layer 1 gets {found[0] / found[-1]:.2g} times layer {len(found)}'s"
