"""The folder of a run that was damaged, read from Python and by a report: each file, each kind of damage (R14)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpexp
from bpexp.api import Result
from bpexp.errors import BpexpError
from bpexp.study.sources import from_folder

TINY = ("data=xor", "data.n=60", "tracking=none", "epochs=2")
ROWS = np.zeros((2, 2))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs of one architecture with two seeds, and of another architecture."""
    home = tmp_path_factory.mktemp("runs")
    back = Path.cwd()
    os.chdir(home)
    try:
        said = {"mine": ("model.hidden=[3]",), "other": ("model.hidden=[3]", "seed=1"), "larger": ("model.hidden=[4]",)}
        made = {name: bpexp.run(*TINY, *more, f"hydra.run.dir={name}") for name, more in said.items()}
        return {name: result.directory.absolute() for name, result in made.items()}
    finally:
        os.chdir(back)


@pytest.fixture
def run(runs: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(runs["mine"], tmp_path / "sweep/0"))


def everything(folder: Path) -> None:
    """Read a run as a person would."""
    result = Result(folder)
    assert result.metrics
    assert len(result.history)
    assert len(result.predict(ROWS)) == 2
    assert result.network.theta.size
    assert len(result.split.train)


DAMAGE: dict[str, Callable[[Path, dict[str, Path]], Any]] = {
    "missing": lambda path, runs: path.unlink(),
    "empty": lambda path, runs: path.write_bytes(b""),
    "half": lambda path, runs: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "noise": lambda path, runs: path.write_bytes(np.random.default_rng(0).bytes(999) + b"\n"),
    "a folder": lambda path, runs: (path.unlink(), path.mkdir()),
    "a pipe": lambda path, runs: (path.unlink(), os.mkfifo(path)),
    "a link to nothing": lambda path, runs: (path.unlink(), path.symlink_to("nowhere")),
    "a link to a device": lambda path, runs: (path.unlink(), path.symlink_to("/dev/zero")),
    "a link elsewhere": lambda path, runs: (path.unlink(), path.symlink_to("/etc/passwd")),
    "another type": lambda path, runs: path.write_bytes(b"[1, 2]\n"),
    "of another run": lambda path, runs: shutil.copyfile(runs["other"] / path.name, path),
    "of a larger run": lambda path, runs: shutil.copyfile(runs["larger"] / path.name, path),
}
FILES = ("result.json", "metrics.jsonl", "network.json", "network.npz", "split.npz")


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", FILES)
def test_every_file_with_every_damage_is_one_line(name: str, damage: str, run: Path, runs: dict[str, Path]) -> None:
    everything(run)
    DAMAGE[damage](run / name, runs)
    if damage.startswith("of a") and name in ("metrics.jsonl", "split.npz"):
        everything(run)  # they are whole, and nothing in them says whose they are
        return
    if (damage, name) == ("half", "metrics.jsonl"):
        everything(run)  # up to its last whole line
        return
    if (damage, name) == ("empty", "metrics.jsonl"):
        assert Result(run).history.empty
        return
    with pytest.raises(BpexpError) as caught:
        everything(run)
    told = str(caught.value)
    assert "\n" not in told
    assert name in told or (damage.startswith("of a") and "network" in told)
    assert "root:" not in told


def test_both_files_of_a_network_of_another_run(run: Path, runs: dict[str, Path]) -> None:
    for name in ("network.json", "network.npz"):
        shutil.copyfile(runs["other"] / name, run / name)
    with pytest.raises(BpexpError, match=r"network\.npz' is of another run: theta has the SHA-256"):
        everything(run)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["result.json", "metrics.jsonl"])
def test_a_report_leaves_a_damaged_run_out_and_says_which(
    name: str, damage: str, run: Path, runs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(runs["other"], run.parent / "1")
    DAMAGE[damage](run / name, runs)
    found = from_folder(run.parent)
    told = capsys.readouterr().err
    whole = damage.startswith("of a") or ((damage, name) in (("half", "metrics.jsonl"), ("empty", "metrics.jsonl")))
    assert len(found) == (1 if name == "result.json" and not whole else 2)
    gone = name == "result.json" and damage in ("missing", "a link to nothing")
    assert (repr(str(run / name)) in told) == (not whole and not gone)
    assert told.count("\n") <= 1


@pytest.mark.parametrize("value", [None, [], {}, True, 3, "x", [[1]], {"a": []}])
def test_parameters_of_any_kind_do_not_stop_a_report(value: Any, run: Path) -> None:
    path = run / "result.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    told["params"] = dict.fromkeys(told["params"], value)
    path.write_text(json.dumps(told), encoding="utf-8")
    (record,) = from_folder(run.parent)
    assert {str(value) for value in record.params.values()} == {str(value)}
