"""One file from the first mirror that has it: verified before it gets its name, so the cache holds no broken file."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from bpexp.errors import DataError

T = TypeVar("T")

TIMEOUT = (5, 20)
"""Seconds to connect, and without an answer, after which the next mirror is tried."""


def fetch(mirrors: Iterable[str], name: str, folder: Path, read: Callable[[Path], T]) -> T:
    """Download `name` into `folder` and return what `read`, which raises DataError on a wrong file, makes of it."""
    failures = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
            for mirror in mirrors:
                try:
                    path = _retrieve(mirror + name, Path(temporary))
                    result = read(path)
                except (OSError, ValueError) as error:  # requests' errors are OSErrors, DataError is a ValueError
                    failures.append(f"{mirror}: {_brief(error)}")
                    continue
                os.replace(path, folder / name)
                return result
    except OSError as error:
        raise DataError(f"{str(folder)!r} cannot be written: {error.strerror or error}") from None
    raise DataError(f"could not download {name} ({'; '.join(failures)})")


def _retrieve(url: str, folder: Path) -> Path:
    """Download one file with pooch, into a name of its own for each mirror."""
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)  # it would print the hash of each file
    name = url.rsplit("/", 1)[1]
    target = tempfile.mkdtemp(dir=folder)
    downloader = pooch.HTTPDownloader(progressbar=_progress(name), chunk_size=1 << 16, timeout=TIMEOUT)
    # The packed bytes differ from mirror to mirror; the unpacked content is what the caller verifies.
    return Path(pooch.retrieve(url, known_hash=None, fname=name, path=target, downloader=downloader))


def _progress(name: str) -> Any:
    """A progress bar for pooch on a terminal, else False."""
    return _Bar(name) if sys.stderr.isatty() else False


class _Bar:
    """A bar of rich with the four methods that pooch calls."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task(name, total=None)
        self._total = 0

    @property
    def total(self) -> int:
        """The bytes to come; pooch sets it when the answer begins."""
        return self._total

    @total.setter
    def total(self, value: int) -> None:
        self._total = value
        self._progress.update(self._task, total=value or None)
        self._progress.start()

    def update(self, n: int) -> None:
        """Move on by n bytes."""
        self._progress.advance(self._task, n)

    def reset(self) -> None:
        """Back to the start."""
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        """Leave the bar as it is and give the terminal back."""
        self._progress.stop()


def _brief(error: Exception) -> str:
    """An error in a few words; the text of a connection's error runs over several lines."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"HTTP status {status}"
    if isinstance(error, DataError) or getattr(error, "strerror", None):
        return str(error)
    return type(error).__name__
