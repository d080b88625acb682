"""The page as one HTML file with its own script, which fetches nothing; the numbers lie in it as JSON."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np

from bpexp.figures.explorer.decimals import DIGITS, packed
from bpexp.figures.explorer.side import FEW, TERMS, Samples
from bpexp.figures.palette import BLUE, MAP, ORANGE, VERMILION

MOST = 2_000_000
"""Largest size of the page in bytes."""

SHADES = 65
SCRIPTS = ("numbers.js", "drawing.js", "steps.js", "explorer.js")
COLOURS = f":root {{ --blue: {BLUE}; --orange: {ORANGE}; --vermilion: {VERMILION}; }}"


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What the page tells of the data: the samples that it follows, with a name for each."""

    title: str
    facts: Sequence[str]
    legend: str
    sizes: Sequence[int]
    samples: Samples
    names: Sequence[str]
    classes: Sequence[str] = ()
    image_shape: tuple[int, int] | None = None


def content(shown: Shown, sides: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the script reads, as plain data: `sides` are those of `bpexp.figures.explorer.side`."""
    return {
        "title": shown.title,
        "facts": list(shown.facts),
        "legend": shown.legend,
        "sizes": list(shown.sizes),
        "classes": list(shown.classes),
        "image": shown.image_shape,
        "samples": [{"name": name, "x": packed(x)} for name, (x, _) in zip(shown.names, shown.samples, strict=True)],
        "steps": _in_order([step[1] for step in variant] for side in sides for variant in side["variants"]),
        "digits": DIGITS,
        "few": FEW,
        "terms": TERMS,
        "shades": _shades(),
        "sides": list(sides),
    }


def page(title: str, numbers: str) -> str:
    """The page, from its title as HTML and its content as JSON that was made safe for an element `script`."""
    script = "\n".join(_text(name) for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    policy += "; base-uri 'none'; form-action 'none'"
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{COLOURS}\n{_text('explorer.css')}</style>"
    )
    body = f'{_text("explorer.html")}<script type="application/json" id="numbers">{numbers}</script>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}<script>{script}</script></body></html>\n'


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _shades() -> list[str]:
    """The colour map of all figures as hexadecimal colours, from dark to light."""
    from matplotlib import colormaps

    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b, _ in colormaps[MAP](np.linspace(0, 1, SHADES), bytes=True).tolist()]


def _in_order(lists: Any) -> list[str]:
    """The symbols of all lists once each, in an order that agrees with each of them."""
    merged: list[str] = []
    for symbols in lists:
        place = 0
        for symbol in symbols:
            if symbol in merged:
                place = merged.index(symbol) + 1
            else:
                merged.insert(place, symbol)
                place += 1
    return merged
