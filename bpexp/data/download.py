"""Download a file from the first mirror that has it; it is verified before it is moved to its final name."""

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
"""Seconds to wait for a connection and for data before the next mirror is tried."""


def fetch(mirrors: Iterable[str], name: str, folder: Path, read: Callable[[Path], T]) -> T:
    """Download `name` into `folder` and return `read(path)`.

    Args:
        mirrors: addresses to try in turn, each ending with a slash.
        name: of the file, on the mirrors and in `folder`.
        folder: made where it is missing.
        read: reads and verifies the file; a DataError that it raises counts as a failure of the mirror.

    Raises DataError, which lists the failure of each mirror, or says that the folder cannot be written.
    """
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
    """Download one file with pooch, into a new folder for each mirror."""
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)  # it would print the hash of each file
    name = url.rsplit("/", 1)[1]
    target = tempfile.mkdtemp(dir=folder)
    downloader = pooch.HTTPDownloader(progressbar=_progress(name), chunk_size=1 << 16, timeout=TIMEOUT)
    # The packed bytes differ from mirror to mirror; the unpacked content is what the caller verifies.
    return Path(pooch.retrieve(url, known_hash=None, fname=name, path=target, downloader=downloader))


def _progress(name: str) -> Any:
    """A progress bar for pooch where stderr is a terminal, else False."""
    return _Bar(name) if sys.stderr.isatty() else False


class _Bar:
    """A progress bar of rich with the interface that pooch expects of tqdm."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task(name, total=None)
        self._total = 0

    @property
    def total(self) -> int:
        """The size in bytes; pooch sets it when the download begins."""
        return self._total

    @total.setter
    def total(self, value: int) -> None:
        self._total = value
        self._progress.update(self._task, total=value or None)
        self._progress.start()

    def update(self, n: int) -> None:
        """Advance by n bytes."""
        self._progress.advance(self._task, n)

    def reset(self) -> None:
        """Return to 0 bytes."""
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        """Stop drawing and leave the bar as it is."""
        self._progress.stop()


def _brief(error: Exception) -> str:
    """An error in one line; the message of a connection error has several."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"HTTP status {status}"
    if isinstance(error, DataError) or getattr(error, "strerror", None):
        return str(error)
    return type(error).__name__
