"""What the preparation of a data set decided by itself, in sentences for the screen."""

from __future__ import annotations

from collections.abc import Iterator

from bpexp.data.dataset import Raw
from bpexp.data.scaling import Scaling, TargetChoice, full_scale, standardizes
from bpexp.nn.arrays import Array
from bpexp.nn.column import listed
from bpexp.nn.scaling import TargetScaling

LARGE = 10.0
"""The largest input that is left as it is without a word: networks are initialized for inputs of about 1."""


def preparation_notes(raw: Raw, rows: Array, scaling: Scaling, missing: int) -> Iterator[str]:
    """One sentence for each decision about the inputs.

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
    elif scaling == "auto" and full_scale(raw) is None:
        low, high = float(raw.X.min()), float(raw.X.max())
        if max(-low, high) > LARGE:
            yield (
                f"inputs left as they are, from {low:g} to {high:g}, as {raw.X.dtype}: only bytes (uint8) are divided "
                "by 255; data.scaling=unit or data.scaling=standardize scales these"
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


def target_notes(choice: TargetChoice, units: TargetScaling | None) -> Iterator[str]:
    """A sentence about targets that were standardized without being told to."""
    if choice == "auto" and units is not None:
        yield (
            "targets standardized in the same way: the loss is that of the scaled targets, while predictions, rmse and "
            "r2 are in the units of the data; data.target_scaling=none leaves them as they are"
        )
