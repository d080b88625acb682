"""Figures as files and as bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bpexp.errors import visible
from bpexp.files.whole import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAME = 500
"""Milliseconds of a frame of an animation."""


def write_png(figure: Figure, path: Path) -> None:
    """Write a PNG file, whole or not at all."""
    write_whole(path, png(figure))


def png(figure: Figure) -> bytes:
    """The figure as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    with _letters_missing():
        FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def svg(figure: Figure) -> bytes:
    """The figure as SVG, with text as outlines."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.BytesIO()
    with _letters_missing():
        FigureCanvasSVG(figure).print_svg(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def pdf(figure: Figure) -> bytes:
    """The figure as PDF, without the time, so that a figure that is drawn again is the same file."""
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    buffer = io.BytesIO()
    with _letters_missing():
        FigureCanvasPdf(figure).print_pdf(buffer, metadata={"CreationDate": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


STILLS: dict[str, Callable[[Figure], bytes]] = {"png": png, "svg": svg, "pdf": pdf}
"""What makes a file of a figure, by the ending of its name."""


def gif(frames: Iterable[Figure]) -> bytes:
    """Figures of one size as an animation that begins again at its end; the last one stays three times as long."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    pictures = []
    for figure in frames:
        canvas = FigureCanvasAgg(figure)
        with _letters_missing():
            canvas.draw()  # type: ignore[no-untyped-call]
        pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        pictures.append(Image.fromarray(pixels).convert("RGB").quantize())
    buffer, times = io.BytesIO(), [FRAME] * (len(pictures) - 1) + [3 * FRAME]
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=times, loop=0)
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
