"""Only regular files are opened, within a size; anything else is one line, at once."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from children import bound_by_permissions, fork

from bpexp.errors import ConfigError, DataError
from bpexp.files.regular import is_regular, open_regular, read_bytes, read_text, size_of


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def bound_socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))
    return path


def link(path: Path, target: Path | str) -> Path:
    path.symlink_to(target)
    return path


SPECIAL = {
    "folder": (lambda at: at, "is a folder; expected a regular file"),
    "pipe": (lambda at: pipe(at / "p"), "is a named pipe; expected a regular file"),
    "pipe behind a link": (lambda at: link(at / "l", pipe(at / "p")), "is a named pipe"),
    "socket": (lambda at: bound_socket(at / "s"), "is a socket; expected a regular file"),
    "endless device": (lambda at: Path("/dev/zero"), "is a device; expected a regular file"),
    "missing": (lambda at: at / "nothing", "cannot be opened: No such file or directory"),
    "dangling link": (lambda at: link(at / "l", "nowhere"), "cannot be opened: No such file or directory"),
    "circular link": (lambda at: link(at / "l", "l"), "cannot be opened: Too many levels of symbolic links"),
    "below a file": (lambda at: Path(__file__) / "x", "cannot be opened: Not a directory"),
    "NUL": (lambda at: at / "a\0b", "is no path of a file"),
    "half a pair": (lambda at: at / "a\ud800", "is no path of a file"),
    "long name": (lambda at: at / ("x" * 300), "cannot be opened: File name too long"),
}


@pytest.mark.parametrize("case", SPECIAL)
def test_what_is_no_regular_file_is_refused_without_waiting(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make, message = SPECIAL[case]
    path = make(tmp_path)
    with pytest.raises(DataError, match=message) as caught:
        read_bytes(path, 10)
    assert str(caught.value).startswith(repr(str(path)))
    assert "\n" not in str(caught.value)
    assert not is_regular(path)


def test_a_file_without_permission(tmp_path: Path) -> None:
    """In a child, since nothing is unreadable for root."""
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "a").chmod(0)

    def refused() -> None:
        with pytest.raises(DataError, match="cannot be opened: Permission denied"):
            read_bytes(tmp_path / "a", 10)

    child = fork(refused, tmp_path, streams=bound_by_permissions)
    assert child.ended() == 0, child.err


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    assert read_bytes(path, 10) == b"0123456789"
    assert read_text(link(tmp_path / "l", path), 10) == "0123456789"
    with pytest.raises(ConfigError, match=r"holds 10 bytes; expected at most 9$"):
        open_regular(path, 9, error=ConfigError)


def test_what_grows_while_it_is_read_is_read_up_to_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"123")
    assert is_regular(path)
    with open_regular(path) as opened:
        size = size_of(opened)
        path.write_bytes(b"123456")
        assert opened.read(size) == b"123"


def test_no_more_is_read_than_the_size_says() -> None:
    """Files of /proc have the size 0 and any content."""
    assert read_bytes("/proc/self/environ", 10) == b""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xef\xbb\xbf{}", "begins with a byte order mark of UTF-8"),
        ("{}".encode("utf-16"), "begins with a byte order mark of UTF-16"),
        (b"ab\xe9", "byte 0xe9 at position 2; expected text in UTF-8"),
    ],
)
def test_text_of_another_encoding(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_text(tmp_path / "a", 100)
