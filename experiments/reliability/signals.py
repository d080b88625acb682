"""Signals at random moments of a command: does it end in time, with a true record, and say one line?

python -m experiments.reliability.signals [--sigterm 50] [--sigint 50] [--sighup 20] [--twice 10] [--seed 0]

Each signal goes to a process of its own, at a random moment of its start-up, of its training, of the end of its run, or
of a sweep of three jobs; all but those of the start-up are forked from one that has imported everything. Moments before
bpexp's first line, in which the interpreter dies of a signal, are left out. It ended truly if

- its exit code is 128 and the number of the signal or, where everything was written already, that of the run;
- standard error holds one line and no traceback, or nothing where the run was over;
- every run that was begun has a result.json, whose status the journal and MLflow confirm; no run, and no sweep, is left
  RUNNING in MLflow; nobody holds a lock, and no temporary file lies about;
- a run that is resumable says so.

Told are the seconds from the signal to the end of the process: wall time without the time for which its main thread
waited for a processor, which is how long it would have taken on a machine that is not busy, and processor time.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from bpexp.__main__ import main as command
from bpexp.records.lock import LOCK, liveness
from bpexp.tracking.environment import mlflow_environment

RUN = ["data=xor", "data.n=200", "progress=false"]
COMMANDS = {
    "start-up": [*RUN, "epochs=100000"],
    "training": [*RUN, "epochs=100000"],
    "slow steps": [*RUN, "epochs=100000", "batch_size=full", "gradient=central_difference", "model.hidden=[60,60]"],
    "end": [*RUN, "epochs=2"],
    "sweep": ["-m", *RUN, "epochs=3", "seed=0,1,2", "tracking.figures=false"],
}
"""The commands, by the part of them that the signal meets."""

STORE = "mlflow.db.new"
"""A store in the making: the next start removes it (`experiments.reliability.creation_kills`)."""

MLFLOW = {"finished": "FINISHED", "stopped": "FINISHED", "killed": "KILLED", "failed": "FAILED", "diverged": "FAILED"}


@dataclass(frozen=True, slots=True)
class Ended:
    """How one command ended: seconds of three kinds, and what was not true."""

    moment: str
    code: int
    wall: float
    able: float
    processor: float
    untrue: list[str]


def default() -> None:
    """Before the command is executed: signals as a terminal has them, also where this process ignores some."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def warm() -> None:
    """Import what a command imports, once for all that are forked."""
    with mlflow_environment():
        for name in ("mlflow.store.tracking.sqlalchemy_store", "mlflow.pyfunc", "bpexp.figures.run_page"):
            importlib.import_module(name)
    for name in ("bpexp.running.sweep", "bpexp.running.plan", "bpexp.tracking.model", "bpexp.cli.ranking_table"):
        importlib.import_module(name)


class Command:
    """The command in a process: a new one, or one forked from this, which has imported everything."""

    def __init__(self, folder: Path, arguments: list[str], *, new: bool, output: Path) -> None:
        files = [os.open(output / name, os.O_WRONLY | os.O_CREAT) for name in ("out", "err")]
        if new:
            words = [sys.executable, "-m", "bpexp", *arguments]
            self._process = subprocess.Popen(words, cwd=folder, stdout=files[0], stderr=files[1], preexec_fn=default)
            self.pid = self._process.pid
        else:
            self.pid = os.fork()
            if not self.pid:
                execute(folder, arguments, files)
        for file in files:
            os.close(file)

    def over(self) -> bool:
        """Whether it has ended."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def code(self) -> int:
        """Its exit code, when it has ended."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def execute(folder: Path, arguments: list[str], files: list[int]) -> NoReturn:
    """The command, in a forked process."""
    try:
        default()
        os.chdir(folder)
        for number, file in enumerate(files, start=1):
            os.dup2(file, number)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        sys.argv[1:] = arguments
        command()
        os._exit(98)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:
        traceback.print_exc()
        os._exit(99)


@contextmanager
def started(folder: Path, arguments: list[str], *, new: bool, output: Path | None = None) -> Iterator[Command]:
    """The command in a folder, which is killed if it has not ended; what it prints is in the files `out` and `err`."""
    process = Command(folder, arguments, new=new, output=output or folder)
    try:
        yield process
    finally:
        with suppress(ChildProcessError, ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
            os.waitpid(process.pid, 0)


def await_until(process: Command, true: Callable[[], bool]) -> None:
    """Wait until something is true, or the process has ended."""
    while not true() and not process.over():
        time.sleep(0.01)


def found(folder: Path, name: str) -> list[Path]:
    """The files of this name in the folders of runs."""
    return [*folder.glob(f"outputs/*/*/{name}"), *folder.glob(f"multirun/*/*/*/{name}")]


def moment(name: str, folder: Path, process: Command, chance: random.Random, start: float) -> None:
    """Wait for a random moment of the named part."""

    def seen() -> list[Path]:
        return [path for path in found(folder, "metrics.jsonl") if path.stat().st_size > 0]

    if name == "start-up":
        await_until(process, lambda: handles(process.pid, signal.SIGTERM))
        time.sleep(chance.random() * start)
    elif name == "end":
        await_until(process, lambda: any(path.read_text().count("loss/train") >= 3 for path in seen()))
        time.sleep(3 * chance.random())
    else:
        await_until(process, lambda: bool(seen()))
        time.sleep(chance.random() * (4.0 if name == "sweep" else 0.5))


def handles(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal: before its first line has run, the interpreter dies of it."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/status").read_text()
        return bool(int(text.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1)
    return False


def usage(pid: int) -> tuple[float, float]:
    """Seconds of processor time of a process, and those for which its main thread waited for a processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return ticks, int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def run(folder: Path, name: str) -> AbstractContextManager[Command]:
    """The command whose named part the signal meets."""
    return started(folder, COMMANDS[name], new=name == "start-up")


def shoot(name: str, number: signal.Signals, chance: random.Random, start: float, *, twice: bool) -> Ended:
    """Execute a command, send the signal at a random moment of the named part, and look at what is left."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        started(Path(scratch), COMMANDS[name], new=name == "start-up") as process,
    ):
        folder = Path(scratch)
        moment(name, folder, process, chance, start)
        before = now = usage(process.pid)
        sent = time.monotonic()
        os.kill(process.pid, number)  # Popen would take note of an end by itself
        if twice:
            time.sleep(0.35)
            os.kill(process.pid, number)
        while not process.over():
            now = usage(process.pid)
            time.sleep(0.005)
        wall = time.monotonic() - sent
        code = process.code()
        untrue = list(untruths(folder, code, number, hurried=twice))
        return Ended(name, code, wall, wall - (now[1] - before[1]), now[0] - before[0], untrue)


def untruths(folder: Path, code: int, number: int, *, hurried: bool = False) -> Iterator[str]:
    """What is not true of what a command left behind; one that was `hurried` may have left a run in MLflow open."""
    err = (folder / "err").read_text()
    told = {path.parent: json.loads(path.read_text()) for path in found(folder, "result.json")}
    if code not in (128 + number, 0):
        yield f"exit code {code}"
    if (code == 0 and err) or (code != 0 and (err.count("\n") != 1 or not err.startswith("bpexp: "))):
        yield f"standard error: {err!r}"
    for journal in found(folder, "metrics.jsonl"):
        lines = journal.read_text().splitlines()
        status = told.get(journal.parent, {}).get("status", "no result.json")
        last = json.loads(lines[-1]) if lines else {}
        if last.get("status") != status and not (hurried and "status" not in last):
            yield f"the journal says {last.get('status')}, result.json {status}"
    if code == 0 and any(result["status"] != "finished" for result in told.values()):
        yield "exit code 0 and a run that is not finished"
    for path in folder.rglob("*"):
        if path.name.endswith((".new", ".tmp")) and path.name != STORE:
            yield f"left behind: {path.name}"
        if path.name == LOCK and liveness(path.parent).state != "dead":
            yield f"{LOCK} is {liveness(path.parent)}"
    yield from untold(folder, told, hurried=hurried)


def untold(folder: Path, told: dict[Path, dict[str, str]], *, hurried: bool) -> Iterator[str]:
    """What is not true in MLflow."""
    if not (folder / "mlflow.db").exists():
        return
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        query = (
            "select status, value from runs join tags on runs.run_uuid = tags.run_uuid where key = 'bpexp.directory'"
        )
        for status, directory in database.execute(query):
            if status == "RUNNING":
                if not hurried:
                    yield f"RUNNING in MLflow: {Path(directory).name}"
            elif Path(directory) in told and MLFLOW[told[Path(directory)]["status"]] != status:
                yield f"MLflow says {status}, result.json {told[Path(directory)]['status']}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = {signal.SIGTERM: 50, signal.SIGINT: 50, signal.SIGHUP: 20}
    for number, count in numbers.items():
        parser.add_argument(f"--{number.name.lower()}", type=int, default=count)
    parser.add_argument("--twice", type=int, default=10, help="of each kind, so many more are sent twice")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    warm()
    start = start_up()
    print(f"training begins after {start:.1f} s", flush=True)
    wrong = 0
    for twice in (False, True):
        for number in numbers:
            count = arguments.twice if twice else getattr(arguments, number.name.lower())
            wrong += volley(number, count, chance, start, twice=twice)
    sys.exit(1 if wrong else 0)


def start_up() -> float:
    """Seconds to the beginning of training."""
    with tempfile.TemporaryDirectory() as scratch, started(Path(scratch), COMMANDS["training"], new=True) as process:
        began = time.monotonic()
        await_until(process, lambda: any(Path(scratch).glob("outputs/*/*/metrics.jsonl")))
        return time.monotonic() - began


def volley(number: signal.Signals, count: int, chance: random.Random, start: float, *, twice: bool) -> int:
    """Send one kind of signal at `count` moments, print what came of it, and return the number of untrue ends."""
    ended: list[Ended] = []
    for i in range(count):
        end = shoot(list(COMMANDS)[i % len(COMMANDS)], number, chance, start, twice=twice)
        if end.untrue:
            print(f"  {number.name} in {end.moment}: {'; '.join(end.untrue)}", flush=True)
        ended.append(end)
        if len(ended) % 10 == 0 or len(ended) == count:
            tell(number, ended, twice=twice)
    return sum(bool(end.untrue) for end in ended)


def tell(number: signal.Signals, ended: list[Ended], *, twice: bool) -> None:
    """Print what came of one kind of signal so far."""
    true = sum(not end.untrue for end in ended)
    slowest = max(ended, key=lambda end: end.able)
    codes = dict(Counter(end.code for end in ended))
    processor, wall = max(end.processor for end in ended), max(end.wall for end in ended)
    print(
        f"{number.name}{' twice' if twice else ''}: {true} of {len(ended)} true; exit codes {codes}; slowest "
        f"{slowest.able:.2f} s in {slowest.moment}; at most {processor:.2f} s of processor time, {wall:.2f} s in all",
        flush=True,
    )


if __name__ == "__main__":
    main()
