"""What a job of a sweep costs beyond its training and evaluation, start-up included; old against new, in pairs.

python -m experiments.scale.job_cost [--old CHECKOUT] [--jobs 24] [--rounds 5] [--brief]

The processor time of a whole process, less that of the training of its jobs (with evaluation, probes and journal), by
job. `--old` names another checkout of bpexp, `--brief` leaves out what a declaration adds. In each round both have a
turn, one after the other, and the ratio is taken within the round. A store is there before the first turn.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]

ON_PROCESSOR_TIME = "import time; time.monotonic = time.process_time; from bpexp.__main__ import main; main()"
"""The command with a clock that stands still while others have the processor."""

PLAIN = ["epochs=1", "launcher=serial"]
DECLARED = {
    "new": [],
    "new, tracking.points=500": ["tracking.points=500"],
    "new, tracking.model=true": ["tracking.model=true"],
    "new, tracking.figures=true": ["tracking.figures=true"],
    "new, tracking=none": ["tracking=none"],
}


class Lab:
    """A folder with a store in it, in which one checkout runs."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self._environment = {**os.environ, "PYTHONPATH": str(checkout), "OPENBLAS_NUM_THREADS": "1"}
        self._environment.pop("MLFLOW_TRACKING_URI", None)
        folder.mkdir()
        self.sweep(["data=xor"], 1)

    def sweep(self, words: list[str], jobs: int) -> float:
        """Seconds of the processor that a job costs beyond its training."""
        self.count += 1
        place = self.folder / f"sweep{self.count}"
        said = ["-m", f"seed=range({jobs})", *PLAIN, *words, f"hydra.sweep.dir={place}"]
        with open(self.folder / "printed.txt", "wb") as out:
            command = [sys.executable, "-c", ON_PROCESSOR_TIME, *said]
            child = subprocess.Popen(command, cwd=self.folder, env=self._environment, stdout=out, stderr=out)
            _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        found = [json.loads(path.read_text(encoding="utf-8")) for path in place.glob("*/result.json")]
        if child.returncode or len(found) != jobs:
            printed = (self.folder / "printed.txt").read_text(encoding="utf-8", errors="replace")
            raise SystemExit(f"a sweep ended with {child.returncode} and {len(found)} results:\n{printed[-2000:]}")
        trained = sum(result["seconds"] for result in found)
        return (usage.ru_utime + usage.ru_stime - trained) / jobs


def measure(folder: Path, old: Path | None, jobs: int, rounds: int, *, brief: bool) -> dict[str, list[float]]:
    """Seconds a job, by what was declared, in every round; the order turns round from one to the next."""
    new = Lab(ROOT, folder / "new")
    turns = {name: (new, words) for name, words in DECLARED.items() if name == "new" or not brief}
    if old is not None:
        turns = {"old": (Lab(old, folder / "old"), []), **turns}
    times: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(rounds):
        for name in list(turns) if number % 2 else list(reversed(turns)):
            lab, words = turns[name]
            times[name].append(lab.sweep(words, jobs))
            print(f"round {number + 1}: {name}: {1000 * times[name][-1]:.0f} ms a job", flush=True)
    return times


def table(times: dict[str, list[float]]) -> str:
    """Medians and the ratios to `new` within the rounds, as Markdown."""
    lines = ["| what | ms of the processor a job | ratio to new | least and most |", "|---|---|---|---|"]
    for name, found in times.items():
        ratios = sorted(a / b for a, b in zip(found, times["new"], strict=True))
        told = f"{median(ratios):.2f} | {ratios[0]:.2f}, {ratios[-1]:.2f}"
        lines.append(f"| {name} | {1000 * median(found):.0f} | {told} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, help="another checkout of bpexp")
    parser.add_argument("--jobs", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--brief", action="store_true", help="old and new alone")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        old = arguments.old and arguments.old.resolve()
        print(table(measure(Path(scratch), old, arguments.jobs, arguments.rounds, brief=arguments.brief)))


if __name__ == "__main__":
    main()
