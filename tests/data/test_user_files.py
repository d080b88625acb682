"""The user's own files: what is understood, and which line says why one is not."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from bpexp.data import datasets
from bpexp.errors import BpexpError, DataError


def load(name: str, **params: object):
    return datasets.build(name, **params)(np.random.default_rng(0))


def write(path: Path, text: str | bytes) -> str:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def idx_file(path: Path, array: np.ndarray, pack=bytes) -> str:
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return write(path, pack(head + array.astype(np.uint8).tobytes()))


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("1,2,cat\n3,4,dog\n5,6,cat\n", {}),
        ("a,b,kind\n1,2,cat\n3,4,dog\n5,6,cat\n", {}),
        ("a,b,kind\n1,2,cat\n\n3,4,dog\n5,6,cat\n\n", {"target": "kind"}),
        ("kind,a,b\r\ncat,1,2\r\ndog,3,4\r\ncat,5,6\r\n", {"target": 0}),
        ("\ufeffkind; a; b\ncat; 1; 2\ndog; 3; 4\ncat; 5; 6", {"target": "kind", "delimiter": ";"}),
        ('"1"\t2\tcat\n3\t4\t"dog"\n5\t6\tcat\n', {"delimiter": "tab"}),
        ("7,8,9\n1,2,cat\n3,4,dog\n5,6,cat\n", {"header": True}),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_csv_classes(tmp_path, text, params, pack):
    raw = load("csv", path=write(tmp_path / "t.csv", pack(text.encode())), **params)
    assert raw.X.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert raw.task == "classification"
    assert raw.classes == ("cat", "dog")
    assert raw.y.tolist() == [0, 1, 0]


def test_csv_whole_numbers_are_classes_and_floats_are_values(tmp_path):
    whole = write(tmp_path / "whole.csv", "0.5,10\n1.5,2\n2.5,10\n")
    raw = load("csv", path=whole)
    assert raw.classes == ("2", "10")
    assert raw.y.tolist() == [1, 0, 1]
    raw = load("csv", path=whole, task="regression")
    assert raw.y.tolist() == [[10], [2], [10]]
    raw = load("csv", path=write(tmp_path / "float.csv", "0.5,10\n1.5,2e-1\n"))
    assert raw.task == "regression"
    assert raw.y.tolist() == [[10], [0.2]]


@pytest.mark.parametrize(
    ("text", "params", "message"),
    [
        ("", {}, "is empty"),
        ("1\n2\n", {}, "expected 2 or more columns, found 1"),
        ("a,b\n", {}, "expected samples after the header"),
        ("1,2,a\n3,b\n", {}, "line 2: expected 3 columns as in the first line, found 2"),
        ("1,2,a\n\n3,x,b\n", {}, "line 3, column 1: expected a finite number, found 'x'"),
        ("1,2,a\n,4,b\n", {}, r"line 2, column 0: expected a finite number, found nothing \(a missing value\)"),
        ("a,1,2\nb,3,nan\n", {"target": 0}, "line 2, column 2: expected a finite number, found 'nan'"),
        ("1,inf,a\n", {}, "line 1, column 1: expected a finite number, found 'inf'"),
        ("1,a\n2,\n", {}, "line 2: the target is missing"),
        ("1,a\n2,b\n", {"task": "regression"}, "expected finite numbers in the target's column"),
        ("1,2\n2,nan\n", {"task": "regression"}, "expected finite numbers"),
        ("1,2\n", {"target": 2}, r"target=2, but there are 2 columns, 0\.\.1"),
        ("size,kind\n1,a\n", {"target": "kin"}, "no column 'kin'; did you mean 'kind'"),
        ('1,"a\n', {}, "cannot be read: unexpected end of data"),
        (b"1,\xff\n", {}, "UTF-8"),
        (gzip.compress(b"1,a\n", mtime=0)[:-4], {}, "cannot be read"),
    ],
)
def test_csv_says_where_it_is_wrong(tmp_path, text, params, message):
    path = write(tmp_path / "t.csv", text)
    with pytest.raises(DataError, match=message) as caught:
        load("csv", path=path, **params)
    assert "\n" not in str(caught.value)
    assert path in str(caught.value)


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


def test_npz_errors(tmp_path):
    path = str(tmp_path / "d.npz")
    np.savez(path, X=np.eye(2), y=[0, 1], words=["a", "b"], new=[0, 7], pickled=np.array([{}, None]), scalar=3)
    cases = [
        ({"y": "z"}, "has no array 'z'"),
        ({"x": "scalar"}, "one sample a row"),
        ({"y": "pickled"}, "without pickled objects"),
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
    x, y = tmp_path / "train-images-idx3-ubyte.gz", tmp_path / "train-labels-idx1-ubyte"
    assert load("idx", path=str(x), labels=str(y)).digest == raw.digest
    with pytest.raises(DataError, match="use labels=FILE"):
        load("idx", path=str(x))
    y.unlink()
    with pytest.raises(DataError, match="expected a file 'train-labels-idx1-ubyte'"):
        load("idx", path=str(tmp_path))
