"""MNIST: where it is looked for, what a wrong file and a missing network say, and what a mirror may send."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest

from bpexp.data import datasets, digest_of, download, mnist
from bpexp.errors import DataError

REAL = os.environ.get("BPEXP_DATA")


def tiny_files() -> dict[str, bytes]:
    """Four small files with MNIST's names."""
    files = {}
    for kind, n in (("train", 20), ("t10k", 10)):
        images = np.arange(n * 784, dtype=np.uint32).astype(np.uint8).tobytes()
        files[f"{kind}-images-idx3-ubyte"] = struct.pack(">4I", 0x803, n, 28, 28) + images
        files[f"{kind}-labels-idx1-ubyte"] = struct.pack(">2I", 0x801, n) + bytes(i % 10 for i in range(n))
    return files


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """A cache of its own, the hashes of the tiny files, and no folder named."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(mnist, "cache_folder", lambda: folder)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in tiny_files().items()}
    monkeypatch.setattr(mnist, "SHA256", hashes)
    monkeypatch.delenv("BPEXP_DATA", raising=False)
    return folder


def write(folder: Path, packed: bool = True, **changed: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (tiny_files() | changed).items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


def load(**params: object):
    return datasets.build("mnist", **params)(np.random.default_rng(0))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


class Cut(Quiet):
    """Announces the whole file and sends half of it."""

    def copyfile(self, source, outputfile) -> None:
        content = source.read()
        outputfile.write(content[: len(content) // 2])


@pytest.fixture
def serve() -> Iterator:
    """Serve folders on this machine; each call gives a mirror's address."""
    servers = []

    def start(folder: Path, handler: type[Quiet] = Quiet) -> str:
        server = HTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def nothing_left(cache: Path) -> bool:
    return not [path for path in cache.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("where", ["root", "environment", "cache"])
def test_the_three_places(tmp_path, cache, monkeypatch, where, packed):
    folder = write(cache if where == "cache" else tmp_path / "own", packed)
    if where == "environment":
        monkeypatch.setenv("BPEXP_DATA", str(folder))
    raw = load(download=False, **({"root": str(folder)} if where == "root" else {}))
    assert raw.X.shape == (20, 784)
    assert raw.X.dtype == np.uint8
    assert raw.test is not None
    assert raw.test[0].shape == (10, 784)
    assert raw.y.tolist() == [i % 10 for i in range(20)]
    assert raw.image_shape == (28, 28)


def test_a_wrong_file_in_a_named_folder_is_an_error(tmp_path, cache):
    write(cache)
    name = "t10k-labels-idx1-ubyte"
    root = write(tmp_path / "own", **{name: tiny_files()[name][:-1] + b"\x07"})
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz'.*SHA-256"):
        load(root=str(root))
    (root / f"{name}.gz").unlink()
    with pytest.raises(DataError, match="expected a file 't10k-labels-idx1-ubyte'"):
        load(root=str(root))


def test_offline_names_the_ways_out(cache, monkeypatch):
    def refuse(*args: object, **kwargs: object) -> str:
        raise ConnectionError("Max retries exceeded\nwith url")

    monkeypatch.setattr("pooch.retrieve", refuse)
    with pytest.raises(DataError) as caught:
        load()
    text = str(caught.value)
    for part in ("data=mnist_5k", "data=digits", "data.root", "BPEXP_DATA", repr(str(cache)), *mnist.MIRRORS):
        assert part in text
    assert "\n" not in text
    assert nothing_left(cache)


def test_download_false_asks_nobody(cache, monkeypatch):
    monkeypatch.setattr("pooch.retrieve", None)
    with pytest.raises(DataError, match=r"download is false; use data=mnist_5k"):
        load(download=False)
    assert not cache.exists()


def test_a_download_is_kept(tmp_path, cache, monkeypatch, serve):
    monkeypatch.setattr(mnist, "MIRRORS", (serve(write(tmp_path / "mirror")),))
    first = load()
    monkeypatch.setattr(mnist, "MIRRORS", ())
    assert load().digest == first.digest
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{name}.gz" for name in tiny_files())


def test_the_next_mirror_is_tried_and_a_damaged_cache_mended(tmp_path, cache, monkeypatch, serve):
    name = "train-images-idx3-ubyte"
    wrong = write(tmp_path / "wrong", **{name: tiny_files()[name][:-1] + b"\x99"})
    right = write(tmp_path / "right")
    (tmp_path / "empty").mkdir()
    mirrors = serve(tmp_path / "empty"), serve(right, Cut), serve(wrong), serve(right)
    monkeypatch.setattr(mnist, "MIRRORS", mirrors)
    write(cache, **{name: b"damaged"})
    assert load().X.shape == (20, 784)
    assert nothing_left(cache)


@pytest.mark.parametrize(
    ("kind", "reason"), [("wrong", "SHA-256"), ("cut", "ChunkedEncoding|truncated"), ("none", "404")]
)
def test_what_a_mirror_sends_is_not_believed(tmp_path, cache, monkeypatch, serve, kind, reason):
    changed = {name: content[:-1] + b"\x05" for name, content in tiny_files().items()}
    folder = write(tmp_path / "mirror", **(changed if kind == "wrong" else {}))
    if kind == "none":
        folder = tmp_path / "nothing"
    monkeypatch.setattr(mnist, "MIRRORS", (serve(folder, Cut if kind == "cut" else Quiet),))
    with pytest.raises(DataError, match=reason) as caught:
        load()
    assert "\n" not in str(caught.value)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written(tmp_path, cache):
    cache.write_text("a file in the way")
    with pytest.raises(DataError, match=r"cannot be written.*use data=mnist_5k"):
        load()


def test_the_bar_is_for_terminals(tmp_path, cache, monkeypatch, serve, capsys):
    monkeypatch.setattr(mnist, "MIRRORS", (serve(write(tmp_path / "mirror")),))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    load()
    assert "train-images-idx3-ubyte.gz" in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert download._progress("x") is False


@pytest.mark.skipif(not REAL, reason="BPEXP_DATA does not name a folder with the four MNIST files")
def test_the_real_files(monkeypatch):
    monkeypatch.undo()
    raw = load()
    assert raw.X.shape == (60_000, 784)
    assert raw.test is not None
    assert raw.test[0].shape == (10_000, 784)
    assert np.bincount(raw.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert raw.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert raw.digest == digest_of(raw.X, raw.y, *raw.test)
