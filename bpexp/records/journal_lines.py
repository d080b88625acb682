"""The lines of a journal read back: each is checked before it is used, and no line is longer than a declared bound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from bpexp.errors import RecordError
from bpexp.files.plain_json import MOST_BYTES, parse_json
from bpexp.files.regular import open_regular, size_of
from bpexp.records.schema import FORMAT, LARGEST, check_format, shown, typed
from bpexp.registry import Range

NEWEST = 1
"""The newest format of a journal, stated where a run begins or goes on; the journals of earlier versions state none."""

TAIL = 1 << 20
"""Bytes at the end of a journal that hold its last line."""

FIELDS: dict[str, Any] = {
    "time": Annotated[float, Range(least=-1e11, most=1e11)],
    "event": str,
    "step": Annotated[int, Range(least=0)],
    "metrics": dict[str, float],
    "losses": list[float],
}
"""The types of the fields; an event has others of its own."""


def read(path: Path, offset: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """(end, line) of the complete lines from a byte offset on; `end` is the offset after the line.

    The last line is left out where its end is missing: the run is writing it, or died there. Raises RecordError, which
    names the file and the byte where the line begins, for any other line that is none of a journal.
    """
    name = str(path)
    with open_regular(path, error=RecordError) as file:
        file.seek(offset)
        while line := _next(file, name):
            if not line.endswith(b"\n"):
                if len(line) == MOST_BYTES:
                    raise RecordError(f"{name!r}: the line at byte {offset} is longer than {MOST_BYTES} bytes")
                return
            yield offset + len(line), checked_line(line, f"{name!r}: the line at byte {offset}")
            offset += len(line)


def _next(file: BinaryIO, name: str) -> bytes:
    try:
        return file.readline(MOST_BYTES)
    except OSError as error:
        raise RecordError(f"{name!r}: cannot be read: {error.strerror or error}") from error


def last_line(path: Path) -> dict[str, Any] | None:
    """The last complete line; None where there is none, or none that is a line of a journal."""
    try:
        with open_regular(path, error=RecordError) as file:
            file.seek(max(0, size_of(file) - TAIL))
            lines = file.read(TAIL).rpartition(b"\n")[0].rsplit(b"\n", 1)
        return checked_line(lines[-1], repr(str(path)))
    except (OSError, RecordError):
        return None


def checked_line(text: bytes, where: str) -> dict[str, Any]:
    """The fields of a line, with the types that they must have; raises RecordError, which begins with `where`."""
    line = parse_json(text, where, error=RecordError)
    if not isinstance(line, dict):
        raise RecordError(f"{where}: found {shown(line)}; expected a mapping of fields")
    if FORMAT in line:
        check_format(line, where, NEWEST)
    for key, hint in FIELDS.items():
        if key in line:
            line[key] = typed(line[key], hint, f"{where}: {key}")
    for key in ("time", *(("step",) if "metrics" in line or "losses" in line else ("event",))):
        if key not in line:
            raise RecordError(f"{where}: {key}: is missing; expected time, and an event or the metrics of a step")
    if line.get("step", 0) > LARGEST - len(line.get("losses", ())):
        raise RecordError(f"{where}: step: found {line['step']}; expected a smaller one")
    return line


def plain(value: float) -> float | str:
    """The value as JSON can represent it: "nan", "inf" or "-inf" if it is not finite; `float` reads it back."""
    value = float(value)
    return value if math.isfinite(value) else str(value)


def points(line: dict[str, Any], every: int = 1) -> Iterator[tuple[str, float, int]]:
    """(metric, value, step) of a line; batch losses are named loss/batch and taken at every `every`-th step."""
    if "metrics" in line:
        for name, value in line["metrics"].items():
            yield name, float(value), int(line["step"])
    if "losses" in line:
        for step, loss in enumerate(line["losses"], start=int(line["step"])):
            if step % every == 0:
                yield "loss/batch", float(loss), step


def history(path: Path, every: int = 1) -> dict[str, list[tuple[int, float]]]:
    """(step, value) pairs by metric, in the order of the journal; raises RecordError as `read` does."""
    series: dict[str, list[tuple[int, float]]] = {}
    for _, line in read(path):
        for name, value, step in points(line, every):
            series.setdefault(name, []).append((step, value))
    return series


def is_fused(path: Path) -> bool:
    """Whether a journal tells, before its first metrics, that its run is trained together with others."""
    for _, line in read(path):
        if "event" not in line:
            return False
        if line["event"] == "fused":
            return True
    return False
