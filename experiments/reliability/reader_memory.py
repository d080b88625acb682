"""What readers take for large good files: `python -m experiments.reliability.reader_memory`.

Of each file: its size, unpacked, and the largest amount of memory that Python and NumPy allocate while it is read.
"""

from __future__ import annotations

import gzip
import json
import struct
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bpexp.data import datasets
from bpexp.data.idx import read_idx
from bpexp.files.plain_json import read_json
from bpexp.nn.network import Network
from bpexp.nn.outputs import outputs
from bpexp.records.journal import history, read
from bpexp.records.network_file import load_network, save_network
from experiments.reliability.readable_files import unpacked


def large_files(folder: Path) -> Iterator[tuple[str, Path, Callable[[], Any]]]:
    """(name, file, reader) of each."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (30_000, 28, 28), dtype=np.uint8)
    body = bytes([0, 0, 8, 3]) + struct.pack(">3I", *pixels.shape) + pixels.tobytes()
    for name, content in (("a.idx", body), ("a.idx.gz", gzip.compress(body, 1))):
        (folder / name).write_bytes(content)
        yield f"IDX, {name}", folder / name, lambda name=name: read_idx(folder / name)
    for name, save in (("a.npz", np.savez), ("b.npz", np.savez_compressed)):
        save(folder / name, X=rng.random((40_000, 60)), y=np.arange(40_000) % 10)
        go = lambda name=name: datasets.build("npz", path=str(folder / name))(rng)  # noqa: E731
        yield f"NPZ, {name}", folder / name, go
    table = rng.integers(0, 10, (200_000, 20))
    for name, values, form in (("digits.csv", table, "%d"), ("numbers.csv", rng.random((100_000, 20)), "%.6f")):
        np.savetxt(folder / name, values, fmt=form, delimiter=",", header=",".join("abcdefghijklmnopqrst"), comments="")
        go = lambda name=name: datasets.build("csv", path=str(folder / name), task="regression")(rng)  # noqa: E731
        yield f"table, {name}", folder / name, go
    network = Network([2000, 1000, 10], [outputs.build("sigmoid")], outputs.build("softmax"), "float32")
    spec = {"sizes": [2000, 1000, 10], "hidden": ["sigmoid"], "output": "softmax", "dtype": "float32"}
    save_network(folder, theta=network.theta, spec=spec)
    yield "network.npz", folder / "network.npz", lambda: load_network(folder)
    journal = folder / "metrics.jsonl"
    with journal.open("w", encoding="utf-8") as file:
        for step in range(0, 1_000_000, 250):
            file.write(json.dumps({"time": 1.5, "step": step, "losses": rng.random(250).tolist()}) + "\n")
    yield "journal, line by line", journal, lambda: [end for end, _ in read(journal)]
    yield "journal, as series", journal, lambda: history(journal)
    (folder / "a.json").write_text(json.dumps([{"a": "text", "b": 0.5}] * 120_000), encoding="utf-8")
    yield "JSON of 240 000 values", folder / "a.json", lambda: read_json(folder / "a.json")


def main() -> None:
    """Print the table."""
    print("| file | MB, unpacked | memory, in sizes of the file |", "|---|---|---|", sep="\n")
    with tempfile.TemporaryDirectory() as scratch:
        for name, path, read_it in large_files(Path(scratch)):
            size = len(unpacked(path.read_bytes()))
            if path.suffix == ".npz":
                with np.load(path) as archive:
                    size = sum(archive[key].nbytes for key in archive.files)
            tracemalloc.start()
            kept = read_it()
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            del kept
            print(f"| {name} | {size / 1e6:.0f} | {peak / size:.1f} |", flush=True)


if __name__ == "__main__":
    main()
