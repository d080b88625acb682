"""The trace of a sample as text, Markdown and LaTeX; small arrays in full, large ones summarised."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from bpexp.insight.paper_sources import legend
from bpexp.insight.trace import Line, SampleTrace
from bpexp.nn.arrays import Array

FULL = 64
"""Size up to which an array is printed in full; a larger one is printed as norm, extremes, mean and number of zeros."""

DIGITS = 8
"""Significant digits, unless it is said otherwise."""

TITLES = {
    "parameters": "Parameters",
    "forward": "Forward pass",
    "backward": "Backward pass",
    "gradient": "Gradient of the cost of this sample",
    "update": "Update of the parameters",
}


def as_text(trace: SampleTrace, title: str, digits: int = DIGITS) -> str:
    """The whole trace for a terminal."""
    parts = [title]
    for heading, lines in _sections(trace):
        parts += ["", heading, "-" * len(heading)]
        for line in lines:
            parts += [_head(line), *([f"  {line.source}"] if line.source else [])]
            parts += [f"    {row}" for row in numbers(line.value, digits)]
    return "\n".join([*parts, "", *_legend(trace), "", check_line(trace), ""])


def as_markdown(trace: SampleTrace, title: str, digits: int = DIGITS) -> str:
    """The whole trace as Markdown, with the equations in LaTeX."""
    parts = [f"# {title}"]
    for heading, lines in _sections(trace):
        parts += ["", f"## {heading}"]
        for line in lines:
            equation = f" $= {line.latex}$" if line.latex else ""
            source = f" ({line.source})" if line.source else ""
            parts += ["", f"`{line.symbol}`{equation}, shape {shape(line.value)}{source}", "", "```"]
            parts += [*numbers(line.value, digits), "```"]
    sources = [f"- {line}" for line in _legend(trace)]
    return "\n".join([*parts, "", *sources, "", f"**Check.** {check_line(trace)}", ""])


def as_latex(trace: SampleTrace, title: str, digits: int = DIGITS) -> str:
    """The whole trace as the body of a LaTeX document with amsmath; `title` is LaTeX already."""
    parts = [rf"\section*{{{title}}}"]
    for heading, lines in _sections(trace):
        parts += ["", rf"\subsection*{{{heading}}}"]
        for line in lines:
            equation = f" = {line.latex}" if line.latex else ""
            if line.source:
                parts += ["", rf"\noindent {_plain(line.source)}:"]
            parts += [r"\[", f"{_symbol(line.symbol)}{equation} = {_matrix(line.value, digits)}", r"\]"]
    parts += ["", rf"\noindent {_plain(check_line(trace))}", *(rf"\\ {_plain(line)}" for line in _legend(trace))]
    return "\n".join([*parts, ""])


def _sections(trace: SampleTrace) -> Iterator[tuple[str, list[Line]]]:
    """The headings under which there are lines, with these."""
    batch = any(line.symbol == "C_k" for line in trace.lines)
    for section, heading in TITLES.items():
        if lines := [line for line in trace.lines if line.section == section]:
            yield heading.replace("this sample", "the batch") if batch else heading, lines


def _legend(trace: SampleTrace) -> list[str]:
    return legend(" ".join(line.source for line in trace.lines))


def _head(line: Line) -> str:
    equation = f"{line.symbol} = {line.equation}" if line.equation else line.symbol
    return f"{equation:<44}{shape(line.value)}"


def shape(value: Array) -> str:
    """(n, m), as the papers write it."""
    return f"({value.shape[0]}, {value.shape[1]})"


def numbers(value: Array, digits: int = DIGITS) -> list[str]:
    """The rows of an array, or a summary of a large one; a column is printed as a row^T."""
    value = value + 0.0  # no -0
    if value.size > FULL:
        return [_summary(value, digits)]
    column = value.shape[1] == 1 and value.shape[0] > 1
    rows = value.T if column else value
    mark = "]^T" if column else "]"
    return ["[" + ", ".join(f"{number:.{digits}g}" for number in row) + mark for row in rows]


def _summary(value: Array, digits: int) -> str:
    told = {"norm": np.linalg.norm(value), "min": value.min(), "max": value.max(), "mean": value.mean()}
    norm, *others = (f"{name} {number:.{digits}g}" for name, number in told.items())
    return f"{value.size} numbers: {norm}, {', '.join(others)}, {int(np.count_nonzero(value == 0))} zeros"


def _matrix(value: Array, digits: int) -> str:
    """An array in LaTeX; `array`, unlike `pmatrix`, has as many columns as it needs."""
    value = value + 0.0
    if value.size > FULL:
        return rf"\text{{{_summary(value, digits)}}}"
    if value.size == 1:
        return _number(value.item(), digits)
    rows = r" \\ ".join(" & ".join(_number(number, digits) for number in row) for row in value)
    return rf"\left(\begin{{array}}{{{'r' * value.shape[1]}}} {rows} \end{{array}}\right)"


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}g}".replace("inf", r"\infty").replace("nan", r"\mathrm{NaN}")
    return re.sub(r"e([+-])0*(\d+)$", lambda m: rf" \cdot 10^{{{m[1].strip('+')}{m[2]}}}", text)


def _symbol(symbol: str) -> str:
    """dC/dW^2, delta^1, f'(z^1) and the like in LaTeX."""
    text = re.sub(r"\^(\d+)", r"^{\1}", symbol)
    text = re.sub(r"dC/d(\S+)", r"\\frac{\\partial C}{\\partial \1}", text)
    return text.replace("delta", r"\delta").replace("new_", r"\text{new } ")


def _plain(text: str) -> str:
    """Our own words in LaTeX: they hold no other sign with a meaning there."""
    return re.sub(r"\^(\S)", r"\\textsuperscript{\1}", text).replace("_", r"\_").replace("&", r"\&")


def check_line(trace: SampleTrace) -> str:
    """The result of the verification in one sentence."""
    check = trace.check
    return (
        f"The gradient against {check.reference}: {check.compared} slopes compared, "
        f"worst relative error {check.error:.1e} (in {check.parameter})."
    )
