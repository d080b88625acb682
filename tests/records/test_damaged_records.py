"""A damaged file of a run is one line that names it, whatever was done to it (R14)."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpexp.errors import RecordError
from bpexp.figures.histograms import read_counts
from bpexp.nn.network import Network
from bpexp.nn.outputs import outputs
from bpexp.records.journal import JOURNAL, history, read
from bpexp.records.network_file import load_network, save_network
from bpexp.records.outcome import RESULT, Outcome, read_outcome, write_outcome
from bpexp.records.split_file import SPLIT, load_split

OUTCOME = Outcome(
    name="a",
    directory="b",
    status="finished",
    reason="",
    overrides=["lr=0.1"],
    params={"lr": 0.1, "seed": 0},
    seconds=1.5,
    metrics={"final/loss_test": 0.25, "best/loss_test": float("nan")},
    step=120,
)
LINES = [
    {"time": 1.5, "event": "started", "epochs": 2},
    {"time": 2.5, "step": 0, "losses": [2.5, "nan", 1]},
    {"time": 3.5, "step": 3, "metrics": {"loss/test": 0.25, "accuracy/test": "inf"}},
    {"time": 4.5, "event": "ended", "status": "finished"},
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run with all its files."""
    write_outcome(OUTCOME, tmp_path)
    (tmp_path / JOURNAL).write_text("".join(f"{json.dumps(line)}\n" for line in LINES), encoding="utf-8")
    network = Network([3, 2], [], outputs.build("softmax"), "float32")
    spec = {"sizes": [3, 2], "hidden": [], "output": {"name": "softmax"}, "dtype": "float32", "classes": ["a", "b"]}
    save_network(tmp_path, theta=network.theta, spec=spec)
    rows = {"train": np.arange(5, dtype=np.uint8), "validation": np.arange(0), "test": np.arange(2)}
    np.savez_compressed(tmp_path / SPLIT, **rows, official_test=False, digest="0123")
    np.savez_compressed(
        tmp_path / "histograms.npz",
        steps=np.arange(2),
        gradient_edges=np.arange(4.0),
        activation_edges=np.arange(3.0),
        gradient_W1=np.ones((2, 3), np.intp),
        activation_layer_1=np.ones((2, 2), np.intp),
    )
    return tmp_path


READERS: dict[str, Callable[[Path], Any]] = {
    RESULT: read_outcome,
    JOURNAL: lambda folder: history(folder / JOURNAL),
    "network.json": load_network,
    "network.npz": load_network,
    SPLIT: load_split,
    "histograms.npz": lambda folder: read_counts(folder / "histograms.npz"),
}
INSTEAD = ["missing", "folder", "pipe", "dangling", "device", "noise"]


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("damage", INSTEAD)
def test_something_else_in_place_of_a_file(name: str, damage: str, run: Path) -> None:
    READERS[name](run)
    path = run / name
    path.unlink()
    match damage:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "dangling":
            path.symlink_to("nowhere")
        case "device":
            path.symlink_to("/dev/zero")
        case "noise":
            path.write_bytes(np.random.default_rng(0).bytes(500) + b"\n")
    with pytest.raises(RecordError) as caught:
        READERS[name](run)
    assert repr(str(path)) in str(caught.value)
    assert "\n" not in str(caught.value)


def attempt(reader: Callable[[Path], Any], folder: Path) -> str:
    """The message of the error; empty where the file was read."""
    try:
        reader(folder)
    except RecordError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", READERS)
def test_cut_at_any_place_and_with_any_byte_changed(name: str, run: Path) -> None:
    """Each is refused in a line, or read: a journal up to its last whole line, a text with another letter in it."""
    path = run / name
    content = path.read_bytes()
    places = np.linspace(0, len(content) - 1, 50).astype(int)
    flipped = [content[:i] + bytes([content[i] ^ 1 << i % 8]) + content[i + 1 :] for i in places]
    refused = 0
    for damaged in [*(content[:i] for i in places), *flipped]:
        path.write_bytes(damaged)
        told = attempt(READERS[name], run)
        refused += bool(told)
        assert not told or (name in told and "\n" not in told)
    assert refused >= (3 if name == JOURNAL else 50)


def edited(folder: Path, **changes: Any) -> None:
    path = folder / RESULT
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"status": "well"},
            "status: found 'well'; expected one of finished, stopped, pruned, diverged, failed",
        ),
        ({"metrics": {"a": "high"}}, r"metrics\['a'\]: found 'high'; expected a number"),
        ({"overrides": "lr=1"}, "overrides: found 'lr=1'; expected a list of texts"),
        ({"params": None}, "params: found None; expected a mapping"),
        ({"step": 1.5}, "step: found 1.5; expected a whole number"),
        ({"colour": 1}, "unknown field 'colour'"),
        ({"format": 2}, "has format 2; this version reads 1"),
    ],
)
def test_a_wrong_field_of_the_result_is_named(change: dict[str, Any], message: str, run: Path) -> None:
    edited(run, **change)
    with pytest.raises(RecordError, match=message) as caught:
        read_outcome(run)
    assert RESULT in str(caught.value)


def test_a_result_without_a_format_is_one_of_an_earlier_version(run: Path) -> None:
    written = json.loads((run / RESULT).read_text(encoding="utf-8"))
    assert written.pop("format") == 1
    (run / RESULT).write_text(json.dumps(written), encoding="utf-8")
    assert repr(read_outcome(run)) == repr(OUTCOME)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[]", r"found \[\]; expected a mapping"),
        ('{"time": 1}', "event: is missing"),
        ('{"event": "ended"}', "time: is missing"),
        ('{"time": 1, "metrics": {"a": 1}}', "step: is missing"),
        ('{"time": 1, "step": -1, "metrics": {"a": 1}}', "step: found -1; expected a whole number of at least 0"),
        ('{"time": 1, "step": true, "metrics": {"a": 1}}', "step: found True"),
        ('{"time": 1, "step": 9223372036854775807, "losses": [1]}', "expected a smaller one"),
        ('{"time": 1, "step": 1, "metrics": {"a": "high"}}', r"metrics\['a'\]: found 'high'; expected a number"),
        ('{"time": 1, "step": 1, "losses": [1, null]}', r"losses\[1\]: found None; expected a number"),
        ('{"time": 1, "step": 1, "losses": {}}', r"losses: found \{\}; expected a list of numbers"),
        ('{"time": 1e300, "event": "ended"}', "time: found 1e[+]300"),
        ('{"time": NaN, "event": "ended"}', "has the number NaN"),
        ('{"time": 1, "time": 1, "event": "ended"}', "has the key 'time' twice"),
        ('{"time": 1, "event": "started", "format": 2}', "has format 2; this version reads 1"),
        ("", "is no JSON"),
    ],
)
def test_a_wrong_line_of_the_journal_is_named_with_its_place(line: str, message: str, run: Path) -> None:
    path = run / JOURNAL
    whole = path.read_text(encoding="utf-8")
    path.write_text(f"{whole}{line}\n", encoding="utf-8")
    with pytest.raises(RecordError, match=rf"metrics\.jsonl': the line at byte {len(whole)}.*{message}"):
        history(path)


def test_an_endless_line_of_the_journal_is_not_taken_into_memory(run: Path) -> None:
    with (run / JOURNAL).open("r+b") as file:
        file.truncate(1 << 33)
    with pytest.raises(RecordError, match="longer than 16777216 bytes"):
        history(run / JOURNAL)


def test_the_lines_of_a_journal_come_back(run: Path) -> None:
    ends = [end for end, _ in read(run / JOURNAL)]
    assert ends[-1] == (run / JOURNAL).stat().st_size
    assert [line for _, line in read(run / JOURNAL, ends[1])] == [
        {**LINES[2], "metrics": {"loss/test": 0.25, "accuracy/test": float("inf")}},
        LINES[3],
    ]
    series = history(run / JOURNAL)
    assert [step for step, _ in series["loss/batch"]] == [0, 1, 2]
    assert series["loss/test"] == [(3, 0.25)]


@pytest.mark.parametrize(
    ("name", "arrays", "message"),
    [
        ("split.npz", {"train": np.array([-1])}, "train: found"),
        ("split.npz", {"train": np.array([2**64 - 1], np.uint64)}, "train: found"),
        ("split.npz", {"train": np.eye(2, dtype=int)}, "train: found"),
        ("split.npz", {"train": np.array([1.5])}, "train: found values of type float64; expected numbers"),
        ("split.npz", {"digest": np.array(["a", "b"])}, r"digest: found the shape \(2,\); expected one value"),
        ("split.npz", {"official_test": np.array(1)}, "official_test: found values of type int64"),
        ("histograms.npz", {"steps": np.array([])}, "steps: found"),
        ("histograms.npz", {"gradient_W1": np.ones((2, 2))}, r"gradient_W1: found the shape \(2, 2\)"),
        ("histograms.npz", {"gradient_W1": np.full((2, 3), np.nan)}, "gradient_W1: found the shape"),
        ("histograms.npz", {"gradient_edges": np.array([3.0, 2.0, 1.0, 0.0])}, "gradient_edges: .* that grow"),
        ("network.npz", {"theta": np.zeros(9, np.float32)}, r"theta of .* is \(9,\) float32"),
        ("network.npz", {"theta": np.zeros(8, ">f4")}, r"theta of .* is \(8,\) >f4"),
        ("network.npz", {"input_scale": np.array(0.0)}, r"input_scale: found 0\.0; expected finite numbers above 0"),
        ("network.npz", {"input_shift": np.zeros(3)}, "input_shift and input_scale; they go together"),
    ],
)
def test_arrays_of_another_kind_are_refused(name: str, arrays: dict[str, Any], message: str, run: Path) -> None:
    with np.load(run / name) as archive:
        np.savez(run / name, **{key: archive[key] for key in archive.files} | arrays)
    with pytest.raises(RecordError, match=message):
        READERS[name](run)


@pytest.mark.parametrize(("name", "array"), [("split.npz", "train"), ("histograms.npz", "gradient_W1")])
def test_a_bomb_in_a_record_is_not_unpacked(name: str, array: str, run: Path) -> None:
    with np.load(run / name) as archive:
        arrays = {key: archive[key] for key in archive.files}
    np.savez_compressed(run / name, **arrays | {array: np.zeros(40_000_000, np.int32)})
    assert (run / name).stat().st_size < 1e6
    tracemalloc.start()
    with pytest.raises(RecordError, match=r"announces? 16000\d+ bytes; expected at most 134217728"):
        READERS[name](run)
    assert tracemalloc.get_traced_memory()[1] < 3e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden": "relu"}, "hidden: found 'relu'; expected a list"),
        ({"output": {"name": "sotfmax"}}, "output: unknown output 'sotfmax'; did you mean 'softmax'"),
        ({"output": {"name": ["softmax"]}}, "output: output needs a name"),
        ({"output": {"name": "softmax", "x": 1}}, "output: output 'softmax' has no parameter 'x'"),
        ({"classes": ["a", 3]}, r"classes\[1\]: found 3; expected a text"),
        ({"target_names": ["a", "b"]}, "target_names: found 2 names; expected 1 for a classification"),
        ({"image_shape": [1, 2, 3]}, "image_shape: found 3 values; expected 2"),
        ({"weights": {"reported": "best"}}, "weights.reported: found 'best'"),
        ({"weights": []}, r"weights: found \[\]; expected a mapping"),
        ({"sha256": 3}, "sha256: found 3; expected a text"),
        ({"format": 3.0}, "has format 3.0; this version reads 1 to 3"),
        ({"format": None}, "has format None; this version reads 1 to 3"),
    ],
)
def test_a_wrong_field_of_the_network_is_named(change: dict[str, Any], message: str, run: Path) -> None:
    """In a file of format 2, whose digest does not cover the description."""
    import hashlib

    path = run / "network.json"
    theta = load_network(run).weights["last"]
    old = {"format": 2, "sha256": hashlib.sha256(theta.tobytes()).hexdigest()}
    path.write_text(json.dumps({**json.loads(path.read_text()), **old}), encoding="utf-8")
    load_network(run)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}), encoding="utf-8")
    with pytest.raises(RecordError, match=message) as caught:
        load_network(run)
    assert "network.json" in str(caught.value)
