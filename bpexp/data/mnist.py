"""MNIST, 60 000 + 10 000 images, from a folder, the cache or a mirror; the SHA-256 of each file is verified."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from bpexp.data.dataset import Loader, Raw, datasets, digest_of
from bpexp.data.download import fetch
from bpexp.data.files import find_idx
from bpexp.data.idx import read_idx, read_labels
from bpexp.errors import DataError
from bpexp.nn.arrays import Array
from bpexp.registry import FilePath

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""Hashes of the unpacked files."""
DIGESTS = {tuple(SHA256.values()): "b9f950d800c28d3dc3100a63b214e9a410947ee0f1618d7371764cc22cfc95b2"}
"""The digest of the arrays in files with these hashes, which are then not hashed again."""
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


@datasets.register("mnist")
def mnist(root: FilePath | None = None, download: bool = True) -> Loader:
    """MNIST: 60 000 training and 10 000 test images of 28 x 28 bytes, from four IDX files, plain or gzip.

    The files are looked for in `root`, else in the folder that the variable BPEXP_DATA names, else in the cache, and
    are else downloaded into the cache. A download replaces damaged files of the cache, never those of a named folder.

    Args:
        root: folder with the four files; null for BPEXP_DATA or the cache.
        download: whether files that are missing from the cache, or damaged, may be downloaded.
    """

    def folder() -> Path | None:
        named = root or os.environ.get("BPEXP_DATA")
        return Path(named).expanduser() if named else None

    def load(rng: np.random.Generator) -> Raw:
        named = folder()
        if named is not None:  # a named folder must hold the right files; only the cache is repaired
            return _raw([_read(find_idx(named, name, must=True), name) for name in SHA256], named)
        cache = cache_folder()
        return _raw([_cached(cache, name, download) for name in SHA256], cache)

    return Loader(load, seeded=False, files=lambda: [find_idx(folder() or cache_folder(), name) for name in SHA256])


def cache_folder() -> Path:
    """The folder that downloads are kept in."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("bpexp")) / "mnist"


def _read(path: Path, name: str) -> Array:
    """One of the four arrays, verified."""
    if "labels" in name:
        return read_labels(path, 10, sha256=SHA256[name])
    return read_idx(path, ndim=3, sha256=SHA256[name])


def _cached(folder: Path, name: str, download: bool) -> Array:
    """One of the four arrays from the cache, downloaded where it is missing or damaged."""
    path = find_idx(folder, name)
    try:
        return _read(path, name)
    except DataError as error:
        if not download:
            reason = str(error) if path.exists() else f"{name!r} is not in {str(folder)!r}"
            raise DataError(f"data 'mnist': {reason}, and download is false; {_ways_out(folder)}") from None
    try:
        return fetch(MIRRORS, f"{name}.gz", folder, lambda file: _read(file, name))
    except DataError as error:
        raise DataError(f"data 'mnist': {error}; {_ways_out(folder)}") from None


def _ways_out(folder: Path) -> str:
    return (
        "use data=mnist_5k or data=digits, which need no network; or point data.root or BPEXP_DATA at a folder with "
        f"the four files; or connect to a network and let it download, once, into {str(folder)!r}"
    )


def _raw(arrays: list[Array], folder: Path) -> Raw:
    X, labels, X_test, labels_test = arrays
    X, X_test = (images.reshape(len(images), -1) for images in (X, X_test))
    y, y_test = (values.astype(np.int64) for values in (labels, labels_test))
    return Raw(
        X=X,
        y=y,
        task="classification",
        source=f"MNIST, {str(folder)!r}",
        digest=DIGESTS.get(tuple(SHA256.values())) or digest_of(X, y, X_test, y_test),
        classes=tuple("0123456789"),
        image_shape=(28, 28),
        test=(X_test, y_test),
    )
