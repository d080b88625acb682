"""Is the first line a header? Where both are possible, the answer is a question."""

from __future__ import annotations

import pytest

from bpexp.data.tables.dialect import Dialect
from bpexp.data.tables.header import has_header
from bpexp.errors import DataError

number = Dialect().number


def table(text: str) -> tuple[list[str], list[list[str]]]:
    first, *rest = [line.split(",") for line in text.split("\n")]
    return first, rest


@pytest.mark.parametrize(
    "text",
    [
        "a,b,kind\n1,2,cat\n3,4,dog",
        "0,1,2,3\n5.1,3.5,1.4,0\n4.9,3.0,1.4,1",  # pandas, columns=range(4)
        "0,1,2,3\n5,3,1,0\n4,3,1,1",
        "0,1,2,3,kind\n5,3,1,0,cat\n4,3,1,1,dog",
        "0,1,kind\n5,3,1\n4,3,0",  # a text above numbers, beside numbers that count
        ",0,1,2,3\n0,5,3,1,0\n1,4,3,1,1",  # with the index
        ",a,b\n0,5,3\n1,4,3",
        "name,colour\nx,red\ny,blue",
        "a,b\n?,6\n1,7",
        "a,b",
    ],
)
def test_names(text):
    assert has_header(*table(text), number, "t") is True


@pytest.mark.parametrize(
    "text",
    [
        "5.1,3.5,cat\n4.9,3.0,cat\n6,2,dog",
        "1,2,cat\n3,4,dog\n5,6,cat",
        "0.5,10\n1.5,2\n2.5,10",
        "5,1,3,0\n4,2,2,1",
        "1,2,3,4,5,6\n1,3,4,5,6,7\n2,3,4,6,7,8",  # every row grows
        "1,2,3\n4,6,9\n2,4,6",
        "4,4,4\n5,3,1\n7,1,4",
        "p,x,s\np,y,s\ne,x,s\np,x,s",  # mushrooms: nothing but categories
        "?,130,8.5\n17,140,9\n18,150,8",  # a missing value in the first sample
        "5.1,3.5,unique\n4.9,3.0,other",
    ],
)
def test_samples(text):
    assert has_header(*table(text), number, "t") is False


@pytest.mark.parametrize(
    "text",
    [
        "0,1\n0,0\n1,1",  # two columns of pandas, or a sample of XOR
        "1990,1991,1992,1993,1994\n5,3,4,1,2\n2,3,1,7,5",  # years
        "2019,2020,2021,2022\n2.5,3.8,0.7,7.1\n0.3,1.9,1.0,3.3",  # few years
        "2021,2020,2019\n2.5,3.8,0.7\n0.3,1.9,1.0",  # backwards
        "400.5,401.0,401.5,402.0,402.5\n5,3,4,1,2",  # wavelengths
        "country,1990,1991\nChad,5,3\nMali,4,2",
        "red,x\nred,y\nblue,z",  # one text comes again, the other does not
        "a,5,3\n1,7,2\n2,4,4",  # a text above numbers, beside numbers that do not count
        "0,1,2,3,cat\n5,6,7,8,cat",  # counts, and the text comes again
    ],
)
def test_questions(text):
    with pytest.raises(DataError, match=r"declare data\.header=true or data\.header=false") as caught:
        has_header(*table(text), number, "t")
    assert "\n" not in str(caught.value)
