"""A sweep under a launcher beside the same sweep in serial: the same weights, and how much shorter it takes.

python -m experiments.scale.launchers launcher=process launcher.n_jobs=2             24 runs on mnist_5k, three pairs
python -m experiments.scale.launchers launcher=ray --what xor --pairs 5              100 runs of xor
python -m experiments.scale.launchers launcher=process --what presets --pairs 1      every preset, for the weights

Pairs are measured one behind the other in alternating order, each sweep as a command of its own from its start to its
end. The overhead of a job is what a sweep took beyond the time that its runs say they needed, on all workers together.
The processor time is that of the command and of all processes that it waits for; a cluster's own are not among them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SWEEPS = {
    "mnist": ["epochs=1", "lr=0.03,0.1,0.3", "seed=range(8)"],
    "long": ["epochs=50", "lr=0.03,0.1,0.3", "seed=range(8)"],
    "xor": ["data=xor", "epochs=1", "model.hidden=[8]", "lr=0.03,0.1,0.3,1", "seed=range(25)"],
    "presets": [
        "data.limit=400",
        "epochs=1",
        "model=mnist_relu,mnist_sigmoid,mnist_tanh,mnist_small,deep_sigmoid,deep_relu,chain,linear",
        "seed=0,1,2",
    ],
}
"""24 runs of 1 epoch on mnist_5k, the same of 50 epochs, 100 of xor, and 24 of which three are of each preset."""


def sweep(folder: Path, what: str, words: list[str]) -> dict[str, Any]:
    """One sweep in a folder of its own: seconds by the clock, those of its runs, and the hash of theta of each job."""
    folder.mkdir(parents=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    line = [sys.executable, "-m", "bpexp", "-m", *SWEEPS[what], "progress=false", "hydra.sweep.dir=sweep", *words]
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: {done.stderr or done.stdout}")
    results = {
        path.parent.name: json.loads(path.read_text(encoding="utf-8"))
        for path in (folder / "sweep").glob("[0-9]*/result.json")
    }
    return {
        "seconds": seconds,
        "processor": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "in runs": sum(float(found["seconds"]) for found in results.values()),
        "digests": {name: found["theta_sha256"] for name, found in results.items()},
    }


def compared(folder: Path, what: str, words: list[str], pairs: int, workers: int) -> dict[str, Any]:
    """Pairs of sweeps, serial and with the launcher, in alternating order."""
    both = {"serial": ["launcher=serial"], "launcher": words}
    ratios, processor, same = [], [], []
    overheads: dict[str, list[float]] = {"serial": [], "launcher": []}
    for n in range(pairs):
        found = {}
        for name in sorted(both, reverse=bool(n % 2)):
            found[name] = sweep(folder / f"{n}-{name}", what, both[name])
        jobs = len(found["serial"]["digests"])
        ratios.append(found["serial"]["seconds"] / found["launcher"]["seconds"])
        processor.append(found["launcher"]["processor"] / found["serial"]["processor"])
        for name, number in (("serial", 1), ("launcher", workers)):
            spent = number * found[name]["seconds"] - found[name]["in runs"]
            overheads[name].append(spent / jobs)
        same.append(found["serial"]["digests"] == found["launcher"]["digests"])
    return {
        "sweep": what,
        "jobs": jobs,
        "launcher": " ".join(words),
        "serial over launcher": [round(ratio, 2) for ratio in ratios],
        "median": round(statistics.median(ratios), 2),
        "processor time, launcher over serial": [round(ratio, 2) for ratio in processor],
        "seconds of a job beyond its run": {key: round(statistics.median(all_), 3) for key, all_ in overheads.items()},
        "same weights": f"{sum(same)} of {pairs} pairs",
    }


def main() -> None:
    """Measure what the command line says, in a temporary folder, and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="+", help="the launcher and its settings, as on the command line of bpexp")
    parser.add_argument("--what", choices=list(SWEEPS), default="mnist")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="jobs that the launcher executes at the same time")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(compared(Path(folder), said.what, said.words, said.pairs, said.workers), indent=1))


if __name__ == "__main__":
    main()
