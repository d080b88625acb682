"""Runs and sweeps whose server fails: the delay, the lines on the screen, and the rows that are lost or doubled.

python -m experiments.reliability.servers [--pairs 5] [--alone] [--only TEXT]

Each case is run in turn with tracking=none, on the same seed, in a folder of its own. Afterwards the server is made
healthy and `task=sync` delivers. The rows in the store are then compared with those that the journal gives by the rule
of `bpexp.tracking.rows`. Delay is the wall time of the command less that of its pair, so that it holds the import of
MLflow and all that a healthy store costs, too: the case `none` tells how much that is. Waiting is the time for which
the command stood still for its store, and of that the patience that was spent on a store that was slow or failed. On a
busy machine, where wall times tell nothing, --alone leaves out the pairs and the delay.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from bpexp.records.journal import JOURNAL
from bpexp.records.outcome import read_outcome
from bpexp.tracking.content import shown_summary
from bpexp.tracking.manifest import Sent, read_facts
from bpexp.tracking.rows import batches, last_rows
from experiments.reliability.faulty_server import FaultyServer

RUN = ["data=xor", "epochs=6000", "progress=false", "tracking.figures=false"]
SWEEP = ["-m", "data=xor", "epochs=1500", "progress=false", "tracking.figures=false", "seed=0,1,2,3"]
CASES = [
    ("run", "none", "start"),
    *(("run", fault, moment) for fault in ("503", "gone", "hang", "withhold") for moment in ("start", "middle", "end")),
    ("run", "slow", "start"),
    ("run", "refused", "start"),
    *(("sweep", fault, "start") for fault in ("none", "503", "hang", "slow", "refused", "withhold")),
]


CHILD = """
import json, sys
from pathlib import Path
from bpexp.cli.main import main
from bpexp.tracking.session import Session

real = Session.close

def close(self):
    real(self)
    Path("waited.json").write_text(json.dumps([self.waited, self.spent]))

Session.close = close
main()
"""


@dataclass
class Found:
    """What a case came to, over its pairs."""

    delays: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    spent: list[float] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    bad: int = 0
    rows: int = 0
    lost: int = 0
    doubled: int = 0


def main() -> None:
    """Measure each case and print a row of a table for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--alone", action="store_true")
    arguments = parser.parse_args()
    print(
        "| case | delay in s: median | waiting in s: median, largest | of it patience | lines | rows | lost | doubled |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch, "server")
        home.mkdir()
        server = FaultyServer(home)
        _bpexp([*RUN[:1], "epochs=1", "tracking.patience=60", "progress=false"], Path(scratch, "first"), server.uri)
        try:
            for kind, fault, moment in CASES:
                name = f"{kind}: {fault} from the {moment}"
                if arguments.only in name:
                    found = _case(server, Path(scratch, name.replace(" ", "-")), kind, fault, moment, arguments)
                    assert not found.bad, "a run that did not end well, or was not delivered"
                    delay, waited = f"{statistics.median(found.delays):.1f}", f"{statistics.median(found.waited):.2f}"
                    lines = "-".join(map(str, sorted({min(found.lines), max(found.lines)})))
                    cells = [name, delay, f"{waited}, {max(found.waited):.2f}", f"{max(found.spent):.2f}", lines]
                    cells += map(str, (found.rows, found.lost, found.doubled))
                    print(f"| {' | '.join(cells)} |", flush=True)
        finally:
            server.close()


def _case(server: FaultyServer, folder: Path, kind: str, fault: str, moment: str, how: argparse.Namespace) -> Found:
    found = Found()
    words = RUN if kind == "run" else SWEEP
    for number in range(how.pairs):
        place = folder / str(number)
        plain = math.nan if how.alone else _bpexp([*words, "tracking=none"], place / "plain", server.uri)[0]
        server.say(*(["stop"] if fault == "refused" else [fault, moment]))
        seconds, code, lines = _bpexp(words, place / "tracked", server.uri)
        server.say(*(["start"] if fault == "refused" else ["none"]))
        found.delays.append(seconds - plain)
        waited, spent = json.loads((place / "tracked" / "waited.json").read_text())
        found.waited.append(waited)
        found.spent.append(spent)
        found.lines.append(lines)
        _, synced, _ = _bpexp(["task=sync"], place / "tracked", server.uri)
        found.bad += code != 0 or synced != 0
        for directory in _runs(place / "tracked"):
            _count(directory, server.database, found)
    return found


def _bpexp(words: list[str], folder: Path, uri: str) -> tuple[float, int, int]:
    """Seconds, exit code and lines on standard error of a command."""
    folder.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "MLFLOW_TRACKING_URI": uri, "OPENBLAS_NUM_THREADS": "1"}
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", CHILD, *words], cwd=folder, env=env, capture_output=True, text=True)
    return time.monotonic() - began, done.returncode, done.stderr.count("\n")


def _runs(folder: Path) -> Iterator[Path]:
    yield from sorted(file.parent for file in folder.rglob("result.json"))


def _count(directory: Path, database: Path, found: Found) -> None:
    """Compare the rows of a run in the store with those of its journal."""
    facts, outcome, sent = read_facts(directory), read_outcome(directory), Sent()
    assert facts is not None
    expected: set[tuple[str, int]] = {(name, 0) for name in (*shown_summary(outcome), "final/seconds")}
    for rows, after in batches(directory / JOURNAL, sent, facts):
        expected |= {(row.name, row.step) for row in rows}
        sent = after
    expected |= {(row.name, row.step) for row in last_rows(sent)}
    with closing(sqlite3.connect(database)) as store:
        runs = store.execute(
            "select run_uuid, status from tags join runs using (run_uuid) where key = 'bpexp.key' and value = ? "
            "and lifecycle_stage = 'active'",
            (facts.key,),
        ).fetchall()
        there = Counter(
            (name, step)
            for run, _ in runs
            for name, step in store.execute("select key, step from metrics where run_uuid = ?", (run,))
        )
    found.bad += [status for _, status in runs] != ["FINISHED"]
    found.rows += len(expected)
    found.lost += len(expected - set(there))
    found.doubled += sum(count - 1 for count in there.values()) + len(set(there) - expected)


if __name__ == "__main__":
    main()
