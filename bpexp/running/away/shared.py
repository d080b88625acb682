"""Whether two machines see one folder: by what the lock of a sweep says, which is of one process and one moment."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from bpexp.records.lock import LOCK

_MOST = 4096


def mark_of(folder: Path) -> str:
    """What stands in the lock of the folder of a sweep; empty without one."""
    with suppress(OSError), (folder / LOCK).open("rb") as file:
        return file.readline(_MOST).decode(errors="replace")
    return ""


def same_folder(folder: str, mark: str) -> bool:
    """Whether the folder here is the one with this mark; one that does not look so yet, as over NFS, is another one."""
    return bool(mark) and mark_of(Path(folder)) == mark
