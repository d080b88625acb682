"""Splits, scaling and targets."""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bpexp.data import Raw, prepare, scaled, scaling
from bpexp.data.scaling import check_finite
from bpexp.data.split import limited, ranks, shares, split
from bpexp.errors import BpexpError, ConfigError, DataError
from bpexp.nn import scaling as nn_scaling


def make(n: int = 100, n_classes: int = 3, **changed: object) -> Raw:
    rng = np.random.default_rng(0)
    given = {
        "X": rng.integers(0, 256, (n, 4), dtype=np.uint8),
        "y": np.arange(n) % n_classes,
        "task": "classification",
        "source": "made up",
        "digest": "d",
    }
    return Raw(**(given | changed))


def go(raw: Raw, seed: int = 0, **params: object):
    return prepare(raw, name="made up", rng=np.random.default_rng(seed), **params)


@settings(max_examples=100, deadline=None)
@given(
    counts=st.lists(st.integers(3, 60), min_size=1, max_size=6),
    validation=st.sampled_from([0, 0.1, 0.33, 0.45]),
    test=st.sampled_from([0, 0.05, 0.2, 0.5]),
    seed=st.integers(0, 99),
)
def test_a_split_is_disjoint_complete_and_stratified(counts, validation, test, seed):
    strata = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    n = len(strata)
    sizes = [round(n * fraction) for fraction in (validation, test) if fraction]
    assume(0 not in sizes and sum(sizes) < n)
    parts = split(strata, validation=validation, test=test, rng=np.random.default_rng(seed))
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    for rows, fraction in zip(parts, (1 - validation - test, validation, test), strict=True):
        if fraction == 0:
            assert len(rows) == 0
            continue
        found = np.bincount(strata[rows], minlength=len(counts))
        assert found.min() >= 1
        assert (np.abs(found - np.array(counts) * fraction) <= 2.5).all()


def test_a_split_is_a_function_of_the_seed():
    strata = np.arange(90) % 3
    one, same, other = (split(strata, validation=0.1, test=0.2, rng=np.random.default_rng(s)) for s in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])
    without = split(strata, validation=0, test=0.2, rng=np.random.default_rng(5))
    np.testing.assert_array_equal(without[2], one[2])


def test_rows_stand_in_random_order():
    strata = np.repeat(np.arange(4), 100)
    train, _, _ = split(strata, validation=0.1, test=0.2, rng=np.random.default_rng(0))
    assert np.bincount(strata[train[:40]], minlength=4).min() >= 3


def test_limit_nests_and_keeps_the_proportions():
    strata = np.repeat(np.arange(2), [300, 100])
    rows = np.random.default_rng(0).permutation(400)
    small, large = limited(rows, strata, 40), limited(rows, strata, 80)
    assert np.bincount(strata[small]).tolist() == [30, 10]
    assert set(small.tolist()) < set(large.tolist())
    assert limited(rows, strata, 400) is rows
    assert len(limited(rows, np.arange(400) % 10, 3)) == 3


def test_ranks_and_shares():
    assert ranks(np.array([1, 0, 1, 1, 0])).tolist() == [0, 0, 1, 2, 1]
    assert shares(np.array([50, 50, 1]), 10).tolist() == [5, 4, 1]
    assert shares(np.array([3, 3]), 4, spare=1).tolist() == [2, 2]
    assert shares(np.array([7, 0]), 3).tolist() == [3, 0]


def test_parts_share_read_only_arrays():
    data = go(make())
    assert (len(data.train), len(data.validation), len(data.test)) == (70, 10, 20)
    assert data.train.X is data.validation.X is data.test.X
    assert data.train.Y is data.test.Y
    with pytest.raises(ValueError, match="read-only"):
        data.train.X[0, 0] = 1


def test_columns_are_samples_and_x_goes_with_y():
    raw = make()
    data = go(raw)
    x, y = data.train.batch()
    assert (x.shape, y.shape) == ((4, 70), (3, 70))
    np.testing.assert_array_equal(x.T, (raw.X[data.train.rows] / 255).astype(np.float32))
    np.testing.assert_array_equal(y.argmax(axis=0), raw.y[data.train.rows])
    x, y = data.train.batch(np.array([7, 3]))
    np.testing.assert_array_equal(y.argmax(axis=0), raw.y[[7, 3]])
    assert (data.n_inputs, data.n_outputs, data.targets) == (4, 3, "one_hot")


def test_index_targets_and_dtype():
    data = go(make(), one_hot=False, dtype="float64")
    assert data.targets == "index"
    assert data.n_outputs == 1
    assert data.train.Y.dtype == data.train.batch()[0].dtype == np.float64
    np.testing.assert_array_equal(data.train.Y[:, 0], data.train.labels)


def test_regression():
    y = np.linspace(0, 1, 50)[:, None]
    data = go(make(X=y * 2, y=y, task="regression"))
    assert data.train.labels is None
    assert data.targets == "values"
    assert len(data.train) == 35
    x, y = data.train.batch()
    np.testing.assert_allclose(x, 2 * y, rtol=1e-6)


def test_an_official_test_set_is_kept_whole():
    test = (np.full((6, 4), 51, np.uint8), np.arange(6) % 3)
    data = go(make(test=test), validation=0.2)
    assert (len(data.train), len(data.validation), len(data.test)) == (80, 20, 6)
    np.testing.assert_array_equal(data.test.batch()[0], np.float32(51) / np.float32(255))
    data = go(make(test=test), validation=0)
    assert data.validation is None
    numbers = go(make(X=np.ones((100, 4)), test=(np.ones((6, 4)), test[1])), validation=0)
    assert np.shares_memory(numbers.train.batch()[0], numbers.train.X)
    data = go(make(test=test), limit=3)
    assert (len(data.train), len(data.validation), len(data.test)) == (3, 3, 3)
    assert sorted(data.test.labels[data.test.rows]) == [0, 1, 2]


def test_no_parts_but_train():
    data = go(make(), validation=0, test=0)
    assert data.validation is None
    assert data.test is None
    assert len(data.train) == 100


def test_scalings():
    X = np.array([[0.0, 5, 0.1], [2, 5, 0.1], [4, 5, 0.1], [100, 6, 0.1]])
    raw = make(X=X, y=np.array([0, 1, 0, 1]))
    rows = np.array([0, 1, 2])
    assert np.array_equal(scaled(raw, "auto", "float64")[0], X)
    assert scaled(raw, "unit", rows=rows)[0][:3].tolist() == [[0, 0, 0], [0.5, 0, 0], [1, 0, 0]]
    Z = scaled(raw, "standardize", "float64", rows=rows)[0]
    np.testing.assert_allclose(Z[:3].mean(axis=0), 0, atol=1e-15)
    np.testing.assert_allclose(Z[:3].std(axis=0), [1, 0, 0])
    assert Z[3].tolist() == [98 / np.sqrt(8 / 3), 1, 0]
    digits = make(full_scale=16)
    rows = np.arange(100)
    assert np.array_equal(go(digits, dtype="float64").train.inputs(rows), digits.X / 16)
    assert np.array_equal(go(digits, scaling="unit").train.inputs(rows), go(digits).train.inputs(rows))
    assert np.array_equal(go(digits, scaling="none").train.inputs(rows), digits.X)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scaling", ["auto", "unit", "none", "standardize"])
def test_inputs_of_bytes_are_those_of_the_scaled_array_bit_for_bit(scaling, dtype):
    """The array that scaling all of the data at once gives, from which every reader took its rows."""
    raw = make(n=9000, test=(np.arange(256, dtype=np.uint8).reshape(64, 4), np.arange(64) % 3))
    data = go(raw, scaling=scaling, dtype=dtype)
    for part, rows_of_it in ((data.train, raw.X), (data.test, raw.test[0])):
        assert (part.divisor is None) == (scaling == "standardize")
        assert part.X.dtype == (dtype if scaling == "standardize" else np.uint8)
        whole = data.scaling.apply(rows_of_it, np.dtype(dtype))
        for rows in (np.arange(3, 40), part.rows[::-1], np.array([5, 5, 0]), np.arange(0)):
            out = np.full((len(rows), 4), np.nan, dtype)
            assert part.inputs(rows, out=out).base is out.base
            for found in (out, part.inputs(rows), part.batch(rows)[0].T):
                assert found.dtype == dtype
                assert found.tobytes() == whole[rows].tobytes()


def test_a_product_with_1_by_255_is_not_exact():
    """Why bytes are divided: the reason that the comment in `Part.inputs` gives."""
    b = np.arange(256).astype(np.float32)
    assert (b * np.float32(1 / 255) != b / np.float32(255)).sum() == 126


def test_bytes_become_exactly_0_and_1():
    data = go(make(X=np.tile(np.array([[0, 255]], np.uint8), (100, 1))))
    assert data.train.inputs(np.array([0])).tolist() == [[0, 1]]


def test_bytes_beside_a_test_set_of_numbers_are_scaled_once():
    data = go(make(test=(np.full((6, 4), 0.5), np.arange(6) % 3)))
    assert data.train.divisor is data.test.divisor is None
    assert data.train.X.dtype == data.test.X.dtype == np.float32
    assert data.train.X.max() == 1


@pytest.mark.parametrize(
    ("X", "params", "told"),
    [
        (np.arange(400).reshape(100, 4) % 256, {}, ["inputs left as they are, from 0 to 255, as int64: only bytes"]),
        (np.arange(400).reshape(100, 4) % 256 - 300.0, {}, ["inputs left as they are, from -300 to -45, as float64"]),
        (np.arange(400).reshape(100, 4) % 256, {"scaling": "unit"}, []),
        (np.arange(400).reshape(100, 4) % 256, {"scaling": "none"}, []),
        (np.arange(400, dtype=np.uint8).reshape(100, 4), {}, []),
        (np.linspace(-10, 10, 400).reshape(100, 4), {}, []),
    ],
)
def test_images_that_are_not_bytes_are_not_left_unscaled_in_silence(X, params, told):
    notes = go(make(X=X), **params).notes
    assert len(notes) == len(told)
    assert all(note.startswith(start) for note, start in zip(notes, told, strict=True))


def test_what_statistics_scale_takes_its_result_and_little_beside(monkeypatch):
    for module in (scaling, nn_scaling):
        monkeypatch.setattr(module, "CHUNK", 64)
    raw = make(n=20_000, X=np.random.default_rng(0).integers(0, 256, (20_000, 100), dtype=np.uint8))
    tracemalloc.start()
    scaled(raw, "standardize", rows=np.arange(14_000)[::-1])
    assert tracemalloc.get_traced_memory()[1] < 1.1 * raw.X.size * 4
    tracemalloc.stop()


def test_the_first_number_that_is_not_finite_is_named_in_a_long_array():
    X = np.zeros((9000, 2))
    X[[8999, 5000], [0, 1]] = np.nan
    with pytest.raises(DataError, match="input: row 5000, column 1 is nan"):
        check_finite(X, "input")


def test_other_seeds_share_the_scaled_array_and_nothing_outlives_the_raw_data():
    raw = make()
    one, two = go(raw, seed=1), go(raw, seed=2)
    assert one.train.X is two.train.X
    assert go(raw, dtype="float64").train.Y.dtype == np.float64
    kept = weakref.ref(raw)
    del raw, one, two
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize(
    ("changed", "params", "error", "message"),
    [
        ({}, {"validation": 1.0}, ConfigError, "validation must be a fraction of at least 0 and below 1, not 1.0"),
        ({}, {"test": -0.1}, ConfigError, "test must be a fraction"),
        ({}, {"test": float("nan")}, ConfigError, "test must be a fraction"),
        ({}, {"validation": 0.5, "test": 0.5}, ConfigError, "leave nothing to train on"),
        ({}, {"validation": 0.001}, DataError, "validation=0.001 of 100 samples is an empty part"),
        ({}, {"validation": 0.499, "test": 0.499}, DataError, "no training samples are left"),
        ({}, {"scaling": "log"}, ConfigError, "scaling must be one of"),
        ({}, {"dtype": "float16"}, ConfigError, "dtype must be one of"),
        ({"y": np.zeros(100, int)}, {}, DataError, "found 1 class, expected 2 or more"),
        ({"y": np.arange(100) == 0}, {}, DataError, "found bool"),
        ({"y": (np.arange(100) < 2) * 1}, {}, DataError, "class '1' has 2 samples, expected 3 or more"),
        ({"y": np.arange(99)}, {}, DataError, "as many targets as inputs, 100, found 99"),
        ({"y": np.arange(100) % 3 - 1}, {}, DataError, r"class numbers 0\.\.1, found -1\.\.1"),
        ({"classes": ("a", "b")}, {}, DataError, r"class numbers 0\.\.1, found 0\.\.2"),
        ({"full_scale": 0}, {}, DataError, "full_scale must be a finite number above 0, not 0"),
        ({"full_scale": float("nan")}, {"scaling": "unit"}, DataError, "full_scale must be a finite number above 0"),
        ({"X": np.zeros((100, 2, 2))}, {}, DataError, "expected numbers of shape"),
        ({"X": np.array([["a"]] * 100)}, {}, DataError, "expected numbers of shape"),
        (
            {"X": np.where(np.arange(200) == 7, np.nan, 0).reshape(100, 2)},
            {},
            DataError,
            "input: row 3, column 1 is nan",
        ),
        (
            {"X": np.where(np.arange(200) == 6, 1e300, 0).reshape(100, 2)},
            {},
            DataError,
            "float32: row 3, column 0 is inf",
        ),
        ({"y": np.full((100, 1), np.inf), "task": "regression"}, {}, DataError, "target in float32: row 0"),
        ({"test": (np.zeros((2, 9)), np.array([0, 1]))}, {}, DataError, "test samples of 4 inputs"),
        ({"test": (np.zeros((2, 4)), np.array([0, 3]))}, {}, DataError, "class numbers"),
    ],
)
def test_what_cannot_be_prepared_is_one_line(changed, params, error, message):
    with pytest.raises(error, match=message) as caught:
        go(make(**changed), **params)
    assert isinstance(caught.value, BpexpError)
    assert "\n" not in str(caught.value)
