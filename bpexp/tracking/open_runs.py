"""What is not delivered yet: one small file for each run and sweep in .bpexp/open of the folder where it was started.

A file is written when the run begins and removed when MLflow holds everything, so that the next start there finds what
an earlier one left behind, at the cost of listing a folder. The folder goes when it is empty.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bpexp.errors import RecordError
from bpexp.files.plain_json import read_json
from bpexp.files.whole import write_whole

FOLDER = Path(".bpexp", "open")
FORMAT = 1


@dataclass(frozen=True, slots=True)
class OpenRun:
    """The file of one run or sweep, and the absolute path of its folder."""

    file: Path
    directory: Path


def announce(key: str, directory: Path, store: str, kind: str, cwd: Path) -> OpenRun | None:
    """Write the file of a run or sweep; None where the working directory cannot be written.

    Args:
        key: of its facts.
        directory: its folder.
        store: the address of the store, without credentials.
        kind: run or sweep.
        cwd: the working directory.
    """
    file = cwd / FOLDER / f"{key}.json"
    content = json.dumps({"format": FORMAT, "kind": kind, "directory": str(directory.absolute()), "store": store})
    for _ in range(3):  # another process may remove the empty folder meanwhile
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, content)
            return OpenRun(file, directory.absolute())
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def withdraw(entry: OpenRun) -> None:
    """Remove the file of what is delivered, and the folder if it was the last."""
    with suppress(OSError):
        entry.file.unlink(missing_ok=True)
        entry.file.parent.rmdir()  # fails while there are others
        entry.file.parent.parent.rmdir()


def open_runs(cwd: Path) -> Iterator[OpenRun]:
    """The runs and sweeps that were started in `cwd` and are not delivered; files that cannot be read are left out."""
    try:
        files = sorted(path for path in (cwd / FOLDER).iterdir() if path.suffix == ".json")
    except OSError:
        return
    for file in files:
        try:
            content = read_json(file, error=RecordError)
            if content["format"] == FORMAT:
                yield OpenRun(file, Path(str(content["directory"])))
        except (RecordError, KeyError, TypeError):
            continue
