"""Pictures of a run that was broken off, drawn from what lies in its folder."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import command
from stores import ask

from bpexp.errors import BpexpError
from bpexp.records.checkpoint import checkpoints, read_checkpoint
from bpexp.records.network_file import load_network
from bpexp.running.ending import conclusion
from bpexp.running.tasks import figures_task
from bpexp.running.tasks.figures_task import draw_again
from bpexp.training.callbacks import EarlyStopping

TINY = ["data=xor", "data.n=60", "model.hidden=[4]", "epochs=4", "progress=false", "tracking.model=false"]
PATIENT = "tracking.patience=100"  # a busy machine is slow


@pytest.fixture
def broken_off(store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that was interrupted in its third epoch."""

    def interrupting(self: EarlyStopping, event: Any) -> None:
        if event.epoch == 2:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(EarlyStopping, "on_epoch", interrupting)
        assert command([*TINY, PATIENT], patched) == 130
    (folder,) = Path.cwd().glob("outputs/*/*")
    return folder


def test_they_are_drawn_and_recorded(
    broken_off: Path, store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert list(broken_off.glob("*.png")) == []
    capfd.readouterr()
    assert command(["task=figures", f"hydra.run.dir={broken_off}", PATIENT], monkeypatch) == 0
    picture = broken_off / "figures.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert capfd.readouterr().out.splitlines()[0] == str(picture)
    assert [path.name for path in Path.cwd().glob("mlartifacts/**/*.png")] == ["figures.png"]
    assert ask(store, "select status from runs") == [("KILLED",)]


def test_the_weights_are_those_of_the_record(broken_off: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that result.json speaks of; of a run that was left in haste, those of its newest checkpoint."""
    drawn: list[Any] = []
    monkeypatch.setattr(figures_task, "draw", lambda made, *rest: drawn.append(made.trainer.network.theta.copy()))
    draw_again(broken_off)
    np.testing.assert_array_equal(drawn.pop(), load_network(broken_off).weights["last"])
    first = checkpoints(broken_off)[0]
    for other in set(checkpoints(broken_off)) - {first}:
        other.unlink()
    (broken_off / "result.json").unlink()
    draw_again(broken_off)
    np.testing.assert_array_equal(drawn.pop(), read_checkpoint(first).state["theta"])


def test_what_cannot_be_drawn_is_refused(
    broken_off: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BpexpError, match=r"holds no run: it has no metrics\.jsonl"):
        draw_again(broken_off.parent)
    other = broken_off.with_name("other")
    shutil.copytree(broken_off, other)
    config = other / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("n: 60", "n: 61"), encoding="utf-8")
    with pytest.raises(BpexpError, match="is not that of the run"):
        draw_again(other)
    shutil.rmtree(broken_off / "checkpoints")
    (broken_off / "network.npz").unlink()
    with pytest.raises(BpexpError, match="left neither a network nor a checkpoint"):
        draw_again(broken_off)
    capfd.readouterr()
    assert command(["task=figures"], monkeypatch) == 2
    assert "name its folder: hydra.run.dir=FOLDER" in capfd.readouterr().err


def test_a_signal_among_the_pictures_leaves_a_finished_run_without_them(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = conclusion.draw

    def interrupted(*args: Any) -> None:
        signal.raise_signal(signal.SIGTERM)
        draw(*args)

    monkeypatch.setattr(conclusion, "draw", interrupted)
    assert command([*TINY, PATIENT], monkeypatch) == 143
    assert ask(store, "select status from runs") == [("FINISHED",)]
    (folder,) = Path.cwd().glob("outputs/*/*")
    assert list(folder.glob("*.png")) == []
    assert [path.name for path in draw_again(folder)] == ["figures.png"]
