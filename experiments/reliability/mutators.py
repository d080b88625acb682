"""Ways to damage a file: of its bytes, and such as know its format. Each takes a content and a random generator."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import numpy as np

Rng = np.random.Generator
Mutator = Callable[[bytes, Rng], bytes]

EXTREMES = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1]
"""Numbers at which a count, an offset or a size may be taken for another one."""

VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 3, 2**31, 2**63, 10**30, -(10**30), 0.5, 1e308, -0.0, "", "x", "nan", "-inf", "1"),
    *("\0", "a\nb", "x" * 5000, "../x", "\U0001f600", [], [None], [[]], [1, "x"], {}, {"a": None}, {"name": "x"}),
]
"""A value of each type, and some that are worse."""


def flipped(content: bytes, rng: Rng) -> bytes:
    """One to eight bits turned."""
    changed = bytearray(content)
    for i in rng.integers(len(changed), size=rng.integers(1, 9)) if changed else ():
        changed[i] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def cut(content: bytes, rng: Rng) -> bytes:
    """The end missing, or the beginning, or a piece."""
    a, b = sorted(int(i) for i in rng.integers(len(content) + 1, size=2))
    return (content[:a], content[a:], content[:a] + content[b:])[rng.integers(3)]


def inserted(content: bytes, rng: Rng) -> bytes:
    """Random bytes, zeros, or a piece of the file itself put in at some place."""
    i, n = int(rng.integers(len(content) + 1)), int(rng.integers(1, 200))
    j = int(rng.integers(len(content) + 1))
    piece = (rng.bytes(n), bytes(n), content[j : j + n])[rng.integers(3)]
    return content[:i] + piece + content[i:]


def extreme(content: bytes, rng: Rng) -> bytes:
    """A number of 1 to 8 bytes replaced by an extreme one, mostly near the beginning or the end."""
    width = int(rng.choice([1, 2, 4, 8]))
    value = EXTREMES[rng.integers(len(EXTREMES))] & (256**width - 1)
    reach = min(len(content), 120) if rng.random() < 0.7 else len(content)
    i = int(rng.integers(max(reach, 1)))
    i = i if rng.random() < 0.5 else max(len(content) - reach + i - width, 0)
    return content[:i] + value.to_bytes(width, ("little", "big")[rng.integers(2)]) + content[i + width :]


def spliced(others: list[bytes]) -> Mutator:
    """The beginning of the file and the end of another."""

    def splice(content: bytes, rng: Rng) -> bytes:
        other = others[rng.integers(len(others))]
        return content[: rng.integers(len(content) + 1)] + other[rng.integers(len(other) + 1) :]

    return splice


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every value below a plain value."""
    for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        yield node, key
        yield from places(node[key])


def swapped(content: bytes, rng: Rng) -> bytes:
    """JSON with one or two values replaced by others, a key renamed, left out, or put in."""
    tree = json.loads(content)
    for _ in range(rng.integers(1, 3)):
        found = list(places(tree))
        if not found:
            break
        container, key = found[rng.integers(len(found))]
        value = VALUES[rng.integers(len(VALUES))]
        match int(rng.integers(6)):
            case 0 if isinstance(container, dict):
                container[f"{key}x"] = container.pop(key)
            case 1:
                del container[key]
            case 2 if isinstance(container, dict):
                container[str(value)[:20]] = value
            case _:
                container[key] = value
    return json.dumps(tree).encode()


def odd_text(content: bytes, rng: Rng) -> bytes:
    """JSON that only some readers accept: NaN, a key twice, depth, digits, other encodings, half a surrogate pair."""
    text = content.decode()
    i = int(rng.integers(len(text) + 1))
    odd = [
        "NaN",
        "Infinity",
        "1" * 5000,
        "[" * 3000,
        "\\ud800",
        "\0",
        "\ufeff",
        '"a":1,"a":1,',
        "1e999",
        ",",
        "//",
        "\u2028",
    ]
    match int(rng.integers(4)):
        case 0:
            return text.encode(["utf-16", "utf-32", "utf-8-sig", "utf-16-le"][rng.integers(4)])
        case 1:
            return text.replace(":", ': {"format": 1, "format": 1}, "k":', 1).encode()
        case _:
            return (text[:i] + odd[rng.integers(len(odd))] + text[i:]).encode()


def lines_swapped(content: bytes, rng: Rng) -> bytes:
    """A file of JSON lines with one line changed, doubled, left out, or moved."""
    lines = content.splitlines(keepends=True)
    i, j = (int(k) for k in rng.integers(len(lines), size=2))
    match int(rng.integers(4)):
        case 0:
            lines.insert(j, lines[i])
        case 1:
            del lines[i]
        case 2:
            lines[i], lines[j] = lines[j], lines[i]
        case _:
            lines[i] = (swapped if rng.random() < 0.7 else odd_text)(lines[i], rng).strip(b"\n") + b"\n"
    return b"".join(lines)


def cells_swapped(content: bytes, rng: Rng) -> bytes:
    """A table with cells, delimiters or quotes that do not belong there."""
    rows = [line.split(b",") for line in content.splitlines()]
    odd = [
        b"",
        b'"',
        b'"a,b"',
        b"nan",
        b"inf",
        b"1e999",
        b"-",
        b"\0",
        b"\xff",
        b"1;2",
        b"1,2",
        b"#",
        b"x" * 3000,
        b"\r",
        b"1_0",
    ]
    for _ in range(rng.integers(1, 4)):
        row = rows[rng.integers(len(rows))]
        row[rng.integers(len(row))] = odd[rng.integers(len(odd))]
    end = (b"\n", b"\r\n", b"\r")[rng.integers(3)]
    text = end.join(b",".join(row) for row in rows) + end
    return text.decode("latin-1").encode(("utf-16", "cp500")[rng.integers(2)]) if rng.random() < 0.05 else text


def inside_gzip(mutate: Mutator) -> Mutator:
    """The change made in the unpacked content, which is packed again."""
    return lambda content, rng: gzip.compress(mutate(gzip.decompress(content), rng), 1, mtime=0)


def rebuilt(content: bytes, rng: Rng) -> bytes:
    """An NPZ archive with another header, type or shape of one array, or another place in its directory."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = list(members)[rng.integers(len(members))]
    members[name] = _with_header(members[name], rng)
    out = io.BytesIO()
    kind = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)[rng.integers(3)]
    with zipfile.ZipFile(out, "w", kind) as made:
        for key, body in members.items():
            made.writestr(key, body)
    return out.getvalue()


def resealed(mutate: Mutator) -> Mutator:
    """A checkpoint whose archive is changed, under a first line with the hash and the length that it has now."""

    def reseal(content: bytes, rng: Rng) -> bytes:
        head, _, payload = content.partition(b"\n")
        payload = mutate(payload, rng)
        return (
            b" ".join([*head.split()[:-2], sha256(payload).hexdigest().encode(), b"%d" % len(payload)])
            + b"\n"
            + payload
        )

    return reseal


TYPES = ["<f4", ">f8", "<f8", "|u1", "<i8", "<u8", "|b1", "<U3", "|S2", "<M8[s]", "|O", "|V8", "<c16", "<U0", "<f2"]
SHAPES = ["()", "(0,)", "(3,)", "(2, 3)", "(-1,)", f"({2**62},)", "(10**6,)", "(True,)", "(2L,)", "3", "(0, 9)"]


def _with_header(member: bytes, rng: Rng) -> bytes:
    types = ["<f4", ">f8", "<f8", "|u1", "<i8", "<u8", "|b1", "<U3", "|S2", "<M8[s]", "|O", "|V8", "<c16", "<U0", "<f2"]
    shapes = [
        "()",
        "(0,)",
        "(3,)",
        "(2, 3)",
        "(-1,)",
        f"({2**62},)",
        "(1000000,)",
        "(1,) * 99",
        "(True,)",
        "(2L,)",
        "3",
        "(0, 9)",
    ]
    text = (
        f"{{'descr': '{types[rng.integers(len(types))]}', 'fortran_order': {bool(rng.integers(2))}, "
        f"'shape': {shapes[rng.integers(len(shapes))]}, }}"
    ).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    body = member[10 + struct.unpack("<H", member[8:10])[0] :]
    body = body if rng.random() < 0.5 else rng.bytes(int(rng.integers(0, 100)))
    return b"\x93NUMPY" + bytes([int(rng.choice([1, 1, 1, 2, 3])), 0]) + struct.pack("<H", len(text)) + text + body


BYTES: list[Mutator] = [flipped, cut, inserted, extreme]
