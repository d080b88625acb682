"""The command line, called inside the test's own process."""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bpexp.cli.main import main
from bpexp.data import Dataset

Listing = list[tuple[str, int]]


def command(args: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of `bpexp ARGS`."""
    monkeypatch.setattr(sys, "argv", ["bpexp", *args])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(str(ended.value.code))


def listing(folder: Path) -> Listing:
    """Every path below a folder, with its size."""
    return sorted((str(path.relative_to(folder)), path.stat().st_size) for path in folder.rglob("*"))


def refused(args: Sequence[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str:
    """The line that a command line is refused with; whatever else happens fails the test."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    before = listing(Path.cwd())
    assert command(args, monkeypatch) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("bpexp: ")
    assert err.count("\n") == 1, err
    assert err.endswith("\n")
    assert listing(Path.cwd()) == before, "something was made"
    return err.removeprefix("bpexp: ")


def images(n: int, magic: int = 0x00000803) -> bytes:
    """An IDX file of n black images of 2 x 2 pixels."""
    return struct.pack(">IIII", magic, n, 2, 2) + bytes(4 * n)


def labels(n: int, highest: int = 1) -> bytes:
    """An IDX file of n labels 0, 1, ..., highest, 0, ..."""
    return struct.pack(">II", 0x00000801, n) + bytes(i % (highest + 1) for i in range(n))


def own_files(name: str) -> list[str]:
    """Overrides that name data files, made in the working directory, where a data set reads the user's own."""
    if name == "idx":
        Path("x.idx").write_bytes(images(60))
        Path("y.idx").write_bytes(labels(60))
        return [f"data.path={Path('x.idx').absolute()}", f"data.labels={Path('y.idx').absolute()}"]
    if name == "npz":
        np.savez("d.npz", X=np.random.default_rng(0).normal(size=(60, 3)), y=np.arange(60) % 3)
        return [f"data.path={Path('d.npz').absolute()}"]
    if name == "csv":
        Path("d.csv").write_text("a,b,c\n" + "\n".join(f"{i % 7},{-i},{i % 2}" for i in range(60)), encoding="utf-8")
        return [f"data.path={Path('d.csv').absolute()}"]
    if name == "memory":
        return [f"data.digest='{IN_MEMORY.digest}'"]
    return []


IN_MEMORY = Dataset(np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 3)
"""What data=memory means to a test that holds it."""
