"""Runs that live, also stopped ones and with files of any age, and runs that are dead: is each told for what it is?

python -m experiments.reliability.living [--runs 100] [--seconds 60]

Each run is a process that holds the lock of its folder; one of them is stopped by SIGSTOP, every tenth has a child that
outlives it. Each is asked about again and again for some seconds, with lock files whose times lie years back; then all
are killed, and asked about once more, while their children live on.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from bpexp.records.lock import LOCK, RunLock, liveness


def live(folder: Path, *, child: bool) -> int:
    """A process that holds the lock of the folder, until it is killed."""
    pid = os.fork()
    if pid:
        return pid
    with RunLock(folder):
        if child and os.fork() == 0:
            (folder / "child").write_text(str(os.getpid()))
        while True:
            time.sleep(600)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch, str(number)) for number in range(arguments.runs)]
        for folder in folders:
            folder.mkdir()
        processes = [live(folder, child=number % 10 == 0) for number, folder in enumerate(folders)]
        try:
            wrong = watched(folders, processes, arguments.seconds)
        finally:
            for pid in processes:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        states = [liveness(folder).state for folder in folders]
        children = [int((folder / "child").read_text()) for folder in folders if (folder / "child").exists()]
        for pid in children:
            os.kill(pid, signal.SIGKILL)
    print(f"killed: {states.count('dead')} of {len(states)} told to be dead, while {len(children)} children lived on")
    sys.exit(1 if wrong or states.count("dead") < len(states) else 0)


def watched(folders: list[Path], processes: list[int], seconds: float) -> int:
    """Ask about living runs for some seconds; the number of answers that were not `alive`."""
    while not all((folder / LOCK).exists() and liveness(folder).state == "alive" for folder in folders):
        time.sleep(0.1)
    os.kill(processes[len(processes) // 2], signal.SIGSTOP)
    for folder in folders:
        os.utime(folder / LOCK, (0, 0))
    asked, wrong, until = 0, 0, time.monotonic() + seconds
    while time.monotonic() < until:
        states = [liveness(folder).state for folder in folders]
        asked, wrong = asked + len(states), wrong + len(states) - states.count("alive")
        time.sleep(0.1)
    print(f"alive: {wrong} of {asked} answers about {len(folders)} living runs, one of them stopped, were another")
    return wrong


if __name__ == "__main__":
    main()
