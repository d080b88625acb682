"""Only regular files are read, and at most their size."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from bpexp.data.regular import is_regular, open_regular, read_regular, size_of
from bpexp.errors import DataError


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"123")
    assert read_regular(file) == b"123"
    assert read_regular(file, most=3) == b"123"
    with open_regular(file) as opened:
        assert size_of(opened) == 3
    with pytest.raises(DataError, match="holds 3 bytes, more than the 2 that are read"):
        read_regular(file, most=2)


def test_what_grows_while_it_is_read_is_read_up_to_its_size(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"123")
    with open_regular(file) as opened:
        size = size_of(opened)
        file.write_bytes(b"123456")
        assert opened.read(size) == b"123"


def test_whatever_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        told = {"fifo": "a pipe", ".": "a folder", "nope": "No such file", "socket": "No such device", "a\0b": "null"}
        for name, words in told.items():
            with pytest.raises(DataError, match=words):
                open_regular(f"{tmp_path}/{name}")
            assert not is_regular(f"{tmp_path}/{name}")
    for device in ("/dev/zero", "/dev/null"):
        with pytest.raises(DataError, match="is a device"):
            read_regular(device)


def test_a_link_to_a_pipe_is_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "data.csv").symlink_to(tmp_path / "fifo")
    with pytest.raises(DataError, match="is a pipe"):
        read_regular(tmp_path / "data.csv")
