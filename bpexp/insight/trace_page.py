"""The trace of a sample as text and as Markdown with formulas; small arrays in full, large ones summarised."""

from __future__ import annotations

import numpy as np

from bpexp.insight.trace import Line, SampleTrace
from bpexp.nn.arrays import Array

FULL = 64
"""Size up to which an array is printed in full; a larger one is printed as norm, extremes, mean and number of zeros."""

TITLES = {
    "parameters": "Parameters",
    "forward": "Forward pass",
    "backward": "Backward pass",
    "gradient": "Gradient of the cost of this sample",
}


def as_text(trace: SampleTrace, title: str) -> str:
    """The whole trace for a terminal."""
    parts = [title]
    for section, heading in TITLES.items():
        parts += ["", heading, "-" * len(heading)]
        for line in (line for line in trace.lines if line.section == section):
            parts += [_head(line), *(f"    {row}" for row in numbers(line.value))]
    return "\n".join([*parts, "", check_line(trace), ""])


def as_markdown(trace: SampleTrace, title: str) -> str:
    """The whole trace as Markdown, with the equations in LaTeX."""
    parts = [f"# {title}"]
    for section, heading in TITLES.items():
        parts += ["", f"## {heading}"]
        for line in (line for line in trace.lines if line.section == section):
            equation = f" $= {line.latex}$" if line.latex else ""
            source = f" ({line.source})" if line.source else ""
            parts += ["", f"`{line.symbol}`{equation}, shape {shape(line.value)}{source}", "", "```"]
            parts += [*numbers(line.value), "```"]
    return "\n".join([*parts, "", f"**Check.** {check_line(trace)}", ""])


def _head(line: Line) -> str:
    equation = f"{line.symbol} = {line.equation}" if line.equation else line.symbol
    return f"{equation:<44}{shape(line.value):<12}{line.source}".rstrip()


def shape(value: Array) -> str:
    """(n, m), as the papers write it."""
    return f"({value.shape[0]}, {value.shape[1]})"


def numbers(value: Array) -> list[str]:
    """The rows of an array to eight digits, or a summary of a large one; a column is printed as a row^T."""
    value = value + 0.0  # no -0
    if value.size > FULL:
        zeros = int(np.count_nonzero(value == 0))
        extremes = f"min {value.min():.8g}, max {value.max():.8g}, mean {value.mean():.8g}"
        return [f"{value.size} numbers: norm {np.linalg.norm(value):.8g}, {extremes}, {zeros} zeros"]
    column = value.shape[1] == 1 and value.shape[0] > 1
    rows = value.T if column else value
    mark = "]^T" if column else "]"
    return ["[" + ", ".join(f"{number:.8g}" for number in row) + mark for row in rows]


def check_line(trace: SampleTrace) -> str:
    """The result of the verification in one sentence."""
    check = trace.check
    return (
        f"The gradient against {check.reference}: {check.compared} slopes compared, "
        f"worst relative error {check.error:.1e} (in {check.parameter})."
    )
