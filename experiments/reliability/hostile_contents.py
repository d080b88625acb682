"""The hostile files: what stands in the place of a file, and contents that are made for one format."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

Make = Callable[[Path, bytes], object]
"""Makes a file at a path, where the good one had this content."""

MEGABYTE = 10**6


def places() -> Iterator[tuple[str, Make]]:
    """Whatever may stand in the place of any file."""
    yield "a folder", lambda path, good: path.mkdir()
    yield "a pipe", lambda path, good: os.mkfifo(path)
    yield "a socket", _socket
    yield "a link to nothing", lambda path, good: path.symlink_to("nowhere")
    yield "a link to itself", lambda path, good: path.symlink_to(path.name)
    yield "/dev/zero", lambda path, good: path.symlink_to("/dev/zero")
    yield "/proc/self/environ", lambda path, good: path.symlink_to("/proc/self/environ")
    yield "/proc/self/mem", lambda path, good: path.symlink_to("/proc/self/mem")
    yield "/etc/passwd", lambda path, good: path.symlink_to("/etc/passwd")
    yield "8 GB of nothing", lambda path, good: _sparse(path, 8 << 30)
    yield "empty", _writes(b"")


def _socket(path: Path, good: bytes) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket has at most 108 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def _writes(content: bytes | Callable[[bytes], bytes]) -> Make:
    return lambda path, good: path.write_bytes(content(good) if callable(content) else content)


def contents(name: str) -> Iterator[tuple[str, Make]]:
    """The contents that are made for the format of a file."""
    if name.startswith("table") and not name.endswith(".gz"):
        made = _tables()
    elif name.startswith("NPZ, a") or name in ("split.npz", "network.npz"):
        made = _archives()
    elif name == "IDX, a.idx":
        made = _idx()
    elif name in ("result.json", "network.json", "study.json"):
        made = _json()
    elif name == "metrics.jsonl":
        made = _journals()
    else:
        made = iter(())
    for what, content in made:
        yield what, _writes(content)


Content = bytes | Callable[[bytes], bytes]


def packed(block: bytes, megabytes: int) -> bytes:
    """Gzip of a block again and again: each part packs a million bytes in about a thousand."""
    return gzip.compress(block * (MEGABYTE // len(block)), mtime=0) * megabytes


def _tables() -> Iterator[tuple[str, Content]]:
    yield "a bomb of 3 GB", packed(b"1.5,2.5,a\n", 3000)
    yield "a bomb of zeros", packed(b"\0", 3000)
    yield "a bomb of empty lines", packed(b"\n", 1000)
    yield "a bomb in a bomb", gzip.compress(packed(b"1,2\n", 3000), mtime=0)
    yield "one line of 655 MB", packed(b"1,", 655)
    yield "one cell of 655 MB", packed(b"1", 655)
    yield "one quoted cell of 100 MB", gzip.compress(b'a,b\n1,"', mtime=0) + packed(b"x\n", 100)
    yield "quotes without end", b'a,b\n1,2\n"' + b'""' * 100_000
    yield "a million columns", b"1," * MEGABYTE + b"1\n"
    yield "50 000 columns of one name", b"a," * 50_000 + b"a\n" + b"1," * 50_000 + b"1\n"
    yield "a million commas in a line of the middle", b"1,2\n" * 1000 + b"," * MEGABYTE + b"\n1,2\n" * 1000
    yield "UTF-16", lambda good: good.decode().encode("utf-16")
    yield "UTF-32", lambda good: good.decode().encode("utf-32")
    yield "an empty cell of digits", b"1,2\n" + b"1" * 100_000 + b",2\n"
    yield "a name of a megabyte", b"x" * MEGABYTE + b",b\n1,2\n3,4\n"
    yield "commands of a terminal", b"\x1b]0;x\x07a,b\x1b[2J\n1,2\n1,x\n"
    yield "a formula", b"=cmd|' /C calc'!A0,b\n1,x\n2,y\n3,y\n"
    yield "code", b"__import__('os').system('id'),b\n1,2\n3,4\n"
    yield "an Excel workbook", b"PK\x03\x04" + bytes(1000)
    yield "a pickle", b"cos\nsystem\n(S'id'\ntR."
    yield "half of a gzip file", packed(b"1,2\n", 1)[:500]
    yield "a gzip name without end", b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * (50 * MEGABYTE)
    yield "a million empty gzip parts", gzip.compress(b"", mtime=0) * MEGABYTE
    yield "more behind the gzip file", gzip.compress(b"1,2\n3,4\n", mtime=0) + b"PK\x03\x04"


def member(descr: str = "'<f8'", shape: str = "(2,)", body: bytes = bytes(16)) -> bytes:
    """A file NAME.npy with any header."""
    head = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + body


def archive(content: bytes, compression: int = zipfile.ZIP_DEFLATED, names: int = 1) -> bytes:
    """A zip archive whose members, called as the arrays that readers want, all have one content."""
    wanted = ["X.npy", "y.npy", "train.npy", "theta.npy", *(f"a{i}.npy" for i in range(names))]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as made:
        for name in wanted:
            made.writestr(name, content)
    return out.getvalue()


def _lied(at: int, new: bytes) -> bytes:
    """An archive with bytes of each entry of its directory replaced."""
    content = bytearray(archive(member()))
    start = content.find(b"PK\x01\x02")
    while start >= 0:
        content[start + at : start + at + len(new)] = new
        start = content.find(b"PK\x01\x02", start + 4)
    return bytes(content)


def _bomb() -> bytes:
    """Arrays of 6 GB of zeros that deflate packs into some MB, each as its member says."""
    numbers, block = 768 * MEGABYTE // 4, bytes(MEGABYTE)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        for name in ("X.npy", "y.npy", "train.npy", "theta.npy"):
            with made.open(name, "w", force_zip64=True) as file:
                file.write(member(shape=f"({numbers},)", body=b""))
                for _ in range(8 * numbers // len(block)):
                    file.write(block)
    return out.getvalue()


def _archives() -> Iterator[tuple[str, Content]]:
    yield "a pickled object", _pickled()
    yield "a shape of 8 TB", archive(member(shape=f"({10**12},)"))
    yield "a shape of nothing and everything", archive(member(shape=f"(0, {2**62})", body=b""))
    yield "values without size", archive(member("'<U0'", f"({10**15},)", b""))
    yield "times", archive(member("'<M8[s]'"))
    yield "records", archive(member("[('x', '<f8'), ('y', '|O')]"))
    yield "code in a header", archive(member(shape="__import__('os').system('id')"))
    yield "a deep header", archive(member(shape="(" * 4000 + ")" * 4000))
    yield "a long header", archive(b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b" " * MEGABYTE)
    yield "no characters", archive(member("'<U4'", "(1,)", b"\xff" * 16))
    yield "encrypted", _lied(8, b"\x01\x00")
    yield "a size of 4 GB", _lied(24, b"\xff\xff\xff\xfe")
    yield "a packed size of 4 GB", _lied(20, b"\xff\xff\xff\xfe")
    yield "all members in one place", _lied(42, bytes(4))
    yield "members before the file", _lied(42, b"\xff\xff\xff\xfe")
    yield "20 000 members", archive(member(), names=20_000)
    yield "bzip2", archive(member(), zipfile.ZIP_BZIP2)
    yield "lzma", archive(member(), zipfile.ZIP_LZMA)
    yield "an archive in an archive", archive(archive(member()))
    yield "a directory of 60 MB", archive(b"") + b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 9, 9, 60 * MEGABYTE, 0, 0)
    yield "a bomb of 6 GB", lambda good: _bomb()
    yield "wrong checksums", _lied(16, bytes(4))


def _pickled() -> bytes:
    out = io.BytesIO()
    np.savez(out, X=np.array([print]), y=np.array([print]), train=np.array([print]), theta=np.array([print]))
    return out.getvalue()


def _idx() -> Iterator[tuple[str, Content]]:
    for code in (0x08, 0x0E):
        yield f"a shape of 2^64, type {code}", bytes([0, 0, code, 2]) + b"\xff" * 8
        yield f"255 dimensions, type {code}", bytes([0, 0, code, 255]) + b"\0\0\0\1" * 255
    yield (
        "a bomb of 2 GB",
        gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", 2 * 10**9), mtime=0) + packed(b"\0", 2000),
    )
    yield "a bomb that its header hides", gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 9]), mtime=0) + packed(b"\0", 2000)
    yield "a gzip name without end", b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * (50 * MEGABYTE)


def _json() -> Iterator[tuple[str, Content]]:
    yield "a million brackets", b"[" * MEGABYTE
    yield "a million mappings", b'{"a":' * MEGABYTE
    yield "five million empty lists", b"[" + b"[]," * (5 * MEGABYTE) + b"1]"
    yield "a number of a million digits", b'{"name": ' + b"1" * MEGABYTE + b"}"
    yield "a text of 15 MB", b'{"name": "' + b"x" * (15 * MEGABYTE) + b'"}'
    yield "a text of 15 MB in wide characters", b'{"name": "\xf0\x9f\x98\x80' + b"x" * (15 * MEGABYTE) + b'"}'
    yield "a million keys", json.dumps({str(i): i for i in range(MEGABYTE)}).encode()
    yield "equal keys", b'{"name": 1' + b', "name": 1' * 10_000 + b"}"
    yield "1e999", lambda good: good.replace(b": 1.5", b": 1e999").replace(b": 0.1", b": 1e999")
    yield "half a surrogate pair", lambda good: good.replace(b'"a"', b'"\\ud800"')
    yield "commands of a terminal", lambda good: good.replace(b'"a"', b'"\\u001b[2J\\n"')
    yield "UTF-16", lambda good: good.decode().encode("utf-16")
    yield "a tag of YAML", b"!!python/object/apply:os.system ['id']"


def _journals() -> Iterator[tuple[str, Content]]:
    yield "a line of 20 MB", b'{"time": 1, "event": "' + b"x" * (20 * MEGABYTE) + b'"}\n'
    yield "a line of brackets", b"[" * MEGABYTE + b"\n"
    yield "a line of five million losses", b'{"time": 1, "step": 0, "losses": [' + b"1," * (5 * MEGABYTE) + b"1]}\n"
    yield "a million lines of an event", b'{"time":1,"event":"x"}\n' * (MEGABYTE // 10)
    yield "a step of 2^63", b'{"time": 1, "step": 9223372036854775807, "losses": [1, 2]}\n'
    yield "a step of a million digits", b'{"time": 1, "step": ' + b"9" * MEGABYTE + b', "losses": [1]}\n'
    yield "a name of a megabyte", b'{"time": 1, "step": 1, "metrics": {"' + b"x" * MEGABYTE + b'": []}}\n'
