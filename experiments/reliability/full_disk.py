"""A disk that is full at any moment of a command: what of it is lost, and does every record say so?

python -m experiments.reliability.full_disk [--points 30] [--seed 0]

Needs the right to mount, in a name space of its own (`unshare`), so that nobody else sees it. Every command runs on a
file system in memory, which has room for a random number of bytes when the command starts, when its training is under
way, or when its network is saved; the store of MLflow lies on the same one or on another. An older run lies on it,
whose files must not change. The command ended truly if

- its exit code is that of its run, 0 or 1, and standard error holds no traceback and at most one line for each of the
  two that write, the run and the record in MLflow;
- every folder of a run in which there was room for anything but its lock holds a result.json, which says `failed`
  unless the run came to its end with everything that matters on disk, and whose status MLflow does not contradict;
- no temporary file is left, and nothing of the older run has changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bpexp.records.lock import LOCK
from experiments.reliability.signals import MLFLOW, STORE, await_until, found, started, warm

SIZE = 16 * 2**20
COMMAND = ["data=xor", "data.n=400", "progress=false", "batch_size=4", "probe.every=1"]
APART = "BPEXP_MOUNTS_APART"
"""The environment variable that says so to this script itself."""

MOMENTS = ("at the start", "in training", "at the end")


def mount_apart() -> None:
    """Go on in a mount name space of this process alone: nothing that is mounted is seen outside, or outlives it."""
    if os.environ.get(APART) != "1":
        words = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", __spec__.name, *sys.argv[1:]]
        os.execvpe(words[0], words, {**os.environ, APART: "1"})


@contextmanager
def disk(scratch: Path) -> Iterator[Path]:
    """A small file system, in memory."""
    place = scratch / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, left: int) -> None:
    """Write a file that leaves so many bytes."""
    with (place / "ballast").open("ab", buffering=0) as file:
        while (room := free(place) - left) > 0:
            try:
                file.write(bytes(min(room, 2**20)))
            except OSError:
                return


def free(place: Path) -> int:
    """Bytes that are left on a file system."""
    about = os.statvfs(place)
    return about.f_bavail * about.f_frsize


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def point(earlier: Path, moment: str, left: int, *, apart: bool) -> list[str]:
    """What was not true after one command on a disk that had `left` bytes at the moment."""
    with tempfile.TemporaryDirectory() as scratch, disk(Path(scratch)) as place:
        shutil.copytree(earlier, place, dirs_exist_ok=True)
        store = Path(scratch) / "mlflow.db" if apart else place / "mlflow.db"
        shutil.move(place / "mlflow.db", store) if apart else None
        old, before = set(found(place, "")), digests(place / "outputs")
        if moment == "at the start":
            fill(place, left)
        epochs = 40 if moment == "in training" else 3
        command = [*COMMAND, f"epochs={epochs}", f"tracking.uri=sqlite:///{store}"]
        with started(place, command, new=False, output=Path(scratch)) as process:
            if moment != "at the start":
                name = "metrics.jsonl" if moment == "in training" else "network.npz"
                await_until(process, lambda: any(path.parent not in old for path in found(place, name)))
                fill(place, left)
            code = process.code()
        said = (Path(scratch) / "err").read_text()
        changed = [name for name, digest in before.items() if digests(place / "outputs").get(name) != digest]
        return [*(f"{name} has changed" for name in changed), *untruths(place, store, old, code, said)]


def untruths(place: Path, store: Path, old: set[Path], code: int, said: str) -> Iterator[str]:
    """What is not true of what a command left behind on a full disk."""
    if "Traceback" in said or said.count("\n") > 2 or code not in (0, 1):
        yield f"exit code {code}, standard error {said!r}"
    for path in place.rglob("*"):
        if path.name.endswith((".new", ".tmp")) and path.name != STORE:
            yield f"left behind: {path.name}"
    for folder in (path for path in found(place, "") if path not in old):
        told = folder / "result.json"
        status = json.loads(told.read_text())["status"] if told.exists() else None
        names = sorted(path.name for path in folder.iterdir())
        if status is None and names not in ([], [LOCK]):
            yield f"no result.json beside {names}"
        if (status == "finished") != (code == 0) and status is not None:
            yield f"exit code {code} of a run that is {status}"
        if status == "finished" and not (folder / "network.npz").exists():
            yield "finished without a network"
        with closing(sqlite3.connect(store)) as database:
            query = "select status from runs join tags using (run_uuid) where key = 'bpexp.directory' and value = ?"
            for (recorded,) in database.execute(query, (str(folder),)):
                if recorded == "RUNNING" and store.parent == place:
                    continue  # the store had no room either; the next start ends the run
                if status is not None and MLFLOW[status] != recorded:
                    yield f"MLflow says {recorded}, result.json {status}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    mount_apart()
    chance, true, began = random.Random(arguments.seed), Counter[str](), time.monotonic()
    warm()
    with tempfile.TemporaryDirectory() as scratch:
        earlier = Path(scratch)
        subprocess.run([sys.executable, "-m", "bpexp", *COMMAND, "epochs=1"], cwd=earlier, check=True, stdout=-3)
        for i in range(arguments.points):
            moment, apart = MOMENTS[i % 3], bool(i % 2)
            left = int(2 ** chance.uniform(10, 20)) if i >= 6 else 0
            untrue = point(earlier, moment, left, apart=apart)
            true["true" if not untrue else "untrue"] += 1
            for line in untrue:
                print(f"  {left} bytes {moment}, the store {'apart' if apart else 'beside'}: {line}", flush=True)
    print(f"{true['true']} of {arguments.points} true, in {time.monotonic() - began:.0f} s")
    sys.exit(1 if true["untrue"] else 0)


if __name__ == "__main__":
    main()
