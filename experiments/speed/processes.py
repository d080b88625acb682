"""Whole processes of Python in a folder with a store of its own: their time, their memory, and what a run left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from experiments.speed.programs import ON_PROCESSOR_TIME

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Done:
    """A finished process: seconds, by the clock or of the processor; exit code; peak memory in MB."""

    seconds: float
    code: int
    megabytes: float


def process(arguments: list[str], folder: Path, *, processor_time: bool) -> Done:
    """Run Python with these arguments in `folder` and wait; what it prints goes into a file there."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # from the second start on nobody compiles modules
    with open(folder / "printed.txt", "wb") as out:
        start = time.perf_counter()
        child = subprocess.Popen([sys.executable, *arguments], cwd=folder, env=environment, stdout=out, stderr=out)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
    if processor_time:
        seconds = usage.ru_utime + usage.ru_stime
    child.returncode = os.waitstatus_to_exitcode(status)
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return Done(seconds, child.returncode, usage.ru_maxrss / unit)


class Lab:
    """A folder with a store in it, where runs are started and read back."""

    def __init__(self, folder: Path, *, processor_time: bool) -> None:
        self.folder, self.processor_time, self.count = folder, processor_time, 0

    def process(self, arguments: list[str], code: int = 0) -> Done:
        """A process that has to end with this code."""
        done = process(arguments, self.folder, processor_time=self.processor_time)
        if done.code != code:
            raise SystemExit(f"a process ended with {done.code}, not {code}:\n{self.printed()[-2000:]}")
        return done

    def printed(self) -> str:
        """What the last process printed."""
        return (self.folder / "printed.txt").read_text(encoding="utf-8", errors="replace")

    def command(self, *words: str, journal: bool = False) -> Done:
        """`python -m bpexp` as a user runs it; by our clock where it is to count, and `journal` is read later."""
        other_clock = journal and self.processor_time
        return self.process(["-c", ON_PROCESSOR_TIME, *words] if other_clock else ["-m", "bpexp", *words])

    def run(self, *overrides: str) -> tuple[Done, dict[str, Any]]:
        """A single run; what it left, with its training seconds."""
        self.count += 1
        directory = self.folder / f"run{self.count}"
        done = self.command(*overrides, f"hydra.run.dir={directory}", journal=True)
        return done, left_by(directory)

    def sweep(self, *overrides: str) -> tuple[Done, list[dict[str, Any]]]:
        """A sweep; what its runs left."""
        self.count += 1
        directory = self.folder / f"sweep{self.count}"
        done = self.command("-m", *overrides, f"hydra.sweep.dir={directory}", journal=True)
        return done, [left_by(path.parent) for path in directory.glob("*/result.json")]


def left_by(directory: Path) -> dict[str, Any]:
    """result.json, with the seconds of the training loop by the last metrics of the journal."""
    result: dict[str, Any] = json.loads((directory / "result.json").read_text(encoding="utf-8"))
    lines = (directory / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    seconds = [
        line["metrics"]["time/seconds"] for line in map(json.loads, lines) if "time/seconds" in line.get("metrics", {})
    ]
    return result | {"training": seconds[-1]}


def alternated(rounds: int, those: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Seconds of each, in every round, in alternating order."""
    times: dict[str, list[float]] = {name: [] for name in those}
    for number in range(rounds):
        for name in list(those) if number % 2 else list(reversed(those)):
            times[name].append(those[name]())
    return times


def ratios(times: dict[str, list[float]], name: str, base: str) -> float:
    """The median over the rounds of the seconds of `name` divided by those of `base`."""
    return median(a / b for a, b in zip(times[name], times[base], strict=True))
