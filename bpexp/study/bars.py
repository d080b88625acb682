"""The interval of a claim as a small picture: zero, the claimed region, the mean and its interval, as inline SVG."""

from __future__ import annotations

import math

from bpexp.records.escaping import html
from bpexp.study.claims import Claim
from bpexp.study.statistics import Interval

STYLE = """
svg.interval { display: block; width: 100%; max-width: 30rem; height: auto; margin: .3rem 0; }
svg.interval text { font: 11px system-ui, sans-serif; fill: var(--soft); }
svg.interval .region { fill: var(--green); opacity: .18; }
svg.interval .axis, svg.interval .zero { stroke: var(--soft); stroke-width: 1; }
svg.interval .bound { stroke: var(--green); stroke-width: 1.5; stroke-dasharray: 3 2; }
svg.interval .range { stroke: var(--ink); stroke-width: 3; }
svg.interval .mean { fill: var(--paper); stroke: var(--ink); stroke-width: 2; }
@media print { svg.interval { max-width: 20rem; } svg.interval * { print-color-adjust: exact; } }
"""

WIDE, TALL, MARGIN = 360.0, 52.0, 12.0
"""The size of the picture, and the room at its sides, in units of the SVG."""

TOP, MIDDLE, BOTTOM = 14.0, 25.0, 36.0
"""The heights of the claimed region's upper end, of the interval, and of the lower end."""


def bar(claim: Claim, interval: Interval) -> str:
    """The picture of a claim's interval; empty where there is no finite mean.

    An interval without bounds, of one run, is its mean alone.
    """
    bounds = [bound for bound in claim.limits if math.isfinite(bound)]
    ends = [end for end in (interval.low, interval.mean, interval.high) if math.isfinite(end)]
    low, high = min([0.0, *bounds, *ends]), max([0.0, *bounds, *ends])
    if not math.isfinite(interval.mean) or not math.isfinite(high - low):
        return ""
    room = 0.08 * (high - low) or 1.0
    low, high = low - room, high + room

    def across(x: float) -> float:
        return MARGIN + (WIDE - 2 * MARGIN) * (min(max(x, low), high) - low) / (high - low)

    first, last = (across(limit) for limit in claim.limits)
    parts = [
        f'<rect class="region" x="{first:.1f}" y="{TOP}" width="{last - first:.1f}" height="{BOTTOM - TOP}"/>',
        _line("axis", across(low), MIDDLE, across(high), MIDDLE),
        _line("zero", across(0), TOP, across(0), BOTTOM + 3),
        *(_line("bound", across(bound), TOP, across(bound), BOTTOM) for bound in bounds),
        *_range(interval, across(interval.low), across(interval.high)),
        f'<circle class="mean" cx="{across(interval.mean):.1f}" cy="{MIDDLE}" r="4"/>',
        _text(across(0), TALL - 3, "0", "middle"),
        _label(claim, first, last),
    ]
    told = html(f"{interval}, claimed: {claim.said}")
    box = f'viewBox="0 0 {WIDE:.0f} {TALL:.0f}" role="img" aria-label="{told}"'
    return f'<svg class="interval" {box}><title>{told}</title>{"".join(parts)}</svg>'


def _range(interval: Interval, low: float, high: float) -> list[str]:
    """The line from end to end; nothing for an interval without both of them."""
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return []
    ends = [_line("range", x, MIDDLE - 5, x, MIDDLE + 5) for x in (low, high)]
    return [_line("range", low, MIDDLE, high, MIDDLE), *ends]


def _label(claim: Claim, first: float, last: float) -> str:
    """The claim's inequality above its region: from its bound on, towards the side that has the room."""
    if claim.within is not None:
        middle = min(max((first + last) / 2, 50.0), WIDE - 50.0)
        return _text(middle, TOP - 3, claim.said, "middle")
    bound = first if claim.above is not None else last
    return _text(bound, TOP - 3, claim.said, "start" if bound < WIDE / 2 else "end")


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html(text)}</text>'
