"""One good file for each reader, how it is read, and whether what was read is what the file says."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from bpexp.data import datasets
from bpexp.data.idx import read_idx
from bpexp.figures.histograms import read_counts
from bpexp.files.plain_json import MOST_BYTES
from bpexp.files.regular import read_text
from bpexp.nn.column import number_of
from bpexp.nn.network import Network
from bpexp.nn.outputs import outputs
from bpexp.nn.scaling import InputScaling
from bpexp.records.archive import ARRAY
from bpexp.records.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from bpexp.records.journal import JOURNAL, history
from bpexp.records.network_file import load_network, save_network
from bpexp.records.outcome import RESULT, Outcome, read_outcome, write_outcome
from bpexp.records.split_file import SPLIT, load_split
from bpexp.records.sweep_file import SWEEP, JobRecord, SweepRecord, read_sweep, write_sweep
from bpexp.study.declaration import read_record, record
from bpexp.tracking.manifest import FACTS, SENT, Facts, Sent, read_facts, read_sent, write_facts, write_sent
from experiments.reliability.mutators import (
    BYTES,
    Mutator,
    cells_swapped,
    inside_gzip,
    lines_swapped,
    odd_text,
    rebuilt,
    resealed,
    spliced,
    swapped,
)


@dataclass(frozen=True, slots=True)
class Readable:
    """A file that is read.

    Args:
        path: of the file.
        read: reads it, and whatever lies beside it.
        right: whether what was read is what the content says.
        mutators: ways to damage it.
    """

    path: Path
    read: Callable[[], Any]
    right: Callable[[Any, bytes], bool]
    mutators: list[Mutator]


def readable_files(folder: Path) -> dict[str, Readable]:
    """The readers by name, with their files in `folder`, a new one."""
    made = {**_data(folder), **_run(folder), **_others(folder)}
    contents = [file.path.read_bytes() for file in made.values()]
    return {
        name: Readable(file.path, file.read, file.right, [*file.mutators, spliced(contents)])
        for name, file in made.items()
    }


def same(a: Any, b: Any) -> bool:
    """Whether plain values are equal; NaN is equal to itself, and a number to the text that spells it."""
    return json.dumps(_spelt(a), sort_keys=True, default=str) == json.dumps(_spelt(b), sort_keys=True, default=str)


def _spelt(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _spelt(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_spelt(value) for value in node]
    if node in ("nan", "inf", "-inf") or (isinstance(node, float) and not math.isfinite(node)):
        return f"number {float(node)}"
    return float(node) if type(node) in (int, float) else node


def _data(folder: Path) -> dict[str, Readable]:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (9, 4, 3), dtype=np.uint8)
    idx = bytes([0, 0, 8, 3]) + struct.pack(">3I", *pixels.shape) + pixels.tobytes()
    table = "width,height,kind\n" + "".join(f"{i / 4},{i * i - 30.5},{'ab'[i % 2]}\n" for i in range(40))
    files = {"a.idx": idx, "a.idx.gz": gzip.compress(idx, mtime=0), "a.csv": table.encode()}
    files["a.csv.gz"] = gzip.compress(files["a.csv"], mtime=0)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    arrays = {"X": rng.random((8, 3)), "y": np.array(["p", "q"] * 4), "z": np.asfortranarray(np.eye(8, dtype=">f4"))}
    np.savez(folder / "a.npz", **arrays)
    np.savez_compressed(folder / "b.npz", **arrays)
    made = {}
    for name in ("a.idx", "a.idx.gz"):
        path = folder / name
        made[f"IDX, {name}"] = Readable(path, lambda path=path: read_idx(path), _idx_is_right, _of(name, BYTES))
    for name in ("a.csv", "a.csv.gz"):
        path = folder / name
        go = lambda path=path: datasets.build("csv", path=str(path))(np.random.default_rng(0))  # noqa: E731
        made[f"table, {name}"] = Readable(path, go, _table_is_right, _of(name, [*BYTES, cells_swapped]))
    for name in ("a.npz", "b.npz"):
        path = folder / name
        go = lambda path=path: datasets.build("npz", path=str(path), y="y")(np.random.default_rng(0))  # noqa: E731
        made[f"NPZ, {name}"] = Readable(path, go, _npz_is_right, [*BYTES, rebuilt])
    return made


def _of(name: str, mutators: list[Mutator]) -> list[Mutator]:
    """The mutators, and those inside a packed file."""
    return [*BYTES, *map(inside_gzip, mutators)] if name.endswith(".gz") else mutators


def unpacked(content: bytes) -> bytes:
    """The content of a file that may be packed."""
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _idx_is_right(array: Any, content: bytes) -> bool:
    plain = unpacked(content)
    head = 4 + 4 * plain[3]
    shape = struct.unpack(f">{plain[3]}I", plain[4:head])
    return array.shape == shape and array.astype(array.dtype.newbyteorder(">")).tobytes() == plain[head:]


def _table_is_right(raw: Any, content: bytes) -> bool:
    """Whether every number that was read stands in the file, and no sample was made up."""
    plain = unpacked(content)
    for encoding in ("utf-8-sig", "utf-16"):
        try:
            text = plain.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    cells = set(re.split(r'[,;|\s"]+', text)) | {cell for row in csv.reader(text.splitlines()) for cell in row}
    known = {number_of(cell) for cell in cells} | {number_of(cell.replace(",", ".")) for cell in cells}
    return set(raw.X[~np.isnan(raw.X)].tolist()) <= known and len(raw.X) == len(raw.y) <= len(text.splitlines())


def _npz_is_right(raw: Any, content: bytes) -> bool:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        X, y = archive["X"], archive["y"]
    return np.array_equal(raw.X, X.reshape(len(X), -1), equal_nan=X.dtype.kind == "f") and len(raw.y) == len(y)


def _run(folder: Path) -> dict[str, Readable]:
    outcome = Outcome(
        name="a",
        directory="b",
        status="finished",
        reason="",
        overrides=["lr=0.1"],
        params={"lr": 0.1, "model.hidden": [4, 4], "schedule.name": None},
        seconds=1.5,
        metrics={"final/loss_test": 0.25, "best/loss_test": float("nan"), "final/epoch": 3.0},
        chosen_by="accuracy/test",
        step=120,
        run_id="0" * 32,
    )
    write_outcome(outcome, folder)
    lines: list[dict[str, Any]] = [{"time": 1.5, "event": "started", "epochs": 2, "steps_per_epoch": 3}]
    for step in (0, 3):
        lines.append({"time": 2.5, "step": step, "losses": [2.5, "nan", 1]})
        lines.append({"time": 3.5, "step": step + 3, "metrics": {"loss/test": 0.25, "time/epoch": 1, "x": "inf"}})
    lines.append({"time": 4.5, "event": "ended", "status": "finished", "reason": ""})
    (folder / JOURNAL).write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    network = Network([3, 4, 2], [outputs.build("sigmoid")], outputs.build("softmax"), "float32")
    network.theta[...] = np.random.default_rng(1).standard_normal(network.theta.size)
    spec = {
        "sizes": [3, 4, 2],
        "hidden": [{"name": "leaky_relu", "slope": 0.1}],
        "output": {"name": "softmax"},
        "dtype": "float32",
        "task": "classification",
        "classes": ["a", "b"],
        "image_shape": None,
        "target_names": ["kind"],
        "weights": {"reported": "last", "last": {"epoch": 3, "step": 9}, "best": {"epoch": 2, "step": 6}},
        "scaling": InputScaling(np.zeros(3), np.ones(3)),
    }
    save_network(folder, theta=network.theta, spec=spec, other=network.theta * 2)
    rows = {"train": np.arange(40, dtype=np.uint8), "validation": np.arange(0), "test": np.arange(9, dtype=">i4")}
    np.savez_compressed(folder / SPLIT, **rows, official_test=True, digest="0123")
    tables = {"gradient_W1": np.ones((2, 3), np.intp), "activation_layer_1": np.ones((2, 2), np.intp)}
    edges = {"gradient_edges": np.arange(4.0), "activation_edges": np.arange(3.0)}
    np.savez_compressed(folder / "histograms.npz", steps=np.arange(2), **edges, **tables)
    described = (folder / "network.json").read_bytes()
    whole = load_network(folder)
    counts = folder / "histograms.npz"
    json_ways = [*BYTES, swapped, swapped, odd_text]
    lines_ways, npz_ways = [*BYTES, lines_swapped, lines_swapped], [*BYTES, rebuilt]

    def network_is_right(found: Any, content: bytes) -> bool:
        text = content if content[:1] in b"{ \n" else described
        weights = all(np.array_equal(found.weights[name], whole.weights[name]) for name in whole.weights)
        return weights and same(found.spec, json.loads(text))

    def split_is_right(found: Any, content: bytes) -> bool:
        names = ("train", "validation", "test", "official_test", "digest")
        return npz_is_right({name: np.asarray(getattr(found, name)) for name in names}, content)

    def npz_is_right(found: Any, content: bytes) -> bool:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return all(np.array_equal(found[name], archive[name]) for name in found)

    return {
        RESULT: Readable(folder / RESULT, lambda: read_outcome(folder), fields_are_right, json_ways),
        JOURNAL: Readable(folder / JOURNAL, lambda: history(folder / JOURNAL), _journal_is_right, lines_ways),
        "network.json": Readable(folder / "network.json", lambda: load_network(folder), network_is_right, json_ways),
        "network.npz": Readable(folder / "network.npz", lambda: load_network(folder), network_is_right, npz_ways),
        SPLIT: Readable(folder / SPLIT, lambda: load_split(folder), split_is_right, npz_ways),
        "histograms.npz": Readable(counts, lambda: read_counts(counts), npz_is_right, npz_ways),
    }


def fields_are_right(found: Any, content: bytes) -> bool:
    """Whether the fields of a record are those of the JSON text."""
    told = json.loads(content)
    told.pop("format", None)
    return {*told} <= {f.name for f in fields(found)} and same({key: asdict(found)[key] for key in told}, told)


def _journal_is_right(series: Any, content: bytes) -> bool:
    expected: dict[str, list[tuple[int, Any]]] = {}
    for text in content.splitlines(keepends=True):
        if not text.endswith(b"\n"):
            break
        line = json.loads(text)
        for name, value in line.get("metrics", {}).items():
            expected.setdefault(name, []).append((line["step"], value))
        for step, loss in enumerate(line.get("losses", ()), start=line.get("step", 0)):
            expected.setdefault("loss/batch", []).append((step, loss))
    return same(series, expected)


def _archive_is_right(state: dict[str, Any], content: bytes) -> bool:
    """Whether the arrays of a checkpoint are those of its archive, and its plain part is what the JSON in it says."""
    with np.load(io.BytesIO(content.partition(b"\n")[2]), allow_pickle=False) as archive:
        plain = json.loads(archive["json"].tobytes())["state"]
        named = {
            key: archive[value[ARRAY]] for key, value in plain.items() if isinstance(value, dict) and ARRAY in value
        }
    rest = {key: value for key, value in plain.items() if key not in named}
    arrays = all(np.array_equal(state[key], array) for key, array in named.items())
    return arrays and same({key: state[key] for key in rest}, rest)


def _sweep() -> SweepRecord:
    jobs = [JobRecord(i, str(i), {"lr": i / 10}, f"{i}" * 64, "xor 0123") for i in range(3)]
    words = ["lr=0,0.1,0.2", "data=xor"]
    when = "2026-01-01T00:00:00+00:00"
    return SweepRecord("1.0", when, "/x", ["-m", *words], words, True, None, "config", None, {"seed": 0}, jobs)


def _others(folder: Path) -> dict[str, Readable]:
    study = {"name": "s", "study": {"title": "t", "repeats": 3}, "said": {"lr": ["0.1", "1"]}, "data": ["x 0123"]}
    declared = {**study, "config": {"epochs": 2}, "jobs": ["0" * 16], "claims": ["1" * 16], "code": {"bpexp": "1"}}
    text = folder / "study.json"
    text.write_text(record(declared, "0" * 32).text(), encoding="utf-8")
    state = {"at": {"epoch": 1, "step": 7}, "theta": np.arange(9.0), "rng": {"state": 2**100, "key": [1, 2]}, "x": None}
    hashes = ("0" * 64, "lr: 0.1\n", "1" * 64, "2" * 64)
    whole = Checkpoint(state, 120, *hashes, {"sizes": [3, 2]}, {"numpy": "2"}, {"name": "a"})
    checkpoint = write_checkpoint(folder, whole)
    facts = Facts("sweep", "a", "sqlite:///x.db", "bpexp", 1700000000000, tags={"a": "b"}, rows=[["m", 0, 1, 0.5]])
    sent = Sent(run_id="0" * 32, offset=120, series={"loss/test": 3}, held={"loss/test": [1, 2, 0.5]}, files={"a": "0"})
    write_facts(facts, folder)
    write_sent(sent, folder)
    write_sweep(_sweep(), folder)
    json_ways = [*BYTES, swapped, swapped, odd_text]
    return {
        SWEEP: Readable(folder / SWEEP, lambda: read_sweep(folder), fields_are_right, json_ways),
        "study.json": Readable(
            text,
            lambda: read_record(read_text(text, MOST_BYTES)),
            lambda found, content: same(found.content, json.loads(content)["declaration"]),
            json_ways,
        ),
        "checkpoint": Readable(
            checkpoint,
            lambda: read_checkpoint(checkpoint),
            lambda found, content: _archive_is_right(found.state, content),
            [*BYTES, *map(resealed, [*BYTES, rebuilt, rebuilt, rebuilt])],
        ),
        FACTS: Readable(folder / FACTS, lambda: read_facts(folder), fields_are_right, json_ways),
        SENT: Readable(
            folder / SENT,
            lambda: read_sent(folder),
            lambda found, content: found is None or fields_are_right(found, content),
            json_ways,
        ),
    }
