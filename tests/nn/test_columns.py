"""Raw rows of a table become numbers: by name, by position, with categories and missing values."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpexp.errors import DataError, RecordError
from bpexp.nn.column import is_missing
from bpexp.nn.columns import Column, Columns
from bpexp.records.schema import typed

AGE = Column("age")
COLOUR = Column("colour", "category", ("blue", "red"))
BOTH = Columns((AGE, COLOUR))
FILLED = BOTH.with_fills([40.0, "red"])


def test_widths_and_names_of_inputs():
    assert (BOTH.width, BOTH.names, BOTH.inputs) == (3, ("age", "colour"), ("age", "colour=blue", "colour=red"))
    assert BOTH.is_number.tolist() == [True, False, False]


@pytest.mark.parametrize(
    "rows",
    [
        [[30, "red"], [41.5, "blue"]],
        np.array([[30, "red"], [41.5, "blue"]], dtype=object),
        np.array([["30", "red"], ["41.5", " blue "]]),
        {"colour": ["red", "blue"], "other": [1, 2], "age": [30, 41.5]},
        pd.DataFrame({"target": [0, 1], "colour": ["red", "blue"], " age": [30, 41.5]}, index=[7, 9]),
        pd.DataFrame({"colour": pd.Categorical(["red", "blue"]), "age": ["30", "41.5"]}),
    ],
)
def test_rows_are_read_by_name_or_in_order(rows):
    X = BOTH.encode(rows)
    assert X.tolist() == [[30, 0, 1], [41.5, 1, 0]]
    assert X.dtype == np.float64
    assert X.flags.c_contiguous


@pytest.mark.parametrize("gone", [None, float("nan"), pd.NA, pd.NaT, "", " ", np.nan])
def test_a_missing_value_is_filled_or_refused_with_its_place(gone):
    assert is_missing(gone)
    rows = [[30, "blue"], [gone, gone]]
    assert FILLED.encode(rows).tolist() == [[30, 1, 0], [40, 0, 1]]
    assert FILLED.encode(pd.DataFrame(rows, columns=["age", "colour"])).tolist() == [[30, 1, 0], [40, 0, 1]]
    with pytest.raises(DataError, match="row 1, column 'age': a value is missing"):
        BOTH.encode(rows)
    with pytest.raises(DataError, match="row 1, column 'colour': a value is missing"):
        BOTH.with_fills([0.0, None]).encode(rows)


def test_pandas_own_types_of_numbers():
    frame = pd.DataFrame({"age": pd.array([1, None], dtype="Int64"), "colour": ["red", "red"]})
    assert FILLED.encode(frame)[:, 0].tolist() == [1, 40]
    frame = pd.DataFrame({"age": [True, False], "colour": ["red", "red"]})
    assert FILLED.encode(frame)[:, 0].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("categories", "value", "number"),
    [
        (("1", "2"), 2, 1),
        (("1", "2"), 2.0, 1),
        (("1", "2"), np.float32(2), 1),
        (("1.0", "2.0"), 1, 0),
        (("01067", "80331"), 1067, 0),
        (("01", "1"), "1", 1),
        (("01", "1"), 1, 1),
        (("False", "True"), True, 1),
        (("FALSE", "TRUE"), np.False_, 0),
        (("no", "yes"), "yes", 1),
    ],
)
def test_categories_that_spell_numbers_are_found_by_value(categories, value, number):
    assert Columns((Column("k", "category", categories),)).encode([[value]])[0].argmax() == number


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, "grey"]], "row 0, column 'colour': unknown category 'grey'; known are: blue, red"),
        ([[1, "rad"]], "did you mean 'red'"),
        ([[1, 2]], "unknown category '2'"),
        ([["1,5", "red"]], "row 0, column 'age': expected a number, found '1,5'"),
        ([[1, "red"], [np.inf, "red"]], "row 1, column 'age': expected a finite number, found infinity"),
        ([[1e400, "red"]], "infinity"),
        ([[10**400, "red"]], "expected a number"),
        ([[1j, "red"]], "expected a number"),
        ([[[1, 2], "red"]], "expected"),
        ([1, "red"], r"expected rows of 2 values, \(N, 2\), in the order age, colour; found the shape \(2,\)"),
        ([[1, "red", 3]], r"found the shape \(1, 3\)"),
        ([[1], [1, "red"]], "expected rows of 2 values"),
        ({"age": [1]}, "the rows need a column 'colour' once, and have it not; they have: age"),
        ({"age": [1], "color": ["red"]}, "did you mean 'color'"),
        ({"age": [1, 2], "colour": ["red"]}, "expected columns of one length"),
        ({"age": [1, [2, 3]], "colour": ["red", "red"]}, "column 'age': expected one value a row, found lists"),
        ({"age": 1, "colour": "red"}, "column 'age': expected one value a row"),
        (
            pd.DataFrame([[1, 2, "red"]], columns=["age", "age", "colour"]),
            "need a column 'age' once, and have it twice",
        ),
        (pd.DataFrame({"age": pd.to_datetime(["2020-01-01"]), "colour": ["red"]}), "expected a number"),
        (pd.DataFrame([[1, "red"]]), "they have: 0, 1"),
    ],
)
def test_rows_that_do_not_fit_are_one_line(rows, message):
    with pytest.raises(DataError, match=message) as caught:
        BOTH.encode(rows)
    assert "\n" not in str(caught.value)


def test_the_rows_are_left_as_they_were():
    rows = np.array([[np.nan], [1.0]])
    Columns((Column("age", fill=3.0),)).encode(rows)
    assert np.isnan(rows[0, 0])


def test_no_rows_give_no_inputs():
    assert BOTH.encode(pd.DataFrame({"age": [], "colour": []})).shape == (0, 3)
    assert BOTH.encode(np.empty((0, 2))).shape == (0, 3)


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@st.composite
def tables(draw):
    columns = []
    for name in draw(st.lists(names, min_size=1, max_size=5, unique=True)):
        categories = tuple(draw(st.lists(names, max_size=4, unique=True)))
        fill = draw(st.sampled_from([None, *categories] if categories else [None, 0.1, -3.0]))
        columns.append(Column(name, "category" if categories else "number", categories, None, fill))
    return Columns(tuple(columns))


@settings(max_examples=50, deadline=None)
@given(tables())
def test_the_description_is_json_and_gives_the_same_columns(columns):
    assert typed(json.loads(json.dumps(columns.to_spec(), allow_nan=False)), Columns, "columns") == columns


@pytest.mark.parametrize(
    "spec", [{}, {"columns": []}, {"columns": [{"kind": "number"}]}, {"columns": [3]}, {"columns": 1}]
)
def test_a_damaged_description_is_one_line(spec):
    with pytest.raises((DataError, RecordError)) as caught:
        typed(spec, Columns, "columns")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "node",
    [
        {"kind": "category"},
        {"categories": ["a"]},
        {"kind": "category", "categories": ["a", "a"]},
        {"kind": "category", "categories": ["a"], "fill": "b"},
        {"kind": "category", "categories": ["a"], "fill": 1},
        {"fill": "1"},
    ],
)
def test_a_column_that_has_no_meaning_is_refused(node):
    with pytest.raises(DataError, match="column 'x'"):
        typed({"name": "x", **node}, Column, "columns")
