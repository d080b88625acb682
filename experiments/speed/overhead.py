"""Times what a run costs beside its training, in whole processes: `python -m experiments.speed.overhead --help`.

Everything runs in a temporary folder with a store of its own. What is compared alternates within each round; ratios are
taken within a round and the table has their medians.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from experiments.speed.machine import describe, pin
from experiments.speed.processes import Lab, alternated, left_by, ratios
from experiments.speed.programs import DATA_ALONE, EVALUATION_TIMED, PLAIN_MLFLOW, UNPACKING


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
        lab.process(["-c", EVALUATION_TIMED.format(clock=clock), *overrides])
        spent = json.loads((lab.folder / "evaluation.json").read_text(encoding="utf-8"))
        rows.append({"evaluation": sum(spent), "evaluations": len(spent), "loop": left_by(directory)["training"]})
    return rows


def memory(lab: Lab, rounds: int) -> dict[str, list[float]]:
    """(g) Peak memory in MB of a process that reads and splits a data set: of full MNIST, and of 1 797 small images."""
    peaks: dict[str, list[float]] = {"mnist": [], "digits": []}
    for _ in range(rounds):
        for name, found in peaks.items():
            found.append(lab.process(["-c", DATA_ALONE, name]).megabytes)
    return peaks


def unpacking(lab: Lab) -> dict[str, list[float]]:
    """(h) Reading MNIST's images from a gzip file, with all checks but the hash, beside zlib alone."""
    lab.process(["-c", UNPACKING])
    found: dict[str, list[float]] = json.loads(lab.printed())
    return found


def answers(lab: Lab, rounds: int) -> dict[str, list[float]]:
    """(b) What needs no training, beside the mere import of MLflow."""

    def bpexp(code: int, *words: str) -> Callable[[], float]:
        return lambda: lab.process(["-m", "bpexp", *words], code).seconds

    return alternated(
        rounds,
        {
            "--help": bpexp(0, "--help"),
            "config error": bpexp(2, "lr=-1"),
            "import mlflow": lambda: lab.process(["-c", "import mlflow"]).seconds,
        },
    )


def main_job(lab: Lab, rounds: int) -> dict[str, list[float]]:
    """(c) The default run where a store exists, beside a script that logs one run with one figure to it."""
    script = lab.folder / "plain.py"
    script.write_text(PLAIN_MLFLOW, encoding="utf-8")

    those = {
        "bpexp": lambda: lab.command().seconds,
        "plain MLflow": lambda: lab.process([str(script)]).seconds,
    }
    alternated(1, those)  # makes the store, and fills the caches of the system
    return alternated(rounds, those)


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


def table(results: dict[str, Any]) -> str:
    """Markdown: every figure beside its target."""
    rows: list[tuple[str, float, str, bool]] = []
    if "training" in results:
        t = results["training"]
        for name in ("default", "probe=off", "tracking=none"):
            r = ratios(t["seconds"], name, "neither")
            rows.append(
                (f"training loop on full MNIST, {name} / without probes and recording", r, "<= 1.03", r <= 1.03)
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
        rows.append(("default run, store exists / plain MLflow script", r, "<= 1.15", r <= 1.15))
    if "sweep" in results:
        for key in ("beyond_a_run", "beyond_a_run_without_start_up"):
            s = median(row[key] for row in results["sweep"])
            rows.append((f"sweep of {results['jobs']}: seconds {key.replace('_', ' ')}", s, "<= 0.5", s <= 0.5))
    lines = ["| what | measured | target | |", "|---|---|---|---|"]
    lines += [f"| {what} | {value:.4g} | {goal} | {'met' if met else 'NOT met'} |" for what, value, goal, met in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="some seconds: one round of the answers")
    parser.add_argument("--jobs", type=int, default=24, help="runs of the sweep")
    parser.add_argument("--core", type=int, help="pin to this processor core, where the system can")
    parser.add_argument("--processor-time", action="store_true", help="of the processor, where the machine is not idle")
    parser.add_argument("--only", default="training,memory,unpacking,evaluation,answers,main_job,sweep")
    parser.add_argument("--out", type=Path, default=Path("outputs/speed"), help="folder for raw seconds")
    args = parser.parse_args()
    pin(args.core)
    if args.quick:
        args.rounds, args.only = 1, "answers"
    results: dict[str, Any] = {"machine": describe(args.core), "rounds": args.rounds, "jobs": args.jobs}
    results["processor_time"] = args.processor_time
    wanted = args.only.split(",")
    full = {"training", "memory", "unpacking", "evaluation"}
    if full & set(wanted) and not os.environ.get("BPEXP_DATA"):
        print("BPEXP_DATA names no folder with MNIST: the figures of full MNIST are left out")
        wanted = [name for name in wanted if name not in full]
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


if __name__ == "__main__":
    main()
