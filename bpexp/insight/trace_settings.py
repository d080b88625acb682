"""The options of `task=trace`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from bpexp.registry import FilePath, Range

Digits = Annotated[int, Range(least=1, most=17)]
Few = Annotated[int, Range(least=1, most=64)]
Format = Literal["markdown", "latex"]


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """What task=trace follows and how it tells it.

    Args:
        digits: significant digits of the numbers.
        format: markdown writes trace.md; latex writes trace.tex, the body of a document with amsmath.
        samples: training samples, from `sample` on, whose pass is one batch.
        values: a YAML or NPZ file with own numbers: weights W1, b1, W2, ... and input x with target y, a sample a row;
            what it leaves out is that of the run.
    """

    digits: Digits = 8
    format: Annotated[str, Format] = "markdown"
    samples: Few = 1
    values: FilePath | None = None
