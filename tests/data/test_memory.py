"""Data of a Python process: what arrays and data frames become, what is refused, and when they are the same data."""

from __future__ import annotations

import tracemalloc
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bpexp.data import Dataset, datasets, memory
from bpexp.errors import DataError

FRAME = pd.DataFrame(
    {
        "width (cm)": [1.5, 2.0, np.nan, 4.0],
        "colour": pd.Categorical(["red", "blue", None, "red"]),
        "count": pd.array([1, None, 3, 4], dtype="Int64"),
        "kind": ["a", "b", "a", "b"],
    }
)


def raw(*given: Any, task: str = "auto", missing: Any = "error", **test: Any) -> Any:
    return Dataset(*given, **test).raw(task, missing)


def test_arrays_are_what_an_npz_file_of_them_is():
    X, y = np.arange(12.0).reshape(6, 2), np.array(["a", "b"] * 3)
    found = raw(X, y)
    np.testing.assert_array_equal(found.X, X)
    assert found.y.tolist() == [0, 1] * 3
    assert found.classes == ("a", "b")
    assert found.tabular
    assert found.columns is None
    images = raw(np.zeros((4, 2, 3), dtype=np.uint8), [0, 1, 0, 1])
    assert images.image_shape == (2, 3)
    assert not images.tabular


@pytest.mark.parametrize(
    ("y", "task", "expected"),
    [
        ([0, 1, 0, 1], "auto", "classification"),
        ([True, False, True, False], "auto", "classification"),
        (["a", "b", "a", "b"], "auto", "classification"),
        (pd.Series(["a", "b", "a", "b"], dtype="category"), "auto", "classification"),
        (np.array(["a", 1, "a", 1], dtype=object), "auto", "classification"),
        ([0.5, 1.0, 2.0, 3.0], "auto", "regression"),
        (pd.array([1, 2, 1, 2], dtype="Int64"), "auto", "classification"),
        ([0.0, 1.0, 0.0, 1.0], "classification", "classification"),
        ([[0.1, 1.0], [2.0, 3.0], [0.0, 1.0], [2.0, 2.0]], "auto", "regression"),
        (pd.DataFrame({"u": [1, 2, 3, 4], "v": [0.5, 1, 2, 3]}), "auto", "regression"),
    ],
)
def test_targets_of_any_kind(y: Any, task: str, expected: str):
    found = raw(np.eye(4), y, task=task)
    assert found.task == expected
    assert len(found.y) == 4
    if task == "classification":
        assert found.classes == ("0", "1")


@pytest.mark.parametrize("target", ["kind", ["kind"]])
def test_a_frame_has_columns_categories_and_a_target_by_its_name(target: Any):
    found = raw(FRAME.fillna({"width (cm)": 0, "colour": "red", "count": 9}), target)
    assert found.columns.inputs == ("width (cm)", "colour=blue", "colour=red", "count")
    assert found.X.tolist() == [[1.5, 0, 1, 1], [2, 1, 0, 9], [0, 0, 1, 3], [4, 0, 1, 4]]
    assert found.target_names == ("kind",)


def test_missing_values_are_refused_left_out_or_filled_in():
    with pytest.raises(DataError, match=r"row 1: a value is missing \(3 in all: width \(cm\) 1, colour 1, count 1\)"):
        raw(FRAME, "kind")
    left = raw(FRAME, "kind", missing="drop_rows")
    assert left.row_numbers.tolist() == [0, 3]
    assert left.X.tolist() == [[1.5, 0, 1, 1], [4, 0, 1, 4]]
    filled = raw(FRAME, "kind", missing="median")
    assert np.isnan(filled.X).any()  # of the training part, which is not known yet
    assert [column.impute for column in filled.columns.columns] == ["median", "most_frequent", "median"]
    with pytest.raises(DataError, match="is for the columns of a data frame"):
        raw(np.eye(2), [0, 1], missing="median")
    with pytest.raises(DataError, match="row 0: the target is missing"):
        raw(FRAME[["width (cm)"]], pd.Series([None, "a", "b", "a"]), missing="mean")


@pytest.mark.parametrize(
    ("X", "y", "told"),
    [
        (np.eye(3), [0, 1], "as many targets as inputs, 3, found 2"),
        ([[1, 2], [3]], [0, 1], "rows of different lengths"),
        ("mnist", [0, 1], "one sample a row, found 'mnist'"),
        (np.eye(2), "kind", "'kind' names a column, and the inputs are no data frame"),
        (FRAME, "kin", "expected one column 'kin'; did you mean 'kind'"),
        (FRAME[["kind"]], "kind", "no feature is left"),
        (FRAME, [1, 2, 3, 4], r"'kind': expected a number, found 'a'; frame.astype\({'kind': 'category'}\)"),
        (FRAME[["count"]], pd.Series([1, 2, 3, 4], index=[3, 2, 1, 0]), "have different indices"),
        (pd.DataFrame([[1, 2]], columns=["a", "a "]), [1], "need different names"),
        (pd.DataFrame({"a": pd.to_datetime(["2026-01-01", "2026-01-02"])}), [0, 1], "expected a number"),
        (pd.DataFrame({"a": [np.inf, 1]}), [0, 1], "finite number, found infinity"),
        (np.eye(2), [["a", "b"], ["c", "d"]], "one label a sample"),
        (np.eye(2), pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}), "hold text"),
    ],
)
def test_what_is_refused(X: Any, y: Any, told: str):
    with pytest.raises(DataError, match=told):
        Dataset(X, y)


def test_later_changes_of_the_arrays_change_nothing():
    X, y = np.eye(4), np.array([0, 1, 0, 1])
    data = Dataset(X, y)
    digest = data.digest
    X[...] = 7
    y[...] = 0
    assert data.digest == digest
    assert data.raw("auto", "error").X.tolist() == np.eye(4).tolist()


def test_data_are_not_copied_once_more_where_every_row_is_kept():
    X = np.random.default_rng(0).integers(0, 256, (2000, 500), dtype=np.uint8)
    data = Dataset(X, np.arange(2000) % 2)
    tracemalloc.start()
    found = data.raw("auto", "error")
    assert tracemalloc.get_traced_memory()[1] < 0.2 * X.nbytes
    tracemalloc.stop()
    assert found.X.tobytes() == X.tobytes()


def test_the_digest_is_that_of_values_types_shapes_and_names():
    X, y = np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1])
    other = X.copy()
    other[3, 1] = -1
    frame = pd.DataFrame(X, columns=["a", "b"])
    different = [
        (X, y),
        (other, y),
        (X.astype(np.float32), y),
        (X.reshape(4, 1, 2), y),
        (X, y[::-1]),
        (X, ["a", "b", "a", "b"]),
        (X, ["a", "c", "a", "c"]),
        (frame, y),
        (frame.rename(columns={"b": "c"}), y),
        (frame.astype({"b": "category"}), y),
        (X, y, (X, y)),
        (frame, pd.Series(y, name="t")),
    ]
    digests = [Dataset(*given).digest for given in different]
    assert len(set(digests)) == len(digests)
    assert digests == [Dataset(*given).digest for given in different]
    assert Dataset(np.asfortranarray(X), y.tolist()).digest == digests[0]


def test_an_official_test_set_has_the_same_columns():
    found = raw(FRAME.dropna(), "kind", test=(FRAME.dropna(), "kind"))
    assert found.test[0].shape == found.X.shape
    with pytest.raises(DataError, match="the test set has the columns colour, and the training set"):
        Dataset(FRAME.dropna(), "kind", test=(FRAME[["colour", "kind"]], "kind"))
    with pytest.raises(DataError, match="row 1: a value is missing"):
        raw(FRAME.dropna(), "kind", test=(FRAME, "kind"))


@pytest.mark.parametrize("bytes_first", [True, False])
def test_bytes_and_numbers_are_not_mixed(bytes_first: bool):
    """Numbers from 0 to 1 beside bytes would be divided by 255 with them, or not at all."""
    y, images = [0, 1, 0, 1], np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    pair = (images, images / 255) if bytes_first else (images / 255, images)
    with pytest.raises(DataError, match=r"the inputs are .* and those of the test set .* give both as bytes"):
        raw(pair[0], y, test=(pair[1], y))
    assert raw(images, y, test=(images, y)).test[0].dtype == np.uint8
    assert raw(images / 255, y, test=(images.astype(np.float32), y)).test is not None


def test_data_are_found_by_their_digest_while_they_are_held():
    one, two = Dataset(np.eye(4), [0, 1, 0, 1]), Dataset(np.eye(4), [1, 1, 0, 1])
    with memory.holding(one), memory.holding(one):
        with memory.holding(one):
            pass
        assert datasets.build("memory", digest=one.digest)(np.random.default_rng(0)).digest == one.digest
        with pytest.raises(DataError, match=f"those that were given have the digest {one.digest[:12]}"):
            datasets.build("memory", digest=two.digest)
    for digest in (one.digest, None):
        with pytest.raises(DataError, match=r"of a Python process; give them as bpexp.run\(data=\(X, y\)\)"):
            datasets.build("memory", digest=digest)


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), "there is no sample"),
        (FRAME.iloc[:0], "kind", "there is no sample"),
        (np.ma.array(np.eye(4), mask=np.eye(4) > 0), [0, 1, 0, 1], "4 of the inputs are masked"),
        (np.eye(4), np.ma.array([0, 1, 0, 1], mask=[1, 0, 0, 0]), "1 of the targets are masked"),
        (np.zeros((4, 2), "M8[s]"), [0, 1, 0, 1], "expected numbers as inputs, found datetime64"),
        (np.full((4, 2), Decimal(1)), [0, 1, 0, 1], "expected numbers as inputs, found object"),
        (np.eye(4), np.array([0, 1j, 0, 1]), "found complex128"),
        (FRAME.set_axis(["a", "b", "b", "c"], axis=1), "b", "expected one column 'b'; there are 2"),
    ],
)
def test_what_would_be_trained_on_falsely_is_refused_in_one_line(X: Any, y: Any, said: str):
    with pytest.raises(DataError, match=said):
        Dataset(X, y)


def test_an_array_without_masked_values_is_taken():
    np.testing.assert_array_equal(raw(np.ma.array(np.eye(4)), [0, 1, 0, 1]).X, np.eye(4))
