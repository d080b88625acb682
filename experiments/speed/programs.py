"""The programs that `experiments.speed.overhead` runs as whole processes, beside the command itself."""

from __future__ import annotations

PLAIN_MLFLOW = """
import os
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
import mlflow
from matplotlib.figure import Figure
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("plain")
with mlflow.start_run():
    mlflow.log_params({"lr": 0.1, "batch_size": 32})
    for epoch in range(10):
        mlflow.log_metrics({"loss": 1 / (epoch + 1), "accuracy": epoch / 10}, step=epoch)
    figure = Figure()
    figure.subplots().plot(range(10))
    mlflow.log_figure(figure, "curve.png")
"""
"""What a user would write who trains nothing: one run with one figure in the same store."""


ON_PROCESSOR_TIME = "import time; time.monotonic = time.process_time; from bpexp.cli.main import main; main()"
"""The command with a clock that stands still while others have the processor, for a machine that is not idle."""

EVALUATION_TIMED = """
import json, time
{clock}
from bpexp.cli.main import main
from bpexp.training import trainer
evaluate_parts, spent = trainer.evaluate_parts, []
def timed(*given):
    start = time.monotonic()
    found = evaluate_parts(*given)
    spent.append(time.monotonic() - start)
    return found
trainer.evaluate_parts = timed
try:
    main()
finally:
    with open("evaluation.json", "w") as file:
        json.dump(spent, file)
"""
"""The command, which leaves the seconds of each evaluation of all parts in evaluation.json."""

DATA_ALONE = """
import sys
import numpy as np
from bpexp.data import datasets, prepare
rng = np.random.default_rng(0)
data = prepare(datasets.build(sys.argv[1]).load(rng), name=sys.argv[1], rng=rng)
"""
"""Read, split and keep a data set, and nothing else."""

UNPACKING = """
import json, os, time, zlib
from pathlib import Path
from bpexp.data.files import find_idx
from bpexp.data.idx import read_idx
path = find_idx(Path(os.environ["BPEXP_DATA"]), "train-images-idx3-ubyte")
ways = {"read_idx": lambda: read_idx(path), "zlib": lambda: zlib.decompress(path.read_bytes(), 31)}
found = {name: [] for name in ways}
for number in range(10):
    for name in sorted(ways, reverse=number % 2):
        start = time.process_time()
        ways[name]()
        found[name].append(time.process_time() - start)
print(json.dumps(found))
"""
"""Seconds of the processor to read the images of MNIST from a gzip file, beside zlib alone on the whole of it."""
