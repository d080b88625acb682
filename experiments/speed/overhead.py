"""Times what a run costs beside its training, in whole processes: `python -m experiments.speed.overhead --help`.

Everything runs in a temporary folder with a store of its own. What is compared alternates within each round; ratios are
taken within a round and the table has their medians.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from experiments.speed.machine import describe, pin
from experiments.speed.programs import DATA_ALONE, EVALUATION_TIMED, ON_PROCESSOR_TIME, PLAIN_MLFLOW, UNPACKING

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Done:
    """A finished process: seconds, by the clock or of the processor; exit code; peak memory in MB."""

    seconds: float
    code: int
    megabytes: float


def process(arguments: list[str], folder: Path, *, processor_time: bool) -> Done:
    """Run Python with these arguments in `folder` and wait; what it prints goes into a file there."""
    if processor_time and arguments[:2] == ["-m", "bpexp"]:
        arguments = ["-c", ON_PROCESSOR_TIME, *arguments[2:]]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment.pop("MLFLOW_TRACKING_URI", None)
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

    def process(self, arguments: list[str]) -> Done:
        return process(arguments, self.folder, processor_time=self.processor_time)

    def run(self, *overrides: str) -> tuple[Done, dict[str, Any]]:
        """A single run; what it left, with its training seconds."""
        self.count += 1
        directory = self.folder / f"run{self.count}"
        done = self.process(["-m", "bpexp", *overrides, f"hydra.run.dir={directory}"])
        self.require(done, 0)
        return done, left_by(directory)

    def sweep(self, *overrides: str) -> tuple[Done, list[dict[str, Any]]]:
        self.count += 1
        directory = self.folder / f"sweep{self.count}"
        done = self.process(["-m", "bpexp", "-m", *overrides, f"hydra.sweep.dir={directory}"])
        self.require(done, 0)
        return done, [left_by(path.parent) for path in directory.glob("*/result.json")]

    def require(self, done: Done, code: int) -> None:
        if done.code != code:
            printed = (self.folder / "printed.txt").read_text(encoding="utf-8", errors="replace")
            raise SystemExit(f"a process ended with {done.code}, not {code}:\n{printed[-2000:]}")


def left_by(directory: Path) -> dict[str, Any]:
    """result.json, with the seconds of the training loop by the last metrics of the journal."""
    result: dict[str, Any] = json.loads((directory / "result.json").read_text(encoding="utf-8"))
    lines = (directory / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    seconds = [
        line["metrics"]["time/seconds"] for line in map(json.loads, lines) if "time/seconds" in line.get("metrics", {})
    ]
    return result | {"training": seconds[-1]}


def training(lab: Lab, rounds: int) -> dict[str, Any]:
    """(a) The training loop with and without probes and recording; (d) peak memory. The weights must be the same."""
    full = ["data=mnist", "epochs=10"]
    variants = {
        "default": full,
        "probe=off": [*full, "probe=off"],
        "tracking=none": [*full, "tracking=none"],
        "neither": [*full, "probe=off", "tracking=none"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    walls: dict[str, list[float]] = {name: [] for name in variants}
    memory: dict[str, list[float]] = {name: [] for name in variants}
    weights = set()
    for number in range(rounds):
        names = list(variants) if number % 2 else list(reversed(variants))
        for name in names:
            done, result = lab.run(*variants[name])
            seconds[name].append(result["training"])
            walls[name].append(done.seconds)
            memory[name].append(done.megabytes)
            weights.add(result["theta_sha256"])
    return {"seconds": seconds, "walls": walls, "megabytes": memory, "same_weights": len(weights) == 1}


def evaluation(lab: Lab, rounds: int) -> list[dict[str, float]]:
    """(f) Seconds of the training loop on full MNIST, and those of the evaluations in it; one thread, no MLflow."""
    clock = "time.monotonic = time.process_time" if lab.processor_time else ""
    rows = []
    for _ in range(rounds):
        lab.count += 1
        directory = lab.folder / f"run{lab.count}"
        overrides = ["data=mnist", "epochs=10", "tracking=none", f"hydra.run.dir={directory}"]
        lab.require(lab.process(["-c", EVALUATION_TIMED.format(clock=clock), *overrides]), 0)
        spent = json.loads((lab.folder / "evaluation.json").read_text(encoding="utf-8"))
        rows.append({"evaluation": sum(spent), "evaluations": len(spent), "loop": left_by(directory)["training"]})
    return rows


def memory(lab: Lab, rounds: int) -> dict[str, list[float]]:
    """(g) Peak memory in MB of a process that reads and splits a data set: of full MNIST, and of 1 797 small images."""
    peaks: dict[str, list[float]] = {"mnist": [], "digits": []}
    for _ in range(rounds):
        for name, found in peaks.items():
            done = lab.process(["-c", DATA_ALONE, name])
            lab.require(done, 0)
            found.append(done.megabytes)
    return peaks


def unpacking(lab: Lab) -> dict[str, list[float]]:
    """(h) Reading MNIST's images from a gzip file, with all checks but the hash, beside zlib alone."""
    lab.require(lab.process(["-c", UNPACKING]), 0)
    found: dict[str, list[float]] = json.loads((lab.folder / "printed.txt").read_text(encoding="utf-8"))
    return found


def alternated(rounds: int, those: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Seconds of each, in every round, in alternating order."""
    times: dict[str, list[float]] = {name: [] for name in those}
    for number in range(rounds):
        for name in list(those) if number % 2 else list(reversed(those)):
            times[name].append(those[name]())
    return times


def answers(lab: Lab, rounds: int) -> dict[str, list[float]]:
    """(b) What needs no training, beside the mere import of MLflow."""

    def timed(code: int, *arguments: str) -> Callable[[], float]:
        def once() -> float:
            done = lab.process(list(arguments))
            lab.require(done, code)
            return done.seconds

        return once

    return alternated(
        rounds,
        {
            "--help": timed(0, "-m", "bpexp", "--help"),
            "config error": timed(2, "-m", "bpexp", "lr=-1"),
            "import mlflow": timed(0, "-c", "import mlflow"),
        },
    )


def main_job(lab: Lab, rounds: int) -> dict[str, list[float]]:
    """(c) The default run where a store exists, beside a script that logs one run with one figure to it."""
    script = lab.folder / "plain.py"
    script.write_text(PLAIN_MLFLOW, encoding="utf-8")

    def plain() -> float:
        done = lab.process([str(script)])
        lab.require(done, 0)
        return done.seconds

    plain()
    lab.run()
    return alternated(rounds, {"bpexp": lambda: lab.run()[0].seconds, "plain MLflow": plain})


def sweeps(lab: Lab, rounds: int, jobs: int) -> list[dict[str, float]]:
    """(e) Seconds a run of a sweep beyond its training, as they are and without the start-up of one process."""
    rows = []
    for _ in range(rounds):
        single, alone = lab.run()
        done, results = lab.sweep(f"seed=range({jobs})")
        assert len(results) == jobs
        beyond = done.seconds - sum(result["training"] for result in results)
        start_up = single.seconds - alone["training"]
        rows.append(
            {
                "sweep": done.seconds,
                "training": done.seconds - beyond,
                "beyond_a_run": beyond / jobs,
                "beyond_a_run_without_start_up": (beyond - start_up) / (jobs - 1),
                "start_up": start_up,
            }
        )
    return rows


def ratios(times: dict[str, list[float]], name: str, base: str) -> float:
    return median(a / b for a, b in zip(times[name], times[base], strict=True))


def table(results: dict[str, Any]) -> str:
    """Markdown: every figure beside its target."""
    rows: list[tuple[str, float, str, bool]] = []
    if "training" in results:
        t = results["training"]
        for name in ("default", "probe=off", "tracking=none"):
            r = ratios(t["seconds"], name, "neither")
            rows.append(
                (f"training loop on full MNIST, {name} / without probes and recording", r, "<= 1.15", r <= 1.15)
            )
        same = t["same_weights"]
        rows.append(("the same weights with and without, bit for bit", float(same), "1", same))
        peak = median(t["megabytes"]["default"])
        rows.append(("peak memory on full MNIST, MB", peak, "<= 360", peak <= 360))
    if "memory" in results:
        alone = median(results["memory"]["mnist"]) - median(results["memory"]["digits"])
        rows.append(("memory of full MNIST alone, MB", alone, "<= 60", alone <= 60))
    if "unpacking" in results:
        r = ratios(results["unpacking"], "read_idx", "zlib")
        rows.append(("reading MNIST's images from gzip / zlib alone", r, "<= 1.1", r <= 1.1))
    if "evaluation" in results:
        share = median(row["evaluation"] / row["loop"] for row in results["evaluation"])
        rows.append(("share of evaluation in the loop on full MNIST", share, "<= 0.1", share <= 0.1))
    if "answers" in results:
        for name in ("--help", "config error"):
            r = ratios(results["answers"], name, "import mlflow")
            rows.append((f"{name} / import mlflow", r, "<= 0.5", r <= 0.5))
    if "main_job" in results:
        r = ratios(results["main_job"], "bpexp", "plain MLflow")
        rows.append(("default run, store exists / plain MLflow script", r, "< 1.6", r < 1.6))
    if "sweep" in results:
        for key in ("beyond_a_run", "beyond_a_run_without_start_up"):
            s = median(row[key] for row in results["sweep"])
            rows.append((f"sweep of {results['jobs']}: seconds {key.replace('_', ' ')}", s, "<= 0.5", s <= 0.5))
    lines = ["| what | measured | target | |", "|---|---|---|---|"]
    lines += [f"| {what} | {value:.3g} | {goal} | {'met' if met else 'NOT met'} |" for what, value, goal, met in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--jobs", type=int, default=24, help="runs of the sweep")
    parser.add_argument("--core", type=int, help="pin to this processor core, where the system can")
    parser.add_argument("--processor-time", action="store_true", help="of the processor, where the machine is not idle")
    parser.add_argument("--only", default="training,memory,unpacking,evaluation,answers,main_job,sweep")
    parser.add_argument("--out", type=Path, default=Path("outputs/speed"), help="folder for results and table")
    args = parser.parse_args()
    pin(args.core)
    results: dict[str, Any] = {"machine": describe(args.core), "rounds": args.rounds, "jobs": args.jobs}
    results["processor_time"] = args.processor_time
    wanted = args.only.split(",")
    if not os.environ.get("BPEXP_DATA"):
        print("BPEXP_DATA names no folder with MNIST: the figures of full MNIST are left out")
        wanted = [name for name in wanted if name not in ("training", "memory", "unpacking", "evaluation")]
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), processor_time=args.processor_time)
        parts: dict[str, Callable[[], Any]] = {
            "main_job": lambda: main_job(lab, args.rounds),
            "training": lambda: training(lab, args.rounds),
            "memory": lambda: memory(lab, args.rounds),
            "unpacking": lambda: unpacking(lab),
            "evaluation": lambda: evaluation(lab, args.rounds),
            "answers": lambda: answers(lab, args.rounds),
            "sweep": lambda: sweeps(lab, max(1, args.rounds // 3), args.jobs),
        }
        for name, part in parts.items():
            if name in wanted:
                results[name] = part()
                write(results, args.out)
    print(table(results))


def write(results: dict[str, Any], folder: Path) -> None:
    """After each part, so that a failure of a later one costs nothing."""
    (folder / "overhead.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (folder / "overhead.md").write_text(table(results), encoding="utf-8")


if __name__ == "__main__":
    main()
