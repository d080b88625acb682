"""Tables that are made to take time or memory: each is a line, at once (R20)."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpexp.data import datasets
from bpexp.data.tables import survey
from bpexp.data.tables.dialect import Dialect
from bpexp.errors import ConfigError, DataError

ROW = b"1.5,2.5,a\n"


def load(path: Path, **params: Any) -> Any:
    return datasets.build("csv", path=str(path), **params)(np.random.default_rng(0))


def packed(block: bytes, times: int) -> bytes:
    """Gzip of a block again and again, without making all of it: each part packs a million bytes."""
    part = gzip.compress(block * (10**6 // len(block)), mtime=0)
    return part * times


BIG = 12_000_000
HOSTILE: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "a packed bomb": (packed(ROW, 30), {"most_bytes": BIG}, "holds more than 12000000 bytes; data.most_bytes takes"),
    "a packed bomb of zeros": (packed(b"\0", 30), {}, "holds characters 0"),
    "one line": (b"1," * (1 << 23), {}, "a line has more than 8388608 characters"),
    "one line after others": (ROW * 1000 + b"x" * (1 << 24), {}, "a line has more than 8388608 characters"),
    "one packed line": (packed(b"1", 30), {}, "a line has more than 8388608 characters"),
    "one quoted cell": (b'a,b\n1,"' + b"x\n" * (1 << 20), {}, "cannot be read|expected"),
    "a million columns": (b"1," * 10**6 + b"2\n", {"header": False}, "found 1000001 columns; expected at most 100000"),
    "as many cells": (b"1,2\n" * 10**6, {"most_bytes": BIG}, "take 16000016 bytes, more than data.most_bytes=12000000"),
    "empty lines": (ROW + b"\n" * BIG, {"most_bytes": BIG * 2}, "take .* more than data.most_bytes"),
    "zero far inside": (ROW * 200_000 + b"1,\0,a\n", {}, "holds characters 0"),
    "no text far inside": (ROW * 200_000 + b"1,\xff,a\n", {}, "byte 0xff is no letter"),
    "control characters": (b"\x1b]0;a,b\x1b[2J\n1,2\n3,4\n", {"target": "z"}, r"it has: \\x1b\]0;a, b\\x1b\[2J"),
    "a long name": (b"x" * 100_000 + b",b\n1,2\n3,4\n", {"target": "z"}, r"names no column; .*x \.\.\. x.*$"),
    "one name": (b"a," * 50_000 + b"a\n" + b"1," * 50_000 + b"1\n", {}, r"the columns 0, 1, .* share the name 'a'"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_it_is_a_line_at_once(case: str, tmp_path: Path) -> None:
    content, params, message = HOSTILE[case]
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    load_small(tmp_path)  # pandas is imported
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(DataError, match=message) as caught:
        load(path, **params)
    seconds = time.process_time() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 2100
    assert seconds < 10
    assert peak < 60e6


def load_small(folder: Path) -> None:
    (folder / "small.csv").write_bytes(ROW * 3 + b"1,2,b\n")
    load(folder / "small.csv")


@pytest.mark.parametrize("name", ["zlib", "rot13", "hex", "base64", "nonsense", "a\0b"])
def test_an_encoding_of_anything_but_text_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="encoding must be one that Python knows"):
        datasets.build("csv", path="x", encoding=name)


@pytest.mark.parametrize("name", ["idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf-7"])
def test_odd_encodings_give_a_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"\\ud800xn--a-\xff,+A\n1,2\n")
    with pytest.raises((DataError, ConfigError)) as caught:
        load(path, encoding=name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_to_the_last(end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "_BLOCK", 7)
    path = tmp_path / "t.csv"
    path.write_bytes("".join(f"{i},{i % 3}{end}" for i in range(50)).encode())
    assert 51 <= survey.count_lines(path, Dialect(), "x") <= 100
    monkeypatch.setattr(survey, "LONGEST_LINE", 3)
    with pytest.raises(DataError, match="a line has more than 3 characters"):
        survey.count_lines(path, Dialect(), "x")


def test_a_wide_table_is_read(tmp_path: Path) -> None:
    """Lines above a million characters."""
    path = tmp_path / "t.csv"
    width = 3000
    names = ",".join(f"{'n' * 400}{i}" for i in range(width))
    rows = "\n".join(",".join(str(0.5 + i * j) for j in range(width)) for i in range(4))
    path.write_text(f"{names}\n{rows}\n", encoding="utf-8")
    assert load(path, task="regression").X.shape == (4, width - 1)
