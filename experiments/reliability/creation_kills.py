"""The process that creates the store is killed: at system calls spread over the whole creation, and at random moments.

python -m experiments.reliability.creation_kills [--calls 25] [--moments 25] [--seed 0]

Kills at system calls need `strace`: the kernel kills the process when it enters the call, which is not carried out.
After each kill a second start must find or make the store: it recovered if the database is whole, of the right version,
takes a run, and nothing else lies beside it or in the folder for temporary files.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from contextlib import closing
from pathlib import Path

from bpexp.tracking.environment import mlflow_environment

CALLS = (
    "openat,pwrite64,write,pread64,fsync,fdatasync,rename,unlink,unlinkat,mkdir,rmdir,ftruncate,flock,fcntl,close,lseek"
)
"""The system calls that touch files."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=25)
    parser.add_argument("--moments", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with mlflow_environment(), tempfile.TemporaryDirectory() as scratch:
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401, imported once, before the processes are forked

        bench = Bench(Path(scratch), random.Random(arguments.seed))
        killed, recovered = bench.at_calls(arguments.calls) if shutil.which("strace") else (0, 0)
        print(f"at system calls: {recovered} of {killed} recovered", flush=True)
        more, well = bench.at_moments(arguments.moments)
        print(f"at random moments: {well} of {more} recovered")
        print(f"{recovered + well} of {killed + more} kills recovered; killed in: {dict(bench.where)}")
    sys.exit(0 if recovered + well == killed + more else 1)


class Bench:
    """Forks starts, kills them, and looks at what the next start makes of it."""

    def __init__(self, scratch: Path, chance: random.Random) -> None:
        self._scratch, self._chance, self._number = scratch, chance, 0
        self.where: Counter[str] = Counter()
        tempfile.tempdir = str(scratch / "tmp")
        Path(tempfile.tempdir).mkdir()

    def at_calls(self, times: int) -> tuple[int, int]:
        """Kills and recoveries at calls spread evenly over a start."""
        made = self._traced([])
        chosen = [made[len(made) * n // times] for n in range(times)]
        recovered = 0
        for name, occurrence in chosen:
            folder = self._folder()
            self._start_traced(folder, ["-e", f"inject={name}:signal=SIGKILL:when={occurrence}"])
            recovered += self._recovers(folder, f"{name} {occurrence}")
        return len(chosen), recovered

    def _traced(self, more: list[str]) -> list[tuple[str, int]]:
        """The system calls of a start that is not disturbed: each with its number among those of the same name."""
        log = self._scratch / "calls"
        self._start_traced(self._folder(), ["-o", str(log), *more])
        seen: Counter[str] = Counter()
        calls = []
        for name in re.findall(r"^(?:\d+ +)?(\w+)\(", log.read_text(errors="replace"), re.MULTILINE):
            seen[name] += 1
            calls.append((name, seen[name]))
        return calls

    def _start_traced(self, folder: Path, words: list[str]) -> None:
        """A start under strace, which is attached before it goes."""
        gate, go = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(gate, 1)
            _start(folder)
        os.close(gate)
        quiet = [] if "-o" in words else ["-o", os.devnull]
        command = ["strace", "-f", "-p", str(child), "-e", f"trace={CALLS}", *quiet, *words]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            assert "attached" in tracer.stderr.readline()
            os.write(go, b"x")
            os.close(go)
            os.waitpid(child, 0)

    def at_moments(self, times: int) -> tuple[int, int]:
        """Kills and recoveries at random moments of a start; a start that ended before its kill does not count."""
        began = time.monotonic()
        os.waitpid(_forked(self._folder()), 0)
        lasts = time.monotonic() - began
        killed = recovered = 0
        while killed < times:
            folder = self._folder()
            child = _forked(folder)
            time.sleep(self._chance.random() * lasts)
            os.kill(child, signal.SIGKILL)
            if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
                killed += 1
                recovered += self._recovers(folder, "a random moment")
        return killed, recovered

    def _folder(self) -> Path:
        self._number += 1
        folder = self._scratch / str(self._number)
        folder.mkdir()
        return folder

    def _recovers(self, folder: Path, moment: str) -> bool:
        """Whether the next start is good; says why not."""
        path = folder / "mlflow.db"
        self.where["the store was there" if path.exists() else "the store was not there"] += 1
        code = os.waitpid(_forked(folder), 0)[1]
        left = sorted(file.name for file in folder.iterdir())
        temporary = list(Path(str(tempfile.tempdir)).iterdir())
        with closing(sqlite3.connect(path)) as database:
            whole = database.execute("pragma integrity_check").fetchall() == [("ok",)]
            runs = database.execute("select count(*) from runs").fetchone()[0]
        good = code == 0 and whole and runs >= 1 and left == ["mlflow.db"] and not temporary
        if not good:
            print(
                f"killed at {moment}: code {code}, whole {whole}, runs {runs}, left {left} and {temporary}", flush=True
            )
        return good


def _forked(folder: Path) -> int:
    child = os.fork()
    if child == 0:
        _start(folder)
    return child


def _start(folder: Path) -> None:
    """Open the store and create a run; never returns."""
    from bpexp.tracking.store import open_store

    code = 1
    try:
        store = open_store(f"sqlite:///{folder / 'mlflow.db'}", "study")
        store.client.create_run(store.experiment_id)
        code = 0
    except Exception as error:
        print(f"a start failed: {error}", flush=True)
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
