"""The storage of a search as one file of JSON lines, which a process that is killed at any moment leaves readable.

Optuna's own file backend locks by a file that a killed process leaves behind, and writes on behind half a line. Here
the system releases the lock, and half a line, which nobody has acted on, is cut off before the next one is written.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from bpexp.errors import RecordError

LONGEST = 1 << 20
"""Bytes of the longest line that is read."""


class JournalFile(BaseJournalBackend):
    """Operations of Optuna's storage, one a line; several processes may read and append."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = (0, 0)

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """The operations from a number on; raises RecordError for a line that is none."""
        number, offset = self._known if self._known[0] == log_number_from else (0, 0)
        with self._path.open("rb") as file:
            file.seek(offset)
            while (line := file.readline(LONGEST)).endswith(b"\n"):
                if number >= log_number_from:
                    yield self._parsed(line, number)
                number += 1
                self._known = (number, file.tell())
            if len(line) >= LONGEST:
                raise RecordError(f"{str(self._path)!r}, line {number + 1}: it is longer than {LONGEST} bytes")

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict) or "op_code" not in content:
            raise RecordError(f"{str(self._path)!r}, line {number + 1}: it is no operation of a search; it is damaged")
        return content

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append operations, on the disk when this returns."""
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        with self._locked() as file:
            _cut_half_line(file)
            os.lseek(file, 0, os.SEEK_END)
            while text:
                text = text[os.write(file, text) :]
            os.fsync(file)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)  # which releases the lock


def _cut_half_line(file: int) -> None:
    """Cut off what a killed process wrote of a line that it did not finish."""
    end = os.lseek(file, 0, os.SEEK_END)
    at = end
    while at and os.pread(file, 1, at - 1) != b"\n":
        at -= 1
    if at < end:
        os.ftruncate(file, at)
