"""Figures as files and as bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bpexp.errors import visible
from bpexp.files.whole import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_png(figure: Figure, path: Path) -> None:
    """Write a PNG file, whole or not at all."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    with _letters_missing():
        FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    write_whole(path, buffer.getvalue())


def svg(figure: Figure) -> bytes:
    """The figure as SVG, with text as outlines."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.BytesIO()
    with _letters_missing():
        FigureCanvasSVG(figure).print_svg(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


@contextmanager
def _letters_missing() -> Iterator[None]:
    """Draw letters that the font lacks as boxes, without a warning for each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph|Matplotlib currently", UserWarning)
        yield


def plain(text: str) -> str:
    """Text in one line, cut to 60 letters, that matplotlib reads neither as mathematics nor as a hidden label."""
    text = visible(text)
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return (" " + text if text.startswith("_") else text).replace("$", r"\$")
