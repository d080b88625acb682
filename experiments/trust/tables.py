"""Four tables in five styles each, trained beside scikit-learn's MLP on the same splits; the memory of reading.

python -m experiments.trust.tables            # 20 seeds, prints the tables of the README
python -m experiments.trust.tables --memory   # reads tables of 10 and 100 MB
"""

from __future__ import annotations

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn import datasets as bundled
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

import bpexp
from bpexp.data import datasets, prepare
from bpexp.running.streams import streams

TABLES = ("iris", "wine", "breast_cancer", "diabetes")
HIDDEN, LR, BATCH, EPOCHS, TEST = 16, 0.05, 16, 60, 0.3


def frame_of(name: str) -> pd.DataFrame:
    """A table of scikit-learn with its target as the last column, of a classification the names of the classes."""
    bunch = getattr(bundled, f"load_{name}")(as_frame=True)
    frame: pd.DataFrame = bunch.frame
    if name != "diabetes":
        frame["target"] = np.asarray(bunch.target_names)[frame["target"]]
    return frame


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis(range(frame.shape[1]), axis=1)


STYLES: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "plain": lambda frame, path: frame.to_csv(path, index=False),
    "index column": lambda frame, path: frame.to_csv(path),
    "semicolon, decimal comma, quotes": lambda frame, path: frame.to_csv(
        path,
        index=False,
        sep=";",
        decimal=",",
        quoting=csv.QUOTE_NONNUMERIC,
        lineterminator="\r\n",
        encoding="utf-8-sig",
    ),
    "tab, gzip, no header": lambda frame, path: frame.to_csv(
        path, index=False, sep="\t", header=False, compression="gzip"
    ),
    "index, header of numbers": lambda frame, path: _numbered(frame).to_csv(path),
}
"""How pandas writes a table. Each is read without a declaration."""


def ours(path: Path, seed: int, epochs: int = EPOCHS) -> tuple[float, str]:
    """Score on the test part, and the digest of the weights, of `python -m bpexp` with these overrides."""
    is_regression = "diabetes" in path.name
    said = [f"model.hidden=[{HIDDEN}]", "init=xavier_uniform", f"lr={LR}", f"batch_size={BATCH}", f"epochs={epochs}"]
    said += ["data=csv", f"data.path={path}", "data.validation=0", f"data.test={TEST}", f"seed={seed}", "tracking=none"]
    said += ["probe=off", "evaluation.every=1000000", "tracking.figures=false"]
    said += ["loss=mse", "loss.factor=0.5", "output=identity"] if is_regression else []
    result = bpexp.run(*said)
    score = result.metrics["final/r2_test" if is_regression else "final/accuracy_test"]
    return score, result.outcome.theta_sha256


def theirs(path: Path, seed: int, epochs: int = EPOCHS) -> float:
    """The score of scikit-learn's MLP of the same shape, trained by the same rule on the same split, standardized."""
    raw = datasets.build("csv", path=str(path))(np.random.default_rng(0))
    data = prepare(raw, name="csv", rng=streams(seed).split, validation=0, test=TEST)
    assert data.test is not None
    train, test = data.train.rows, data.test.rows
    scale = StandardScaler().fit(raw.X[train])
    rule: dict[str, Any] = {"hidden_layer_sizes": (HIDDEN,), "solver": "sgd", "momentum": 0, "alpha": 0}
    rule |= {"learning_rate_init": LR, "batch_size": BATCH, "max_iter": epochs, "tol": 0, "random_state": seed}
    rule |= {"n_iter_no_change": epochs + 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if raw.task == "classification":
            model = MLPClassifier(**rule).fit(scale.transform(raw.X[train]), raw.y[train])
            return float(model.score(scale.transform(raw.X[test]), raw.y[test]))
        units = StandardScaler().fit(raw.y[train])
        model = MLPRegressor(**rule).fit(scale.transform(raw.X[train]), units.transform(raw.y[train]).ravel())
        return float(model.score(scale.transform(raw.X[test]), units.transform(raw.y[test]).ravel()))


def one_network(folder: Path, name: str, epochs: int) -> set[str]:
    """The digests of the weights that the five styles of a table lead to; one, if all are read alike."""
    found = set()
    for i, write in enumerate(STYLES.values()):
        path = folder / f"{name}_{i}.csv"
        write(frame_of(name), path)
        found.add(ours(path, seed=0, epochs=epochs)[1])
    return found


def compare(folder: Path, name: str, seeds: Sequence[int], epochs: int) -> tuple[Any, Any]:
    """The scores of both, one for each seed."""
    path = folder / f"{name}.csv"
    frame_of(name).to_csv(path, index=False)
    return np.array([ours(path, s, epochs)[0] for s in seeds]), np.array([theirs(path, s, epochs) for s in seeds])


def measure(seeds: Sequence[int], epochs: int = EPOCHS) -> None:
    """Print the table of the README."""
    print("| table | networks of five styles | bpexp | scikit-learn | difference, 95 % interval | its spread |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for name in TABLES:
            digests = one_network(Path(scratch), name, epochs)
            a, b = compare(Path(scratch), name, seeds, epochs)
            gap = a - b
            half = stats.t.ppf(0.975, len(gap) - 1) * gap.std(ddof=1) / np.sqrt(len(gap))
            interval = f"{gap.mean():+.4f} [{gap.mean() - half:+.4f}, {gap.mean() + half:+.4f}]"
            print(f"| {name} | {len(digests)} | {a.mean():.4f} | {b.mean():.4f} | {interval} | {b.std(ddof=1):.4f} |")


def write_large(path: Path, megabytes: int) -> None:
    """A table of 20 columns of numbers, one of categories and a target, of about this size."""
    rng, size = np.random.default_rng(0), 0
    with path.open("w", encoding="utf-8") as file:
        while size < megabytes * 1_000_000:
            frame = pd.DataFrame(rng.standard_normal((5000, 20)).round(6)).add_prefix("x")
            frame["colour"], frame["y"] = rng.choice(["red", "green", "blue"], 5000), rng.random(5000)
            frame.to_csv(file, index=False, header=size == 0)
            size = file.tell()


def read_large(path: Path) -> None:
    """Print by how many MB the peak of the process grows when a table is read, and the size of its arrays."""
    small = path.with_suffix(".small.csv")
    write_large(small, 1)
    datasets.build("csv", path=str(small), categorical="colour")(np.random.default_rng(0))  # imports, once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    raw = datasets.build("csv", path=str(path), categorical="colour")(np.random.default_rng(0))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{(after - before) / 1024:.0f} {(raw.X.nbytes + raw.y.nbytes) / 2**20:.0f} {len(raw.X)}")


def memory(sizes: Sequence[int]) -> None:
    """Print the table of the README."""
    print("| file | rows | arrays | growth of the peak |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for megabytes in sizes:
            path = Path(scratch) / f"{megabytes}.csv"
            write_large(path, megabytes)
            call = [sys.executable, "-m", "experiments.trust.tables", "--read", str(path)]
            done = subprocess.run(call, capture_output=True, text=True, check=True)
            growth, arrays, rows = done.stdout.split()
            print(f"| {path.stat().st_size / 1e6:.0f} MB | {rows} | {arrays} MB | {growth} MB |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--read", type=Path)
    given = parser.parse_args()
    if given.read:
        read_large(given.read)
    elif given.memory:
        memory((10, 100))
    else:
        measure(range(given.seeds))


if __name__ == "__main__":
    main()
