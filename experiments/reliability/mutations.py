"""Readers of damaged files: `python -m experiments.reliability.mutations` damages each file 10 000 times.

Each damaged file is read, or refused by an error of bpexp in one line. Whatever is read has to be what the file says.
The memory that Python and NumPy allocate while a file is read is at most twice the file, unpacked, and 8 MB.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bpexp.errors import BpexpError
from experiments.reliability.readable_files import Readable, readable_files, unpacked

CONSTANT = 8_000_000
"""Bytes that a reader may take beside twice the file."""

SECONDS = 1.0
"""Processor time that a reader may take."""


@dataclass(slots=True)
class Counts:
    """What became of the mutations of one file."""

    refused: int = 0
    right: int = 0
    wrong: list[str] = field(default_factory=list)
    foreign: Counter[str] = field(default_factory=Counter)
    over_memory: int = 0
    over_time: int = 0
    memory: int = 0
    """Largest number of bytes beyond twice the file."""
    pickles: int = 0

    @property
    def good(self) -> bool:
        """Whether every mutation was refused or read right, within memory and time."""
        return not (self.wrong or self.foreign or self.over_memory or self.over_time or self.pickles)


class Pickles:
    """Counts the classes that pickle looks up, by an audit hook, which cannot be taken off again."""

    def __init__(self) -> None:
        self.found = 0
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: object) -> None:
        self.found += event == "pickle.find_class"


def damage(file: Readable, count: int, rng: np.random.Generator, pickles: Pickles) -> Counts:
    """Read `count` mutations of a file, each of which takes its place; the good content is put back."""
    counts, good = Counts(), file.path.read_bytes()
    file.read()
    earlier = pickles.found  # of whatever else this process does
    tracemalloc.start()
    try:
        for _ in range(count):
            content = good
            for _ in range(rng.integers(1, 3)):
                try:
                    content = file.mutators[rng.integers(len(file.mutators))](content, rng)
                except Exception:  # one that knows the format cannot read what another one has left
                    break
            file.path.write_bytes(content)
            _read(file, content, counts)
    finally:
        tracemalloc.stop()
        file.path.write_bytes(good)
    counts.pickles = pickles.found - earlier
    return counts


def _read(file: Readable, content: bytes, counts: Counts) -> None:
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    start = time.process_time()
    found, told = None, ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = file.read()
    except BpexpError as error:
        told = str(error)
    except Exception as error:
        counts.foreign[f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"] += 1
        return
    counts.over_time += time.process_time() - start > SECONDS
    size = max(len(content), _unpacked_size(content))
    beyond = tracemalloc.get_traced_memory()[1] - before - 2 * size
    counts.memory = max(counts.memory, beyond)
    counts.over_memory += beyond > CONSTANT
    if told or found is None:
        counts.refused += 1
        if "\n" in told:
            counts.wrong.append(f"more than one line: {told!r}")
    elif _is_right(file, found, content):
        counts.right += 1
    else:
        counts.wrong.append(repr(content[:2000]))


def _is_right(file: Readable, found: object, content: bytes) -> bool:
    try:
        return file.right(found, content)
    except Exception as error:
        print(f"{file.path.name}: {error!r}", file=sys.stderr)
        return False


def _unpacked_size(content: bytes) -> int:
    try:
        return len(unpacked(content))
    except Exception:  # damaged
        return 0


HEAD = (
    "| file | mutations | refused | read, and right | wrong | other exceptions | over memory | over 1 s "
    "| beyond twice the file |"
)


def main() -> int:
    """Print the table; exit code 1 where something was neither refused nor right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="mutations of each file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of a file's name")
    given = parser.parse_args()
    pickles, ok = Pickles(), True
    with tempfile.TemporaryDirectory() as scratch:
        files = readable_files(Path(scratch))
        print(HEAD, "|---|---|---|---|---|---|---|---|---|", sep="\n")
        for name, file in files.items():
            if given.only not in name:
                continue
            counts = damage(file, given.count, np.random.default_rng(given.seed), pickles)
            ok &= counts.good
            cells = [name, given.count, counts.refused, counts.right, len(counts.wrong), counts.foreign.total()]
            cells += [counts.over_memory, counts.over_time, f"{max(counts.memory, 0) / 1e6:.1f} MB"]
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
            for what, times in [*counts.foreign.most_common(5), *((text, 1) for text in counts.wrong[:3])]:
                print(f"    {times} x {what}", file=sys.stderr)
    print(f"\nclasses looked up by pickle: {pickles.found}")
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
