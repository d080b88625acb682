"""What goes to another machine and back: one line, a JSON text, and the files of a run one after the other.

    bpexp parcel FORMAT LENGTH
    {"told": {...}, "files": [["metrics.jsonl", 4711], ...]}
    the bytes of the files

Nothing is pickled or compressed. A parcel is checked as a whole before anything of it is written: only the files that a
run writes, by name, so that no path leads out of the folder, each once, and as many bytes as were promised.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpexp.errors import RecordError
from bpexp.files.plain_json import MOST_BYTES, parse_json
from bpexp.files.whole import write_whole
from bpexp.records.network_file import WEIGHTS
from bpexp.records.network_spec import SPEC
from bpexp.records.outcome import EARLIER, RESULT
from bpexp.tracking.content import FILES
from bpexp.tracking.manifest import FACTS, SENT

FORMAT = 1

MOST = 2 << 30
"""Largest number of bytes of the files of a run."""

NAMES = (*FILES, WEIGHTS, SPEC, FACTS, SENT, *EARLIER.values())
KNOWN = re.compile(rf"(attempt-\d{{1,4}}/)?({'|'.join(map(re.escape, NAMES))}|checkpoints/step-\d{{6,15}}\.ckpt)")
"""The files of a run that travel. Hydra's own, which the sweep has, and those of a plug-in stay where they are."""

_OPENING = re.compile(rb"bpexp parcel (\d{1,4}) (\d{1,9})\n")


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """What was told, plain data, and the files by name, in the order in which they are written."""

    told: dict[str, Any]
    files: Mapping[str, memoryview | bytes]


def files_in(directory: Path) -> dict[str, bytes]:
    """The files of a run that travel, by name; raises RecordError where they are too large, and OSError."""
    found = {path.relative_to(directory).as_posix(): path for path in sorted(directory.rglob("*"))}
    mine = {name: path for name, path in found.items() if KNOWN.fullmatch(name) and _plain(path, directory)}
    size = sum(path.stat().st_size for path in mine.values())
    if size > MOST:
        raise RecordError(f"the files of the run in {str(directory)!r} have {size} bytes; at most {MOST} travel")
    return {name: path.read_bytes() for name, path in mine.items()}


def _plain(path: Path, directory: Path) -> bool:
    """Whether it is a regular file, to which no link leads."""
    links = [path, *(folder for folder in path.parents if folder.is_relative_to(directory) and folder != directory)]
    return path.is_file() and not any(link.is_symlink() for link in links)


def packed(told: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """A parcel as bytes."""
    listing = json.dumps({"told": told, "files": [[name, len(content)] for name, content in files.items()]}).encode()
    return b"".join([f"bpexp parcel {FORMAT} {len(listing)}\n".encode(), listing, *files.values()])


def opened(content: bytes) -> Parcel:
    """The parcel of some bytes, checked; raises RecordError, and writes nothing."""
    opening = _OPENING.match(content)
    if opening is None or int(opening[1]) != FORMAT:
        raise RecordError(f"a parcel of format {FORMAT} was expected, and came as {bytes(content[:32])!r}")
    begin, length = opening.end(), int(opening[2])
    if length > MOST_BYTES or begin + length > len(content):
        raise RecordError(f"a parcel promises {length} bytes of text, and has {len(content) - begin}")
    listing = parse_json(content[begin : begin + length], "a parcel", error=RecordError)
    if not isinstance(listing, dict) or set(listing) != {"told", "files"} or not isinstance(listing["told"], dict):
        raise RecordError("a parcel tells something else than 'told' and 'files'")
    sizes = _sizes(listing["files"])
    if sum(sizes.values()) != len(content) - begin - length:
        raise RecordError(f"a parcel promises {sum(sizes.values())} bytes of files, and has other {len(content)}")
    view, at, files = memoryview(content), begin + length, {}
    for name, size in sizes.items():
        files[name], at = view[at : at + size], at + size
    return Parcel(listing["told"], files)


def _sizes(listed: Any) -> dict[str, int]:
    """The size of each file by name; raises RecordError for a name that no file of a run has, and for a wrong size."""
    sizes: dict[str, int] = {}
    for entry in listed if isinstance(listed, list) else [listed]:
        if not (isinstance(entry, list) and len(entry) == 2 and type(entry[1]) is int and 0 <= entry[1] <= MOST):
            raise RecordError(f"a parcel lists {str(entry)[:80]!r}; expected the name and the size of a file")
        name, size = entry
        if not isinstance(name, str) or not KNOWN.fullmatch(name) or name in sizes:
            raise RecordError(f"a parcel holds {str(name)[:80]!r}; expected a file that a run writes, once")
        sizes[name] = size
    if (total := sum(sizes.values())) > MOST:
        raise RecordError(f"a parcel holds {total} bytes; expected at most {MOST}")
    return sizes


def write(files: Mapping[str, memoryview | bytes], directory: Path, *, gone: Sequence[str] = ()) -> None:
    """Write the files into the folder of their run, the outcome last, and take away those that are `gone` there.

    Raises OSError, and RecordError where a link in the folder leads elsewhere.
    """
    for name in sorted(files, key=lambda name: name == RESULT):
        path = directory / name
        if any(link.is_symlink() for link in (path.parent, path.parent.parent) if link.is_relative_to(directory)):
            raise RecordError(f"{str(path.parent)!r} is a symbolic link; expected a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, bytes(files[name]))
    for name in gone:
        (directory / name).unlink(missing_ok=True)
