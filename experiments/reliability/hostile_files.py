"""Files made to do harm: `python -m experiments.reliability.hostile_files` reads each in a process of its own.

What is counted: files that are neither read nor refused by an error of bpexp in one line, that run code, that show a
secret of the environment, that take more than 512 MB or 10 s of processor time.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bpexp.errors import BpexpError
from experiments.reliability.hostile_contents import Make, contents, places
from experiments.reliability.readable_files import Readable, readable_files

MEGABYTES, SECONDS = 512, 10
SECRET = "planted-7c1f0e"
"""What stands in the environment of the readers, and in the files beside the ones that they are given."""

CODE = (
    "pickle.find_class",
    "os.system",
    "os.exec",
    "subprocess.Popen",
    "os.posix_spawn",
    "socket.connect",
    "ctypes.dlopen",
)
"""Events of Python's audit by which a file would have run something, or called somebody."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reader made of a file: `refused`, `read`, or another exception; the rest as in the module's text."""

    name: str
    ended: str
    told: str
    code: list[str]
    megabytes: float
    seconds: float

    @property
    def faults(self) -> list[str]:
        """What is wrong with it."""
        found = [] if self.ended in ("refused", "read") else [self.ended]
        found += [f"ran {event}" for event in self.code]
        found += ["a secret was shown"] * (SECRET in self.told)
        found += ["more than one line"] * (self.ended == "refused" and "\n" in self.told)
        found += [f"{self.megabytes:.0f} MB"] * (self.megabytes > MEGABYTES)
        return found + [f"{self.seconds:.1f} s"] * (self.seconds > SECONDS)


def hostile_files(files: dict[str, Readable]) -> Iterator[tuple[str, Readable, Make]]:
    """(name, reader, how the file is made) of each hostile file."""
    for name, file in files.items():
        for what, make in (*places(), *contents(name)):
            yield f"{name}: {what}", file, make


def judge(name: str, file: Readable, make: Make) -> Verdict:
    """Put the hostile file in the place of the good one, read it in a process of its own, and put the good one back."""
    good = file.path.read_bytes()
    file.path.unlink()
    try:
        make(file.path, good)
        return _apart(name, file.read)
    finally:
        file.path.rmdir() if file.path.is_dir() and not file.path.is_symlink() else file.path.unlink(missing_ok=True)
        file.path.write_bytes(good)


def _apart(name: str, read: Callable[[], Any]) -> Verdict:
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        _child(read, send)
    os.close(send)
    with open(receive, "rb") as pipe:
        said = pipe.read()
    _, status, used = os.wait4(child, 0)
    ended, told, code = json.loads(said) if said else (f"died with status {status}", "", [])
    return Verdict(name, ended, told, code, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime)


def _child(read: Callable[[], Any], send: int) -> None:
    """Read, tell the parent how it went, and leave."""
    code: list[str] = []
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    os.environ["BPEXP_PLANTED"] = SECRET
    sys.addaudithook(lambda event, arguments: code.append(event) if event in CODE else None)
    try:
        told = ("read", repr(read())[:1000])
    except BpexpError as error:
        told = ("refused", str(error))
    except BaseException as error:
        told = (f"{type(error).__name__}: {' '.join(str(error).split())[:200]}", "")
    os.write(send, json.dumps([*told, code]).encode())
    os._exit(0)


def main() -> int:
    """Print one line for each reader, and each fault; exit code 1 where there is one."""
    faults, verdicts = 0, []
    with tempfile.TemporaryDirectory() as scratch:
        for name, file, make in hostile_files(readable_files(Path(scratch))):
            verdict = judge(name, file, make)
            verdicts.append(verdict)
            faults += bool(verdict.faults)
            if verdict.faults:
                print(f"{name}: {', '.join(verdict.faults)}", flush=True)
    refused = sum(verdict.ended == "refused" for verdict in verdicts)
    read = [verdict.name for verdict in verdicts if verdict.ended == "read"]
    print(f"{len(verdicts)} files: {refused} refused, {len(read)} read, {faults} with a fault")
    largest = max(verdicts, key=lambda verdict: verdict.megabytes)
    slowest = max(verdicts, key=lambda verdict: verdict.seconds)
    print(f"most memory: {largest.megabytes:.0f} MB, of the process ({largest.name})")
    print(f"most time: {slowest.seconds / np.median([v.seconds for v in verdicts]):.0f} medians ({slowest.name})")
    print("read:", "; ".join(read))
    return min(faults, 1)


if __name__ == "__main__":
    raise SystemExit(main())
