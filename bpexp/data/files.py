"""The user's own arrays: IDX files, the format of MNIST, and npz files of NumPy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from bpexp.data.dataset import Loader, Raw, Task, classify, datasets, digest_of
from bpexp.data.idx import MOST_BYTES, read_pair
from bpexp.errors import DataError
from bpexp.files.npz import open_npz
from bpexp.nn.arrays import Array
from bpexp.registry import Count, FilePath

TaskChoice = Literal["auto", "classification", "regression"]
TRAIN_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST_NAMES = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

MOST_KINDS = 20
"""The largest number of different whole numbers that are taken for classes without a declaration."""


@datasets.register("idx")
def idx(path: FilePath, labels: FilePath | None = None, most_bytes: Count = MOST_BYTES) -> Loader:
    """IDX files of images and labels, plain or gzip, with MNIST's file names or two files of any name.

    Args:
        path: folder with the files train-images-idx3-ubyte and train-labels-idx1-ubyte, and t10k-* where there is a
            test set; or the file of images.
        labels: file of labels, where `path` is a file.
        most_bytes: largest size of a file in bytes, when it is unpacked.
    """

    def load(rng: np.random.Generator) -> Raw:
        place = Path(path).expanduser()
        test = None
        if place.is_dir():
            if labels is not None:
                raise DataError(f"labels={labels!r} has no effect beside the folder path={str(place)!r}; leave it out")
            images, answers = (find_idx(place, name, must=True) for name in TRAIN_NAMES)
            X, y = read_pair(images, answers, most=most_bytes)
            if any(find_idx(place, name).is_file() for name in TEST_NAMES):  # of one alone, the other is missing
                images, answers = (find_idx(place, name, must=True) for name in TEST_NAMES)
                test = read_pair(images, answers, most=most_bytes)
        elif not place.exists():
            raise DataError(f"{str(place)!r}: no such file or folder; path must name IDX images, or a folder of them")
        elif labels is None:
            raise DataError(
                f"{str(place)!r}: labels is missing; use labels=FILE, or path=FOLDER with MNIST's file names"
            )
        else:
            X, y = read_pair(place, Path(labels).expanduser(), most=most_bytes)
        return assemble(X, y, test, source=f"IDX files {str(place)!r}", task="classification")

    def read() -> list[Path]:
        place = Path(path).expanduser()
        own = [find_idx(place, name) for name in (*TRAIN_NAMES, *TEST_NAMES)] if place.is_dir() else [place]
        return own if labels is None else [*own, Path(labels).expanduser()]

    return Loader(load, seeded=False, files=read)


@datasets.register("npz")
def npz(
    path: FilePath,
    x: str = "X",
    y: str = "y",
    x_test: str | None = None,
    y_test: str | None = None,
    task: TaskChoice = "auto",
    most_bytes: Count = MOST_BYTES,
) -> Loader:
    """Arrays of an npz file: inputs (N, ...), which are a table where they are (N, n_0), and targets (N,) or (N, n_L).

    Args:
        path: the npz file.
        x: name of the array of inputs.
        y: name of the array of targets.
        x_test: name of the inputs of an official test set; null for none.
        y_test: name of its targets.
        task: classification, regression, or auto, by which one column of text, or of whole numbers of at most 20
            kinds, are classes and any other targets are values.
        most_bytes: largest size of an array in bytes, when it is unpacked.
    """

    def load(rng: np.random.Generator) -> Raw:
        place = Path(path).expanduser()
        if (x_test is None) != (y_test is None):
            raise DataError(f"x_test={x_test!r} and y_test={y_test!r} go together; name both arrays, or neither")
        wanted = [key for key in (x, y, x_test, y_test) if key is not None]
        arrays = _read_npz(place, wanted, most_bytes)
        test = (arrays[x_test], arrays[y_test]) if x_test is not None and y_test is not None else None
        raw = assemble(arrays[x], arrays[y], test, source=f"npz file {str(place)!r}", task=task)
        return replace(raw, tabular=arrays[x].ndim == 2)

    return Loader(load, seeded=False, files=lambda: [Path(path).expanduser()])


def find_idx(folder: Path, name: str, *, must: bool = False) -> Path:
    """The path of `name`, else of `name`.gz, in a folder; where both are missing, DataError if `must` is true."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    if must:
        raise DataError(f"{str(folder)!r}: expected a file {name!r} (or {name}.gz), found none")
    return folder / name


def assemble(X: Array, y: Array, test: tuple[Array, Array] | None, *, source: str, task: TaskChoice = "auto") -> Raw:
    """Raw data from arrays as users have them: samples of any shape, labels of any type."""
    for A in (X, y, *(test or ())):
        if A.ndim == 0 or len(A) == 0:
            raise DataError(f"{source}: expected arrays with one sample a row, found the shape {A.shape}")
    if test is not None:
        _refuse_other_samples(X, test[0], source)
    kind = guess_task(y, source) if task == "auto" else task
    image_shape = (int(X.shape[1]), int(X.shape[2])) if X.ndim == 3 else None
    pairs = [(X, y)] if test is None else [(X, y), test]
    inputs = [np.ascontiguousarray(A.reshape(len(A), -1)) for A, _ in pairs]
    answers, classes = _answers([b for _, b in pairs], kind, source)
    return Raw(
        X=inputs[0],
        y=answers[0],
        task=kind,
        source=source,
        digest=digest_of(*(A for pair in zip(inputs, answers, strict=True) for A in pair)),
        classes=classes,
        image_shape=image_shape,
        test=None if test is None else (inputs[1], answers[1]),
    )


def _refuse_other_samples(X: Array, test: Array, source: str) -> None:
    """Raise DataError for images of another shape, or numbers beside bytes, which alone are divided by 255."""
    if min(X.ndim, test.ndim) > 2 and X.shape[1:] != test.shape[1:]:
        raise DataError(
            f"{source}: the samples have the shape {X.shape[1:]}, and those of the test set {test.shape[1:]}"
        )
    if (X.dtype == np.uint8) != (test.dtype == np.uint8):
        raise DataError(
            f"{source}: the inputs are {X.dtype}, and those of the test set {test.dtype}; give both as bytes, uint8, "
            "or neither, so that both are scaled alike"
        )


def guess_task(y: Array, source: str) -> Task:
    """classification for one column of whole numbers, text or truth values, else regression.

    Raises DataError for whole numbers of many kinds, which may be classes or values, such as ages.
    """
    one_column = y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)
    if not (one_column and y.dtype.kind in "iubUS"):
        return "regression"
    kinds = len(np.unique(y)) if y.dtype.kind in "iu" else 0
    if kinds > MOST_KINDS:
        raise DataError(
            f"{source}: the target holds {kinds} different whole numbers; declare data.task=regression to take them as "
            "values, or data.task=classification to take them as classes"
        )
    return "classification"


def _answers(ys: list[Array], task: Task, source: str) -> tuple[list[Array], tuple[str, ...]]:
    """Class numbers of training and test labels with the names of the classes, or float values (N, n_L)."""
    if task == "regression":
        if any(y.dtype.kind not in "biuf" for y in ys):
            raise DataError(f"{source}: expected numbers as targets of a regression, found {ys[0].dtype}")
        return [y.reshape(len(y), -1).astype(np.float64) for y in ys], ()
    if any(y.size != len(y) for y in ys):
        raise DataError(f"{source}: expected one label a sample, found labels of shape {ys[0].shape}")
    train = ys[0].reshape(-1)
    _, classes = classify(train)
    new = [value for y in ys[1:] for value in np.setdiff1d(y, train).tolist()]
    if new:
        raise DataError(f"{source}: the test set has the class {new[0]!r}, which the training set has not")
    values = np.unique(train)
    return [np.searchsorted(values, y.reshape(-1)).astype(np.int64) for y in ys], classes


def _read_npz(path: Path, keys: list[str], most: int) -> dict[str, Array]:
    with open_npz(path) as archive:
        for key in keys:
            archive.header(key)  # all are compared with the file before the first one is read
        return {key: archive.read(key, most=most, raise_by="data.most_bytes") for key in dict.fromkeys(keys)}
