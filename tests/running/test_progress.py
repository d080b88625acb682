"""What a run shows while it trains: true speeds, lines that stay, and a bar that fits the terminal."""

from __future__ import annotations

import io
import re
import sys
from typing import Any

import numpy as np
import pytest

from bpexp.gradients.backprop import backprop
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network
from bpexp.running import progress as module
from bpexp.running.progress import LiveProgress, PlainProgress, tell, waiting
from bpexp.training.events import EpochEnded, RunStarted, Step

MEASURED = {"loss/train": 0.25, "loss/validation": 0.5, "accuracy/validation": 0.9}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def started(epochs: int, steps: int, **given: int) -> RunStarted:
    head = build_head({"name": "softmax"}, {"name": "cross_entropy"})
    return RunStarted(Network([2, 2], [], head.output, "float64"), head, backprop(), epochs, steps, **given)


def step(number: int, epoch: int) -> Step:
    nothing: Any = np.zeros(1)
    return Step(number, epoch, 0.125, 0.1, nothing, nothing, nothing, nothing)


@pytest.mark.parametrize(
    ("steps", "seconds", "told"),
    [(1, 3.0, "0.33 steps/s"), (3, 2.0, "1.5 steps/s"), (1, 4e3, "0.00025 steps/s"), (2345, 1.0, "2,345 steps/s")],
)
def test_slow_steps_are_not_rounded_to_none(steps: int, seconds: float, told: str) -> None:
    stream = io.StringIO()
    line = PlainProgress(stream)
    line.on_start(started(1, steps))
    line.on_epoch(EpochEnded(epoch=1, step=steps, metrics={"loss/train": 1.0}, seconds=seconds))
    assert stream.getvalue().endswith(f"  {told}\n")


def shown(width: int, title: str, monkeypatch: pytest.MonkeyPatch, measured: dict[str, float] = MEASURED) -> list[str]:
    """All lines that a terminal gets in a run of 30 epochs; those of the bar that was redrawn too."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    monkeypatch.setattr(module, "REDRAWS", 0.0)
    bar = LiveProgress(title)
    bar.on_start(started(30, 100))
    for epoch in range(31):
        bar.on_epoch(EpochEnded(epoch=epoch, step=100 * epoch, metrics=measured, seconds=1.0 * epoch))
        if epoch < 30:
            bar.on_step(step(100 * epoch + 50, epoch + 1))
    bar.close()
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    assert "\x1b" not in drawn
    return [line.strip("\r") for line in drawn.splitlines()]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_epoch_lines_stay_above_a_bar_that_fits(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The title leaves the bar first, then speed, batch loss and accuracy; the bar, the epoch and the time stay."""
    lines = shown(width, "mnist_relu lr=0.1 a long name of a run that says much", monkeypatch)
    assert all(len(line) <= width for line in lines)
    stay = [line for line in lines if re.match(r"epoch \d+/30  ", line)]
    assert [int(line.split("/")[0][6:]) for line in stay] == list(range(0, 31, 3))
    assert all("validation accuracy 0.9000" in line for line in stay)
    assert [all("loss 0.2500" in line for line in stay), "steps/s" in stay[1]] == [width > 60, width > 80]
    bars = [line for line in lines if "\N{BOX DRAWINGS HEAVY HORIZONTAL}" in line and " left" in line]
    assert re.search(r"epoch 30/30 .*\d:\d\d left", bars[-1])
    there = [name in bars[-1] for name in ("accuracy 0.9000", "batch loss 0.1250", "steps/s", "mnist_relu")]
    order = {40: 0, 60: 1, 80: 2, 100: 3, 160: 4}[width]
    assert there == [number < order for number in range(4)]


def test_a_terminal_of_a_few_columns_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    assert any(line.startswith("epoch 30/30") for line in shown(5, "a name", monkeypatch))


def test_a_name_cannot_command_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(160, "[bold]a[/bold] \x1b[2J\u202e", monkeypatch)
    assert any("[bold]a[/bold] \\x1b[2J\\u202e" in line for line in lines)


@pytest.mark.parametrize("width", [40, 80])
def test_numbers_of_any_size_fit(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = {"loss/train": float("nan"), "loss/validation": 1e300, "r2/validation": -1e250}
    lines = shown(width, "", monkeypatch, measured)
    assert all(len(line) <= width for line in lines)
    assert any("r2 -1e+250" in line for line in lines)


@pytest.mark.parametrize("several", [False, True])
def test_the_time_left_of_a_run_that_goes_on_is_of_its_own_steps(
    several: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told of each step, or, where steps are compiled, of many at once."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    clock = iter([0.0, 10.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock, 10.0))
    bar = LiveProgress("")
    bar.on_start(started(10, 100, epoch=9, step=900))
    if several:
        bar.on_losses([0.5] * 50 + [0.125], [0.1] * 51)
    else:
        bar.on_step(step(950, 10))
    assert (bar._words["left"], bar._words["speed"]) == ("0:10 left", "5 steps/s")
    assert (bar._words["epoch"], bar._words["batch"]) == ("epoch 10/10", "batch loss 0.1250")
    bar.close()


def test_a_terminal_without_commands_gets_the_lines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    bar = LiveProgress("")
    bar.on_start(started(1, 1))
    bar.on_epoch(EpochEnded(epoch=1, step=1, metrics=MEASURED, seconds=1.0))
    bar.close()
    assert stream.getvalue().startswith("epoch 1/1  loss 0.2500")


def test_what_is_told_breaks_between_words_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    for stream, lines in ((Terminal(), ["a sentence of more", "than twenty columns"]), (io.StringIO(), None)):
        monkeypatch.setattr(sys, "stderr", stream)
        tell(["a sentence of more than twenty columns"], True)
        assert stream.getvalue().splitlines() == (lines or ["a sentence of more than twenty columns"])


def test_a_terminal_shows_what_is_going_on_while_nothing_else_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with waiting("writing the record", True):
        pass
    assert "writing the record" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")  # the line is gone
    assert terminal.getvalue().count("\x1b[?25h") == 1  # and the cursor is back


@pytest.mark.parametrize(("show", "stream"), [(False, Terminal()), (True, io.StringIO()), (True, None)])
def test_nothing_is_shown_of_it_elsewhere(show: bool, stream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    with waiting("writing the record", show):
        pass
    assert stream is None or not stream.getvalue()
