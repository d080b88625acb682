"""Imputation, standardization and categories of a table, held to scikit-learn's on the same training part."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bpexp.data import datasets, prepare
from bpexp.errors import DataError

NUMBERS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(1000 * rng.random((200, 3)) ** 3, columns=NUMBERS).round(1)
    frame["colour"] = rng.choice(["red", "green", "blue"], 200, p=[0.6, 0.3, 0.1])
    for column in ("a", "b", "colour"):
        frame.loc[rng.choice(200, 30, replace=False), column] = None
    frame["y"] = rng.random(200)
    return frame


def read(folder, frame, **params):
    frame.to_csv(folder / "t.csv", index=False)
    return datasets.build("csv", path=str(folder / "t.csv"), categorical="colour", **params)(np.random.default_rng(0))


def ready(raw, seed=0, **params):
    return prepare(raw, name="csv", rng=np.random.default_rng(seed), dtype="float64", **params)


@pytest.mark.parametrize("missing", ["mean", "median", "most_frequent"])
@pytest.mark.parametrize("seed", [0, 1])
def test_inputs_are_those_of_scikit_learn(tmp_path, frame, missing, seed):
    raw = read(tmp_path, frame, missing=missing)
    data = ready(raw, seed, scaling="auto")
    theirs = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy=missing), StandardScaler()), NUMBERS),
            ("colour", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["colour"]),
        ],
        sparse_threshold=0,
    )
    theirs.fit(frame.iloc[data.train.rows])
    np.testing.assert_allclose(data.train.X, theirs.transform(frame), rtol=1e-12, atol=1e-12)
    assert f"90 missing values imputed ({missing} of the training part)" in data.notes
    new = frame.drop(columns="y").iloc[::-1]
    scaled = data.scaling.apply(data.columns.encode(new), np.dtype("float64"))
    np.testing.assert_allclose(scaled, theirs.transform(new), rtol=1e-12, atol=1e-12)


def test_constants_come_from_the_training_part_only(tmp_path, frame):
    """Other values in the other parts change nothing in the training part, nor in the constants."""
    one = ready(read(tmp_path, frame, missing="mean"))
    changed = frame.copy()
    changed.loc[changed.index.difference(one.train.rows), NUMBERS] = 1e6
    two = ready(read(tmp_path, changed, missing="mean"))
    np.testing.assert_array_equal(one.train.rows, two.train.rows)
    np.testing.assert_array_equal(one.train.X[one.train.rows], two.train.X[two.train.rows])
    assert one.columns == two.columns
    np.testing.assert_array_equal(one.scaling.shift, two.scaling.shift)


def test_the_raw_data_are_left_as_they_were_for_other_seeds(tmp_path, frame):
    raw = read(tmp_path, frame, missing="mean")
    gaps = np.isnan(raw.X)
    ready(raw)
    np.testing.assert_array_equal(np.isnan(raw.X), gaps)
    assert [column.fill for column in raw.columns.columns] == [None] * 4


def test_a_category_that_the_training_part_lacks_is_said(tmp_path, frame):
    rare = frame.dropna().reset_index(drop=True)
    rows = ready(read(tmp_path, rare)).test.rows
    rare.loc[rows[0], "colour"] = "violet"
    data = ready(read(tmp_path, rare))
    assert data.n_inputs == 7
    assert any("no training row has colour=violet" in note for note in data.notes)


def test_a_column_without_a_value_in_the_training_part_is_refused(tmp_path, frame):
    rows = ready(read(tmp_path, frame, missing="mean")).train.rows
    empty = frame.copy()
    empty.loc[rows, "a"] = None
    with pytest.raises(DataError, match=r"column 'a' has no value in the training part; leave it out by data\.drop"):
        ready(read(tmp_path, empty, missing="mean"))


def test_unit_scaling_leaves_categories_too(tmp_path, frame):
    data = ready(read(tmp_path, frame, missing="mean"), scaling="unit")
    assert set(np.unique(data.train.X[:, 3:])) == {0.0, 1.0}
    assert data.train.X[data.train.rows][:, :3].min(axis=0).tolist() == [0, 0, 0]
