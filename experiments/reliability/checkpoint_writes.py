"""SIGKILL within the writing of a checkpoint: is there always one that can be read, and the run goes on from it?

    python -m experiments.reliability.checkpoint_writes [--random 100]

First at every line of Python between the first and the last system call of a write, one process each; then at random
moments of processes that write checkpoints of 4 MB without a pause, so that the kill meets a system call itself. After
each kill every file `step-*.ckpt` is read, and the next write, as after a resume, has to succeed and to leave no
temporary file behind.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from bpexp.errors import CheckpointError
from bpexp.records import checkpoint as file
from bpexp.records.checkpoint import FOLDER, Checkpoint, checkpoints, read_checkpoint, write_checkpoint

SMALL, LARGE = 1_000, 500_000
"""Numbers of float64 in the state."""


def example(step: int, size: int = SMALL) -> Checkpoint:
    """A checkpoint after `step` steps, whose array tells the step."""
    return Checkpoint(
        state={"at": {"epoch": 1, "step": step, "over": False, "seconds": 0.0}, "theta": np.full(size, float(step))},
        journal=0,
        journal_sha256="",
        config="",
        config_sha256="",
        data="",
        network={},
        versions={},
        run={},
    )


def keep_two(directory: Path) -> None:
    """Remove all but the last two, as a run does."""
    for old in checkpoints(directory)[:-2]:
        old.unlink()


def kill_at(line: int, directory: Path) -> bool:
    """Write three checkpoints in a process of its own, killed at a line of the third write; whether it was killed."""
    child = os.fork()
    if child == 0:
        for step in (1, 2):
            write_checkpoint(directory, example(step))
        seen = 0

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal seen
            if frame.f_code.co_filename != file.__file__ and frame.f_code is not keep_two.__code__:
                return None
            if event == "line":
                seen += 1
                if seen == line:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        write_checkpoint(directory, example(3))
        keep_two(directory)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def kill_after(seconds: float, directory: Path) -> bool:
    """Write large checkpoints in a process of its own, killed after a time from its first; True."""
    child = os.fork()
    if child == 0:
        for step in range(1, 1_000_000):
            write_checkpoint(directory, example(step, LARGE))
            keep_two(directory)
    while not checkpoints(directory):
        time.sleep(0.001)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def faults(directory: Path, least: int) -> list[str]:
    """What is wrong with the folder of a process that was killed; `least` is the smallest step of the newest."""
    found = []
    paths = checkpoints(directory)
    for path in paths:
        try:
            theta = read_checkpoint(path).state["theta"]
            if not (theta == float(path.stem.partition("-")[2])).all():
                found.append(f"{path.name} holds something else")
        except CheckpointError as error:
            found.append(str(error))
    if not paths or read_checkpoint(paths[-1]).step < least:
        found.append(f"the newest is {paths[-1].name if paths else 'none'}")
    again = read_checkpoint(paths[-1]).step + 1 if paths else 1
    write_checkpoint(directory, example(again))
    if left := [path.name for path in (directory / FOLDER).iterdir() if path.name.endswith(".new")]:
        found.append(f"left behind: {left}")
    return found


def at_every_line(scratch: Path, every: int = 1) -> tuple[int, list[str]]:
    """The number of kills, one at every `every`-th line, and what was wrong."""
    found: list[str] = []
    for kills, line in enumerate(range(1, 10_000, every)):
        directory = scratch / f"line-{line}"
        directory.mkdir()
        if not kill_at(line, directory):
            return kills, found
        found += faults(directory, 2)
    raise RuntimeError("a write has more lines than this")


def at_random(scratch: Path, kills: int, seed: int = 0) -> tuple[int, int, list[str]]:
    """The number of kills, of those that left a temporary file, and what was wrong."""
    rng, met, found = random.Random(seed), 0, []
    for number in range(kills):
        directory = scratch / f"random-{number}"
        directory.mkdir()
        kill_after(rng.uniform(0, 0.2), directory)
        met += any(path.name.endswith(".new") for path in (directory / FOLDER).iterdir())
        found += faults(directory, 1)
        shutil.rmtree(directory)
    return kills, met, found


def main() -> None:
    """Kill, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--random", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        lines, found = at_every_line(Path(scratch))
        print(f"{lines} kills, one at each line of a write: {len(found)} faults", flush=True)
        kills, met, more = at_random(Path(scratch), options.random)
        print(f"{kills} kills at random, of which {met} left a temporary file: {len(more)} faults")
    print("\n".join(found + more) or "every checkpoint can be read")
    sys.exit(bool(found + more))


if __name__ == "__main__":
    main()
