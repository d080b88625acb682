"""The user's own files: what is understood, and which line says why one is not."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from bpexp.data import datasets, prepare
from bpexp.errors import BpexpError, DataError


def load(name: str, **params: object):
    return datasets.build(name, **params)(np.random.default_rng(0))


def write(path: Path, text: str | bytes) -> str:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def idx_file(path: Path, array: np.ndarray, pack=bytes) -> str:
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return write(path, pack(head + array.astype(np.uint8).tobytes()))


@pytest.mark.parametrize("name", ["csv", "npz", "idx"])
def test_a_missing_file(tmp_path, name):
    with pytest.raises(DataError, match=r"[Nn]o such file"):
        load(name, path=str(tmp_path / "nothing"))


def test_npz(tmp_path):
    path = str(tmp_path / "d.npz")
    images = np.arange(48, dtype=np.uint8).reshape(4, 3, 4)
    np.savez(path, X=images, y=["b", "a", "b", "a"], X2=images[:1], y2=["a"], values=np.eye(4), n=[1, 2, 3, 1])
    raw = load("npz", path=path, x_test="X2", y_test="y2")
    assert raw.X.dtype == np.uint8
    assert raw.X.shape == (4, 12)
    assert raw.image_shape == (3, 4)
    assert raw.classes == ("a", "b")
    assert raw.y.tolist() == [1, 0, 1, 0]
    assert raw.test is not None
    assert raw.test[1].tolist() == [0]
    assert load("npz", path=path, y="values").y.shape == (4, 4)
    assert load("npz", path=path, y="n").classes == ("1", "2", "3")
    assert load("npz", path=path, y="n", task="regression").y.shape == (4, 1)


def test_an_npz_of_rows_is_standardized_as_a_table_is(tmp_path):
    """N9; bytes and images keep their own scale."""
    path, rng = str(tmp_path / "d.npz"), np.random.default_rng(0)
    rows = 1000 * rng.random((30, 4))
    np.savez(path, rows=rows, bytes=rows.astype(np.uint8), images=rows.reshape(30, 2, 2), y=np.arange(30) % 2)
    go = {"name": "npz", "dtype": "float64"}
    data = prepare(load("npz", path=path, x="rows"), rng=np.random.default_rng(0), **go)
    np.testing.assert_allclose(data.train.X[data.train.rows].mean(axis=0), 0, atol=1e-12)
    assert "standardized with the mean" in data.notes[0]
    for x, largest in (("bytes", 1), ("images", rows.max())):
        data = prepare(load("npz", path=path, x=x), rng=np.random.default_rng(0), **go)
        assert data.train.batch()[0].max() == pytest.approx(largest, rel=0.1)
        assert [note.partition(",")[0] for note in data.notes] == ["inputs left as they are"] * (x == "images")


def test_ages_in_an_npz_are_neither_classes_nor_values_in_silence(tmp_path):
    path = str(tmp_path / "d.npz")
    np.savez(path, X=np.eye(60), y=np.arange(60) % 41)
    with pytest.raises(DataError, match=r"41 different whole numbers; declare data\.task=regression"):
        load("npz", path=path)
    assert load("npz", path=path, task="regression").y.shape == (60, 1)
    assert len(load("npz", path=path, task="classification").classes) == 41


def test_npz_errors(tmp_path):
    path = str(tmp_path / "d.npz")
    np.savez(path, X=np.eye(2), y=[0, 1], words=["a", "b"], new=[0, 7], pickled=np.array([{}, None]), scalar=3)
    cases = [
        ({"y": "z"}, "has no array 'z'"),
        ({"x": "scalar"}, "one sample a row"),
        ({"y": "pickled"}, "pickled: found values of type object; expected numbers or texts"),
        ({"x_test": "X"}, "go together"),
        ({"x_test": "X", "y_test": "new"}, "the test set has the class 7, which the training set has not"),
        ({"y": "words", "task": "regression"}, "expected numbers as targets"),
        ({"y": "X", "task": "classification"}, "one label a sample"),
    ]
    for params, message in cases:
        with pytest.raises(BpexpError, match=message) as caught:
            load("npz", path=path, **params)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04nonsense", b"\x80\x04K\x01.", b"text"])
def test_not_an_npz(tmp_path, content):
    with pytest.raises(DataError, match="cannot be read") as caught:
        load("npz", path=write(tmp_path / "d.npz", content))
    assert "\n" not in str(caught.value)
    np.save(tmp_path / "one.npy", np.eye(2))
    with pytest.raises(DataError, match="found a single array"):
        load("npz", path=str(tmp_path / "one.npy"))


def test_npz_cut_short(tmp_path):
    path = tmp_path / "d.npz"
    np.savez_compressed(path, X=np.random.default_rng(0).random((50, 50)), y=np.arange(50))
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(40):
        bad = bytearray(content)
        bad[int(rng.integers(len(bad)))] ^= 0xFF
        path.write_bytes(bytes(bad[: int(rng.integers(len(bad)))]))
        with pytest.raises(DataError):
            load("npz", path=str(path))


def test_idx(tmp_path):
    images, labels = np.arange(24).reshape(4, 2, 3), np.array([3, 5, 3, 5])
    idx_file(tmp_path / "train-images-idx3-ubyte.gz", images, gzip.compress)
    idx_file(tmp_path / "train-labels-idx1-ubyte", labels)
    raw = load("idx", path=str(tmp_path))
    assert raw.test is None
    assert raw.classes == ("3", "5")
    assert raw.y.tolist() == [0, 1, 0, 1]
    assert raw.image_shape == (2, 3)
    idx_file(tmp_path / "t10k-images-idx3-ubyte", images[:2])
    idx_file(tmp_path / "t10k-labels-idx1-ubyte", labels[:2])
    whole = load("idx", path=str(tmp_path))
    assert whole.test is not None
    assert whole.digest != raw.digest
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (tmp_path / name).rename(tmp_path / "away")
        with pytest.raises(DataError, match=f"expected a file '{name}'"):  # half a test set is none to test by
            load("idx", path=str(tmp_path))
        (tmp_path / "away").rename(tmp_path / name)
    idx_file(tmp_path / "t10k-images-idx3-ubyte", images[:2].transpose(0, 2, 1))
    with pytest.raises(DataError, match=r"samples have the shape \(2, 3\), and those of the test set \(3, 2\)"):
        load("idx", path=str(tmp_path))
    x, y = tmp_path / "train-images-idx3-ubyte.gz", tmp_path / "train-labels-idx1-ubyte"
    assert load("idx", path=str(x), labels=str(y)).digest == raw.digest
    with pytest.raises(DataError, match="use labels=FILE"):
        load("idx", path=str(x))
    with pytest.raises(DataError, match="labels='own' has no effect beside the folder path="):
        load("idx", path=str(tmp_path), labels="own")
    y.unlink()
    with pytest.raises(DataError, match="expected a file 'train-labels-idx1-ubyte'"):
        load("idx", path=str(tmp_path))
