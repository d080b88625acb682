"""What the preparation of a data set decided by itself, in sentences for the screen."""

from __future__ import annotations

from collections.abc import Iterator

from bpexp.data.dataset import Raw
from bpexp.data.scaling import Scaling, standardizes
from bpexp.nn.arrays import Array
from bpexp.nn.column import listed


def preparation_notes(raw: Raw, rows: Array, scaling: Scaling, missing: int) -> Iterator[str]:
    """One sentence for each decision about a table.

    Args:
        raw: the data, without missing values.
        rows: the training rows.
        scaling: as declared.
        missing: the number of values that were imputed.
    """
    if scaling == "auto" and standardizes(raw, scaling):
        yield (
            "inputs standardized with the mean and the standard deviation of the training part; "
            "data.scaling=none leaves them as they are"
        )
    if raw.columns is None:
        return
    if missing:
        hows = {c.impute for c in raw.columns.columns if c.impute and c.kind == "number"} or {"most_frequent"}
        yield f"{missing} missing values imputed ({', '.join(sorted(hows))} of the training part)"
    lost = [
        name
        for name, number, any_ in zip(
            raw.columns.inputs, raw.columns.is_number, (raw.X[rows] != 0).any(axis=0), strict=True
        )
        if not number and not any_
    ]
    if lost:
        yield f"no training row has {listed(lost)}: what the network makes of such rows is not learned"
