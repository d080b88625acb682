"""Tables as users have them: each is read right, or answered in one line that says what to type."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bpexp
from bpexp.data import datasets, prepare
from bpexp.errors import BpexpError, ConfigError, DataError


def load(path: object, **params: object):
    return datasets.build("csv", path=str(path), **params)(np.random.default_rng(0))


def write(path: Path, text: str | bytes) -> str:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


@pytest.fixture
def table(tmp_path):
    """Writes a text to a file and reads it."""
    return lambda text, **params: load(write(tmp_path / "t.csv", text), **params)


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("1,2,cat\n3,4,dog\n5,6,cat\n", {}),
        ("a,b,kind\n1,2,cat\n3,4,dog\n5,6,cat\n", {}),
        ("a,b,kind\n1,2,cat\n\n  \n3,4,dog\n5,6,cat\n\n", {"target": "kind"}),
        ("kind,a,b\r\ncat,1,2\r\ndog,3,4\r\ncat,5,6\r\n", {"target": 0}),
        ("kind,a,b\rcat,1,2\rdog,3,4\rcat,5,6\r", {"target": 0}),
        ("\ufeffkind; a; b\ncat; 1; 2\ndog; 3; 4\ncat; 5; 6", {"target": "kind"}),
        ('"1"\t2\tcat\n3\t4\t"dog"\n5\t6\tcat\n', {}),
        ('"1"\t2\tcat\n3\t4\t"dog"\n5\t6\tcat\n', {"delimiter": "tab"}),
        ("1|2|cat\n3|4|dog\n5|6|cat\n", {}),
        ("1^2^cat\n3^4^dog\n5^6^cat\n", {"delimiter": "^"}),
        ("a  b\tkind\n 1  2   cat\n3 4 dog  \n5\t6 cat\n", {}),
        ("7,8,9\n1,2,cat\n3,4,dog\n5,6,cat\n", {"header": True}),
        ("a;b;kind\n1,0;2;cat\n3,0;4;dog\n5;6;cat\n", {}),
        ("a;b;kind\n1.0;2;cat\n3.0;4;dog\n5;6;cat\n", {"delimiter": "semicolon", "decimal": "point"}),
        ('a,b,kind\n"1,0","2",cat\n"3,0","4",dog\n"5","6",cat\n', {}),
        ("# made by hand\na,b,kind\n1,2,cat # first\n3,4,dog\n5,6,cat\n", {"comment": "hash"}),
        ("a,kind,b\n1,cat,2\n3,dog,4\n5,cat,6\n", {"target": "kind"}),
        ("b,kind,a\n2,cat,1\n4,dog,3\n6,cat,5\n", {"target": "kind", "columns": ["a", "b"]}),
        ("a,id,b,kind\n1,x,2,cat\n3,y,4,dog\n5,z,6,cat\n", {"drop": "id"}),
        ("a,id,b,kind\n1,x,2,cat\n3,y,4,dog\n5,z,6,cat\n", {"drop": [1]}),
        ("a,id,b,kind\n1,x,2,cat\n3,y,4,dog\n5,z,6,cat\n", {"columns": [0, "b"]}),
        ("a (cm), b ,kind\n1,2,cat\n3,4,dog\n5,6,cat\n", {"columns": ["a_cm", "b"], "target": "kind"}),
        ("a,b,kind\n1,2,cat,\n3,4,dog,\n5,6,cat,\n", {}),
        ("a,b,kind,\n1,2,cat,\n3,4,dog,\n5,6,cat,\n", {"target": "kind"}),
        ("a,b,kind\n1,2,cat\n,,\n3,4,dog\n5,6,cat\n", {}),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_ways_to_write_one_table(tmp_path, text, params, pack):
    raw = load(write(tmp_path / "t.csv", pack(text.encode())), **params)
    assert raw.X.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert raw.task == "classification"
    assert raw.classes == ("cat", "dog")
    assert raw.y.tolist() == [0, 1, 0]
    assert raw.columns.width == 2
    assert raw.tabular


def test_names_of_columns_and_targets(table):
    raw = table("kind, a (cm) ,\ncat,1,2\ndog,3,4\n", target="kind")
    assert raw.columns.names == ("a (cm)", "Unnamed: 2")
    assert raw.target_names == ("kind",)
    raw = table("5.5,1,cat\n3,4,cat\n")
    assert raw.columns.names == ("0", "1")
    assert "no header: the columns are called 0 to 2" in raw.notes


def test_numbers_and_truth_values(table):
    raw = table("a,b,y\n1e-3,True,0.5\n 2 , false,1.5\n.5,TRUE,2.5\n-4.,False,1\n")
    assert raw.X.tolist() == [[0.001, 1], [2, 0], [0.5, 1], [-4, 0]]
    assert raw.y.tolist() == [[0.5], [1.5], [2.5], [1]]


def test_thousands(table):
    assert table("a;y\n1.234,5;0,5\n12.345.678;1,5\n", thousands="point", decimal="comma").X.tolist() == [
        [1234.5],
        [12345678],
    ]
    assert table('a,y\n"1,234.5",0.5\n"12,345",1.5\n', thousands="comma").X.tolist() == [[1234.5], [12345]]


def test_every_digit_is_read(table):
    """The nearest float, also with a decimal comma: what pandas wrote is what is read."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(500) * 10.0 ** rng.integers(-300, 300, 500)
    frame = pd.DataFrame({"x": x, "y": rng.random(500)})
    for style in ({"sep": ","}, {"sep": ";", "decimal": ","}):
        raw = table(frame.to_csv(index=False, **style))
        np.testing.assert_array_equal(raw.X[:, 0], x)
        np.testing.assert_array_equal(raw.y[:, 0], frame["y"])


def test_a_header_of_numbers_is_no_sample(table):
    """N4: pandas writes one where the columns have no names."""
    frame = pd.DataFrame(np.random.default_rng(0).random((30, 5)))
    raw = table(frame.to_csv(index=False))
    np.testing.assert_array_equal(np.hstack([raw.X, raw.y]), frame)
    assert raw.columns.names == ("0", "1", "2", "3")
    assert any("the numbers of the first line are names" in note for note in raw.notes)
    assert len(table(frame.to_csv(index=False), header=False).X) == 31
    with pytest.raises(DataError, match=r"declare data\.header"):
        table(frame.iloc[:, :2].to_csv(index=False))


def test_the_index_of_pandas_is_left_out_and_said(table):
    """N10."""
    frame = pd.DataFrame({"a": np.arange(12) % 5 / 2, "y": np.arange(12) / 4 + 0.1})
    plain = table(frame.to_csv(index=False))
    for indexed in (frame, frame.sample(frac=1, random_state=0), frame.set_index(frame.index + 1)):
        raw = table(indexed.sort_index().to_csv())
        assert (raw.columns.names, raw.digest) == (("a",), plain.digest)
        assert any("as an index of pandas does" in note for note in raw.notes)
        assert table(indexed.to_csv()).columns.names == ("a",)
    assert table(frame.to_csv(), columns=[0, "a"]).columns.names == ("Unnamed: 0", "a")
    named = frame.to_csv(index_label="Id")
    with pytest.raises(DataError, match=r"column 'Id' counts the rows from 0, .* data\.drop=Id"):
        table(named)
    assert table(named, drop="Id").digest == plain.digest
    assert table(named, columns=["Id", "a"]).X.shape == (12, 2)
    with pytest.raises(DataError, match=r"column '0' counts the rows from 0, .* data\.drop=0"):
        table(frame.to_csv(header=False))
    letters = frame.set_index(pd.Index(list("abcdefghijkl")))
    with pytest.raises(DataError, match=r"the first column has no name and holds text \('a'\).* data\.drop=0"):
        table(letters.to_csv())
    assert table(letters.to_csv(), drop=0).digest == plain.digest


def test_whole_numbers_of_many_kinds_are_neither_classes_nor_values_in_silence(table):
    """N8: 41 ages."""
    ages = "\n".join(["x,age", *(f"{i / 7},{20 + i % 41}" for i in range(200))])
    with pytest.raises(DataError, match=r"41 different whole numbers; declare data\.task=regression"):
        table(ages)
    assert table(ages, task="regression").y.shape == (200, 1)
    assert len(table(ages, task="classification").classes) == 41
    few = table("x,q\n0.5,3\n0.1,10\n0.2,3\n")
    assert few.classes == ("3", "10")
    assert "2 classes (3, 10); data.task=regression takes its numbers as values" in few.notes[0]
    whole = table("x,q\n0.5,3.0\n0.1,10.0\n0.2,3.0\n")
    assert whole.task == "regression"
    assert "values; data.task=classification takes them as classes" in whole.notes[0]
    assert table("x,q\n0.5,3.0\n0.1,10.0\n0.2,3.0\n", task="classification").classes == ("3", "10")
    assert table("x,q\n0.5,True\n0.1,False\n").classes == ("False", "True")


def test_several_targets(table):
    raw = table("y,x,z\n1,2,3\n4,5,6\n", target=["z", "y"])
    assert (raw.task, raw.target_names, raw.y.tolist()) == ("regression", ("z", "y"), [[3, 1], [6, 4]])


CARS = "hp,fuel,doors,y\n100,gas,2,0.5\n,oil,4,1.5\n80,,2,2.5\n90,gas,?,3.5\n"


def test_categories(table):
    raw = table("c,x,d,y\nred,1,10,0.5\nblue,2,9,1.5\nred ,3,10,2.5\n", categorical=["c", 2])
    assert raw.columns.inputs == ("c=blue", "c=red", "x", "d=9", "d=10")
    assert raw.X.tolist() == [[0, 1, 1, 0, 1], [1, 0, 2, 1, 0], [0, 1, 3, 0, 1]]
    frame = pd.DataFrame({"x": [1, 2], "d": [9, 10], "c": ["red", "blue"]})
    assert raw.columns.encode(frame).tolist() == [[0, 1, 1, 1, 0], [1, 0, 2, 0, 1]]


def test_missing_values(table):
    options = {"categorical": ["fuel"], "na_values": "?"}
    with pytest.raises(DataError, match=r"line 3, column 'hp': a value is missing \(3 in all: hp 1, fuel 1, doors 1\)"):
        table(CARS, **options)
    raw = table(CARS, missing="drop_rows", **options)
    assert raw.columns.inputs == ("hp", "fuel=gas", "doors")
    assert raw.X.tolist() == [[100, 1, 2]]
    assert "3 of 4 rows left out, in which a value is missing" in raw.notes
    raw = table(CARS, missing="median", **options)
    assert np.isnan(raw.X).tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]]
    assert [column.impute for column in raw.columns.columns] == ["median", "most_frequent", "median"]
    raw = table(CARS, missing=-1, **options)
    assert raw.columns.inputs == ("hp", "fuel=gas", "fuel=missing", "fuel=oil", "doors")
    data = prepare(raw, name="csv", rng=np.random.default_rng(0), test=0, validation=0, scaling="none", dtype="float64")
    assert data.train.X.tolist() == [[100, 1, 0, 0, 2], [-1, 0, 0, 1, 4], [80, 0, 1, 0, 2], [90, 1, 0, 0, -1]]
    assert data.columns.encode([[None, None, None]]).tolist() == [[-1, 0, 1, 0, -1]]


@pytest.mark.parametrize(
    ("text", "params", "message"),
    [
        ("", {}, "is empty"),
        ("\n\n", {}, "is empty"),
        ("1\n2\n", {}, "expected 2 or more columns, found 1; is the delimiter right"),
        ("a,b\n", {}, "expected samples after the header"),
        ("a,b\n,\n", {}, "expected samples after the header"),
        ("1.5,2,a\n3,b\n", {}, "line 2: expected 3 columns as in the first line, found 2"),
        ("a,b\n1,2,3\n4,5,6\n", {}, "line 2: expected 2 columns as in the first line, found 3"),
        ("1.5,2,a\n\n3,x,a\n", {}, r"line 3, column '1': expected a finite number, found 'x'; mend the cell"),
        ("1.5,2,a\n,4,a\n", {}, "line 2, column '0': a value is missing"),
        ("a,1.5,2\na,3,nan\n", {"target": 0}, "line 2, column '2': a value is missing"),
        ("1,inf,a\n3,4,a\n", {}, "line 1, column '1': expected a finite number, found 'inf'"),
        ("1,1e999,a\n3,4,a\n", {}, "expected a finite number, found 'inf'"),
        ("a,y\n1,a\n2,\n", {}, "line 3, column 'y': the target is missing"),
        ("a,y\n1,a\n2,\n", {"missing": "mean"}, "a target is never filled in"),
        ("a,y\n1,a\n2,b\n", {"task": "regression"}, "line 2, column 'y': expected a finite number, found 'a'"),
        ("a,y,z\n1,2,b\n2,3,b\n", {"target": ["y", "z"]}, "column 'z': expected a finite number, found 'b'"),
        ("a,y\n1,2.5\n2,inf\n", {}, "line 3, column 'y': expected a finite number, found 'inf'"),
        ("a,y,z\n1,2,3\n", {"target": ["y", "z"], "task": "classification"}, "a classification has one target, not 2"),
        ("1.5,2\n", {"target": 2}, r"target=2, but there are 2 columns, 0\.\.1"),
        (
            "size,kind\n1,a\n",
            {"target": "kin"},
            "target='kin' names no column; did you mean 'kind'. it has: size, kind",
        ),
        ("a,b,y\n1,2,3\n", {"drop": ["q"]}, "data.drop='q' names no column"),
        ("a,b,y\n1,2,3\n", {"columns": ["a", "y"]}, "'y' is the target; leave it out of data.columns"),
        ("a,b,y\n1,2,3\n", {"drop": ["y"]}, "'y' is the target; leave it out of data.drop"),
        ("a,b,y\n1,2,3\n", {"columns": ["a", "a"]}, "data.columns names a column twice"),
        ("a,b,y\n1,2,3\n", {"columns": "a", "categorical": "b"}, "'b', which is not one of the features"),
        ("a,b,y\n1,2,3\n", {"drop": ["a", "b"]}, "no feature is left beside the target"),
        ("a,a,y\n1,2,3\n", {}, r"the columns 0, 1 share the name 'a'; .* data\.drop=1"),
        ("a,a,y\n1,2,3\n", {"columns": ["a"]}, r"fits the columns 0, 1; give the number of one"),
        ("a,b,y\n1,,3\n2,,4\n", {"missing": "mean"}, "column 'b' has no value at all; leave it out by data.drop=b"),
        ("a,b,y\n1,,3\n,2,4\n", {"missing": "drop_rows"}, "every row has a missing value"),
        (
            "a,s,t,y\n1,m,x,3\n2,f,y,4\n",
            {},
            r"text in the columns s \('m'\), t \('x'\); data\.categorical=\[s,t\] makes",
        ),
        ("a,true,größe,b (c),y\n1,m,x,z,3\n", {}, r"data\.categorical=\[1,2,b_c\] makes an input"),
        ("a,when,y\n1,2020-01-02,3\n2,2020-02-02,4\n", {}, "column 'when' holds text .* write a date as a number"),
        ('a,b,y\n1,"2,5",3\n2,2.5,4\n', {}, "line 2, column 'b'.* found '2,5'; .* declare data.decimal=comma"),
        ("a;b;y\n1;2,5;3\n2;1.234,5;4\n", {}, "found '1.234,5'; .* declare data.thousands=point"),
        ("a;b;y\n1;1,234;3\n2;2,345;4\n", {}, "declare data.decimal=comma or data.thousands=comma"),
        (
            "a,b,y\n1,2,3\n2,?,4\n2,3,4\n",
            {},
            r"found '\?'; if it stands for a missing value, declare data.na_values=\?",
        ),
        ("a,b\n1,2\n3,4\n", {"header": False}, "if the first line holds names, declare data.header=true"),
        ("5,1.5\n3,4\n", {"target": 2022}, "2 columns, 0..1; if the first line holds names, declare data.header=true"),
        ("a,b\n1,2\n", {"target": 2}, r"there are 2 columns, 0\.\.1$"),
        ("a,b,\n1,2,\n", {}, "the target 'Unnamed: 2' has no value at all; name another by data.target"),
        ("sep=;\na;b\n1;2\n", {}, "'sep=' is a line for Excel; remove it"),
        ("# a,b\n1,2\n", {}, r"line 1: begins with '#'; declare data\.comment=hash"),
        (
            "c,y\n" + "\n".join(f"k{i},1.5" for i in range(9)),
            {"categorical": "c", "most_categories": 8},
            "has 9 categories",
        ),
        ('1.5,"a\n', {}, "cannot be read: unexpected end of data"),
        (b"1.5,a\x00\n", {}, "holds characters 0"),
        (b"1,\xff\n", {}, "is not text in utf-8: byte 0xff is no letter; declare data.encoding=cp1252"),
        ("a,b\n1,2\n".encode("utf-16"), {}, "is text in UTF-16; declare data.encoding=utf-16"),
        (b"PK\x03\x04\xff\xfe", {}, "is a zip archive or an Excel workbook; save it as CSV"),
        (gzip.compress(b"1,a\n", mtime=0)[:-4], {}, "the gzip file is truncated"),
        (b"\x1f\x8bnonsense", {}, "cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, text, params, message):
    path = write(tmp_path / "t.csv", text)
    with pytest.raises(DataError, match=message) as caught:
        load(path, **params)
    assert "\n" not in str(caught.value)
    assert path in str(caught.value)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"delimiter": "and"}, "delimiter must be one character, or one of tab, semicolon, pipe, comma, whitespace"),
        ({"encoding": "klingon"}, "encoding must be one that Python knows"),
        ({"thousands": "dots"}, "thousands must be one character"),
        ({"thousands": "comma", "decimal": "comma"}, "thousands and decimal are the same sign"),
        ({"comment": "comma", "delimiter": ","}, "comment must be a character without another meaning"),
        ({"columns": "a", "drop": "b"}, "two ways to choose"),
        ({"target": []}, "target must name a column"),
        ({"target": [True]}, "target takes names and numbers of columns, not True"),
        ({"drop": "a", "header": False}, "'a' is a column's name and needs a header"),
        ({"missing": "guess"}, "missing must be"),
        ({"missing": float("nan")}, "missing must be"),
    ],
)
def test_what_is_declared_wrong_is_one_line(table, params, message):
    with pytest.raises(ConfigError, match=message) as caught:
        table("a,b,y\n1,2,3\n", **params)
    assert "\n" not in str(caught.value)


def test_encodings(table):
    text = "größe,art\n1.5,süß\n2.5,süß\n"
    for encoding in ("cp1252", "latin-1", "utf-16", "utf-8"):
        raw = table(text.encode(encoding), encoding=encoding)
        assert (raw.columns.names, raw.classes) == (("größe",), ("süß",))


def test_pieces_of_a_long_file_are_one_table(table, monkeypatch):
    """A category, a text or a wide line that comes late is found, and its line is named."""
    monkeypatch.setattr("bpexp.data.tables.cells.PIECE", 300)
    lines = ["a,c,y", *(f"{i / 3},{'red' if i < 350 else 'blue'},{i % 7 / 2}" for i in range(400))]
    raw = table("\n".join(lines), categorical="c")
    assert raw.columns.inputs == ("a", "c=blue", "c=red")
    np.testing.assert_array_equal(raw.X[:, 0], np.arange(400) / 3)
    np.testing.assert_array_equal(raw.X[:, 1], np.arange(400) >= 350)
    for bad, message in (
        ("x,red,1", "line 392, column 'a'"),
        ("1,red", "line 392: expected 3"),
        ("1,red,1,4", "found 4"),
    ):
        with pytest.raises(DataError, match=message):
            table("\n".join([*lines[:390], "", bad, *lines[390:]]), categorical="c")
    with pytest.raises(DataError, match="line 391, column 'y': expected a finite number, found 'no'"):
        table("\n".join([*lines[:390], "1,red,no", *lines[390:]]), categorical="c", task="regression")


def test_a_column_of_two_kinds_in_a_long_file_warns_of_nothing(table):
    """pandas warns of mixed types in a piece; the user is told the line, and nothing else."""
    lines = ["a,y", *(f"{i},{i / 3}" for i in range(200_000, 0, -1))]
    lines[150_000] = "?,1"
    with pytest.raises(DataError, match=r"line 150001, column 'a'.* data\.na_values=\?"):
        table("\n".join(lines))


def test_notes_say_what_was_decided(table):
    raw = table("a;b;y\n1,5;7;0,5\n;;\n2,5;7;1,5\n")
    assert raw.notes[0].endswith("2 rows, 2 features; target 'y': values")
    assert raw.notes[1:] == (
        "numbers have a decimal comma",
        "1 lines without any value left out",
        "one value only in b",
    )


cells = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**6), 10**6),
)
words = st.sampled_from(["red", "deep blue", 'so-called "green"', "a,b", "semi;colon", "grün", "x\ny"])


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(cells, words, st.booleans(), st.floats(-1e6, 1e6)), min_size=3, max_size=30),
    style=st.sampled_from(
        [{}, {"sep": ";", "decimal": ","}, {"sep": "\t"}, {"sep": "|"}, {"quoting": 2}, {"quoting": 1}]
    ),
    index=st.booleans(),
)
def test_what_pandas_writes_is_what_is_read(tmp_path_factory, rows, style, index):
    """Any table, in any style, and the columns give the same inputs for the data frame itself."""
    frame = pd.DataFrame(rows, columns=["a number", "colour", "on", "y"])
    path = tmp_path_factory.mktemp("t") / "t.csv"
    frame.to_csv(path, index=index, **style)
    raw = load(
        path, target="y", categorical="colour", decimal="comma" if "decimal" in style else "point", task="regression"
    )
    np.testing.assert_array_equal(raw.X[:, 0], frame["a number"].astype(float))
    np.testing.assert_array_equal(raw.y[:, 0], frame["y"])
    np.testing.assert_array_equal(raw.X, raw.columns.encode(frame))


def test_no_table_makes_it_fail_otherwise(tmp_path):
    """A table with some of its bytes changed: a result, or one line."""
    rng = np.random.default_rng(0)
    base = np.frombuffer(b"a,b,c\n1,2.5,x\n3,1.5,y\n4,5.5,x\n", np.uint8)
    other = np.frombuffer(b",;\t|\n\r\"' .0-#?ex\xff\x00", np.uint8)
    outcomes = set()
    for _ in range(150):
        text = base.copy()
        text[rng.integers(len(text), size=rng.integers(1, 4))] = rng.choice(other)
        try:
            load(write(tmp_path / "t.csv", bytes(text)))
            outcomes.add("read")
        except BpexpError as error:
            outcomes.add("refused" if "\n" not in str(error) else str(error))
    assert outcomes == {"read", "refused"}


def test_the_screen_says_what_was_decided(tmp_path, monkeypatch, capfd):
    """N9: standardized by default, and said, once for a run and once for a sweep."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": 1000 * rng.random(60), "y": rng.random(60) > 0.5})
    frame.to_csv("t.csv")
    said = ("data=csv", "data.path=t.csv", "epochs=1", "model.hidden=[3]", "tracking=none", "progress=true")
    wanted = ("60 rows, 1 features; target 'y': 2 classes (False, True)", "the first column left out", "standardized")
    bpexp.run(*said)
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("data: ")]
    assert [any(part in line for line in lines) for part in wanted] == [True] * 3
    bpexp.sweep(*said, seed=range(2))
    again = [line for line in capfd.readouterr().err.splitlines() if line.startswith("data: ")]
    assert again == lines
    bpexp.run(*said, "data.scaling=none")
    assert "standardized" not in capfd.readouterr().err


def test_pandas_is_loaded_when_a_table_is_read_and_not_before():
    code = "import sys, bpexp.config.groups, bpexp.nn.columns; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
