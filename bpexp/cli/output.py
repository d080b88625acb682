"""Standard output and standard error that cannot fail: what nobody takes is lost, and the run goes on.

Whoever reads a pipe may have had enough, a terminal may be closed, the disk below a log may be full. None of that is a
matter of the run, whichever line of whichever library happened to be printing.
"""

from __future__ import annotations

import io
import os
import select
import sys
from typing import Any


class LastingFile(io.FileIO):
    """A file descriptor that takes everything; `lost` is the first reason why something did not arrive."""

    lost: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write it, or drop it."""
        size = memoryview(data).nbytes
        try:
            while (written := super().write(data)) is None:  # the descriptor does not block, and is full
                select.select([], [self], [])
            return written
        except OSError as error:
            self.lost = self.lost or error
            return size


def lasting_output() -> None:
    """Replace the interpreter's own standard streams; those that somebody else has put there stay.

    A descriptor that is closed is opened on the null device: else the next file to be opened would be the output.
    """
    for number in (0, 1, 2):
        _fill(number)
    sys.stdout = _lasting(sys.stdout, sys.__stdout__, 1)
    sys.stderr = _lasting(sys.stderr, sys.__stderr__, 2)


def _fill(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)
        if opened == number:
            os.set_inheritable(number, True)
        else:
            os.dup2(opened, number)
            os.close(opened)


def _lasting(stream: Any, original: Any, number: int) -> Any:
    if stream is not original:
        return stream
    settings: dict[str, Any] = {"encoding": "utf-8", "line_buffering": number == 2}
    if isinstance(stream, io.TextIOWrapper):
        stream.flush()
        settings = {name: getattr(stream, name) for name in ("encoding", "line_buffering", "write_through")}
    file = io.BufferedWriter(LastingFile(number, "wb", closefd=False))
    return io.TextIOWrapper(file, errors="backslashreplace", **settings)


def lost(stream: Any) -> OSError | None:
    """Why something that was printed did not arrive; None where all did, or where nobody knows."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw.lost if isinstance(raw, LastingFile) else None
