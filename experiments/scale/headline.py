"""240 runs of the headline study on all of MNIST: serial, in workers, trained together, both, and as it was before.

python -m experiments.scale.headline --old CHECKOUT             `--old` names a checkout of bpexp from before launchers
python -m experiments.scale.headline --epochs 1 --rounds 3      fewer epochs, more rounds

The study is `sigmoid_mse_vs_relu_ce` with three of its learning rates and five of its ten repeats. Each way has a turn
in each round, in an order that turns around, in an empty folder, as a command of its own. MNIST is looked for in
BPEXP_DATA. A ratio is the time by the clock of the way that is named first over that of the other, in the same round.
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

ROOT = Path(__file__).resolve().parents[2]

STUDY = ["experiment=sigmoid_mse_vs_relu_ce", "study.repeats=5", "lr=0.03,0.1,1.0", "progress=false"]
JOBS = 240

WAYS = {
    "serial": ["launcher=serial"],
    "process": ["launcher=process", "launcher.n_jobs=2"],
    "fused": ["launcher=serial", "launcher.fuse=auto"],
    "both": ["launcher=process", "launcher.n_jobs=2", "launcher.fuse=auto"],
}


def turn(folder: Path, checkout: Path, words: list[str]) -> dict[str, Any]:
    """One study in a folder of its own: its seconds, those of the processor, and the accuracies of its jobs."""
    folder.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    environment |= {"PYTHONPATH": str(checkout), "OPENBLAS_NUM_THREADS": "1"}
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    line = [sys.executable, "-m", "bpexp", "-m", *STUDY, "hydra.sweep.dir=sweep", *words]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    found = [json.loads(path.read_text(encoding="utf-8")) for path in (folder / "sweep").glob("*/result.json")]
    if done.returncode or len(found) != JOBS:
        raise SystemExit(f"{' '.join(words)}: {done.returncode}, {len(found)} results: {done.stderr[-2000:]}")
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "processor": processor, "in runs": sum(float(row["seconds"]) for row in found)}


def rounds(folder: Path, ways: dict[str, tuple[Path, list[str]]], number: int) -> list[dict[str, Any]]:
    """What each way took in each round."""
    rows = []
    for n in range(number):
        row = {}
        for name in sorted(ways, key=list(ways).index, reverse=bool(n % 2)):
            row[name] = turn(folder / f"{n}-{name.replace(' ', '-')}", *ways[name])
            print(n, name, {key: round(value, 1) for key, value in row[name].items()}, file=sys.stderr, flush=True)
        rows.append(row)
    return rows


def main() -> None:
    """Measure, and print the ratios of each way to the first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, help="another checkout, whose own way of a study is the first")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1)
    said = parser.parse_args()
    epochs = f"epochs={said.epochs}"
    ways = {"before": (said.old.resolve(), [epochs])} if said.old else {}
    ways |= {name: (ROOT, [epochs, *words]) for name, words in WAYS.items()}
    with tempfile.TemporaryDirectory() as folder:
        rows = rounds(Path(folder), ways, said.rounds)
    first = next(iter(ways))
    for name in ways:
        clock = statistics.median(row[first]["seconds"] / row[name]["seconds"] for row in rows)
        processor = statistics.median(row[first]["processor"] / row[name]["processor"] for row in rows)
        print(f"{first} / {name}: {clock:.2f} by the clock, {processor:.2f} of the processor")


if __name__ == "__main__":
    main()
