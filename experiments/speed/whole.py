"""Times whole processes and whole sweeps beside the nearest idioms: `python -m experiments.speed.whole --help`.

The net and the training of bpexp's default run, on all 60 000 images: what a user types, and scripts that a user of
PyTorch or scikit-learn would write (`idioms/`); without a record, and with one in MLflow. They draw weights and batches
of their own, so equal work is asserted by the accuracy on test.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import experiments.speed.one_thread  # noqa: F401  isort: skip
from experiments.speed.idioms.common import learning_rates
from experiments.speed.machine import describe, pin
from experiments.speed.processes import Lab

IDIOMS = {
    "PyTorch + DataLoader": ("torch", "torch_loader"),
    "PyTorch by index": ("torch", "torch_index"),
    "scikit-learn": ("sklearn", "sklearn_fit"),
}
"""By name, the module that it needs and the script."""

FUSED = "launcher.fuse=auto"
BARE = ("tracking=none", "probe=off")


@dataclass(frozen=True, slots=True)
class Work:
    """What everybody does: data, epochs, and for a sweep how many runs.

    `close` is how near the accuracies on test must be; what has another step, net or data is further away. On a
    thousand images the standard error of one is 0.01.
    """

    data: str
    epochs: int
    runs: int = 1
    close: float = 0.02

    @property
    def overrides(self) -> list[str]:
        test = ["data.test=0.2"] if self.data == "mnist_5k" else []
        return [f"data={self.data}", f"epochs={self.epochs}", "data.validation=0", *test]


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of the process and of the training in it, its memory in MB, and the accuracies on test.

    Where runs are trained together, each counts the seconds of all, and those of the training are not known: None.
    """

    seconds: float
    training: float | None
    megabytes: float
    accuracies: list[float]


def bpexp(lab: Lab, work: Work, *more: str) -> Took:
    """As a user types it; a sweep varies the learning rate."""
    if work.runs == 1:
        done, result = lab.run(*work.overrides, *more)
        results = [result]
    else:
        rates = ",".join(map(str, learning_rates(work.runs)))
        done, results = lab.sweep(*work.overrides, *more, f"lr={rates}")
        assert len(results) == work.runs
    accuracies = sorted(result["metrics"]["final/accuracy_test"] for result in results)
    training = None if FUSED in more else sum(result["training"] for result in results)
    return Took(done.seconds, training, done.megabytes, accuracies)


def idiom(lab: Lab, work: Work, script: str, *, record: bool) -> Took:
    """A script of another library."""
    words = ["-m", f"experiments.speed.idioms.{script}", "--data", work.data, "--epochs", str(work.epochs)]
    words += ["--runs", str(work.runs), *["--record"] * record, *["--processor-time"] * lab.processor_time]
    done = lab.process(words)
    result = json.loads(lab.printed().splitlines()[-1])
    return Took(done.seconds, result["training"], done.megabytes, sorted(result["accuracies"]))


def entrants(lab: Lab, work: Work, *, record: bool, quick: bool) -> dict[str, Callable[[], Took]]:
    """Who takes part, by name."""
    more = () if record else BARE
    found: dict[str, Callable[[], Took]] = {"bpexp": lambda: bpexp(lab, work, *more)}
    if work.runs > 1:
        found[f"bpexp, {FUSED}"] = lambda: bpexp(lab, work, *more, FUSED)
    for name, (module, script) in IDIOMS.items():
        if importlib.util.find_spec(module) and not (quick and module == "torch"):
            found[name] = lambda script=script: idiom(lab, work, script, record=record)  # type: ignore[misc]
    return found


def compare(lab: Lab, work: Work, *, rounds: int, record: bool, quick: bool) -> dict[str, Any]:
    """Everybody in every round, in alternating order."""
    those = entrants(lab, work, record=record, quick=quick)
    took: dict[str, list[Took]] = {name: [] for name in those}
    for number in range(rounds):
        for name in list(those) if number % 2 else list(reversed(those)):
            took[name].append(those[name]())
    found = {name: median(one.accuracies[-1] for one in values) for name, values in took.items()}
    for name, accuracy in found.items():
        if not abs(accuracy - found["bpexp"]) <= work.close:
            raise SystemExit(f"{name} does not do the same work: its accuracy is {accuracy}, bpexp's {found['bpexp']}")
    return {
        "data": work.data,
        "epochs": work.epochs,
        "runs": work.runs,
        "record": record,
        "accuracy": found,
        "seconds": {name: [one.seconds for one in values] for name, values in took.items()},
        "training": {name: [one.training for one in values] for name, values in took.items()},
        "megabytes": {name: [one.megabytes for one in values] for name, values in took.items()},
    }


def table(results: dict[str, Any]) -> str:
    """Markdown: process, epoch and memory of everyone, divided by bpexp's in the same round."""
    lines = [
        "| what | who | process / bpexp's | an epoch / bpexp's | s an epoch, that run | peak MB | accuracy on test |",
        "|---|---|---|---|---|---|---|",
    ]
    for part in results["parts"]:
        what = f"{part['data']}, {counted(part['epochs'], 'epoch')}" + (
            f", {part['runs']} runs" if part["runs"] > 1 else ""
        )
        what += ", recorded in MLflow" if part["record"] else ", no record"
        for name in part["seconds"]:
            cells = [f"{_ratio(part['seconds'], name):.2f}", "", ""]
            if None not in part["training"][name]:
                each = median(part["training"][name]) / part["epochs"] / part["runs"]
                cells[1:] = [f"{_ratio(part['training'], name):.2f}", f"{each:.2g}"]
            lines.append(
                f"| {what} | {name} | {' | '.join(cells)} | {median(part['megabytes'][name]):.0f} "
                f"| {part['accuracy'][name]:.3f} |"
            )
    return "\n".join(lines) + "\n"


def counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _ratio(times: dict[str, list[float]], name: str) -> float:
    return median(a / b for a, b in zip(times[name], times["bpexp"], strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=24, help="runs of the sweeps, on the 5 000 images")
    parser.add_argument("--only", help="run, recorded run, recorded sweep; with --quick: run, sweep")
    parser.add_argument("--core", type=int, help="pin to this processor core, where the system can")
    parser.add_argument("--processor-time", action="store_true", help="of the processor, where the machine is not idle")
    parser.add_argument("--quick", action="store_true", help="some seconds: few images, an epoch, without PyTorch")
    parser.add_argument("--out", type=Path, default=Path("outputs/speed"), help="folder for raw seconds")
    args = parser.parse_args()
    pin(args.core)
    full, sweep = Work("mnist", args.epochs), Work("mnist_5k", args.epochs, args.jobs, close=0.04)
    every = {"run": (full, False), "recorded run": (full, True), "recorded sweep": (sweep, True)}
    if args.quick:
        args.rounds, one, two = 1, Work("mnist_5k", 1, close=0.05), Work("mnist_5k", 1, 2, close=0.05)
        every = {"run": (one, False), "sweep": (two, False)}
    parts = [part for name, part in every.items() if args.only is None or name in args.only.split(",")]
    if any(work.data == "mnist" for work, _ in parts) and not os.environ.get("BPEXP_DATA"):
        raise SystemExit("BPEXP_DATA names no folder with MNIST")
    results: dict[str, Any] = {"machine": describe(args.core), "rounds": args.rounds, "parts": []}
    results["processor_time"] = args.processor_time
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), processor_time=args.processor_time)
        for work, record in parts:
            results["parts"].append(compare(lab, work, rounds=args.rounds, record=record, quick=args.quick))
            (args.out / "whole.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
