"""Output that nobody takes: it is lost, and the run goes on to its end with its true status and exit code."""

from __future__ import annotations

import io
import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from children import bpexp, fork

from bpexp.cli.output import LastingFile, lasting_output, lost
from bpexp.records.outcome import read_outcome

TINY = ["data=xor", "data.n=60", "epochs=2", "tracking=none", "tracking.figures=false", "run_name='\u00fc'"]


def onto(path: str, *numbers: int) -> Callable[[], None]:
    """Standard streams that lead to a file."""

    def streams() -> None:
        for number in numbers:
            os.dup2(os.open(path, os.O_WRONLY), number)

    return streams


def closed(*numbers: int) -> Callable[[], None]:
    """Standard streams that are closed, as by `>&-`; Python then has none."""

    def streams() -> None:
        for number in numbers:
            os.close(number)
            name = {0: "stdin", 1: "stdout", 2: "stderr"}[number]
            setattr(sys, name, None)
            setattr(sys, f"__{name}__", None)

    return streams


def unread(*numbers: int) -> Callable[[], None]:
    """Standard streams that lead to a pipe whose reader is gone."""

    def streams() -> None:
        read, write = os.pipe()
        os.close(read)
        for number in numbers:
            os.dup2(write, number)

    return streams


def hung_up() -> None:
    """A terminal that was closed."""
    ours, theirs = pty.openpty()
    for number in (0, 1, 2):
        os.dup2(theirs, number)
    os.close(theirs)
    os.close(ours)


WAYS: dict[str, Callable[[], None]] = {
    "standard output is closed": closed(1),
    "standard error is closed": closed(2),
    "all three are closed": closed(0, 1, 2),
    "both lead to a full disk": onto("/dev/full", 1, 2),
    "the reader has left": unread(1, 2),
    "the terminal is gone": hung_up,
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("way", WAYS)
def test_a_run_outlives_its_output(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert bpexp(TINY, tmp_path, streams=WAYS[way]).ended() == 0
    (result,) = tmp_path.glob("outputs/*/*/result.json")
    assert read_outcome(result.parent).status == "finished"
    assert "\u00fc" not in (result.parent / "metrics.jsonl").read_text(
        encoding="utf-8"
    )  # no file took an output's place


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(("streams", "code"), [(unread(1), 0), (onto("/dev/full", 1), 1)], ids=["head", "full"])
def test_a_question_whose_answer_is_lost(
    streams: Callable[[], None], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--help | head` has had its answer; on a full disk there is none, and nothing else was done."""
    monkeypatch.chdir(tmp_path)
    child = bpexp(["--help"], tmp_path, streams=streams)
    assert child.ended() == code
    assert child.err == ("" if code == 0 else "bpexp: standard output took nothing (No space left on device)\n")


def test_a_lasting_file_takes_everything(tmp_path: Path) -> None:
    read, write = os.pipe()
    file = LastingFile(write, "wb", closefd=False)
    assert file.write(b"heard") == 5
    assert os.read(read, 10) == b"heard"
    assert file.lost is None
    os.close(read)
    assert file.write(b"unheard") == 7
    assert isinstance(file.lost, BrokenPipeError)
    os.close(write)
    with io.TextIOWrapper(io.BufferedWriter(file)) as text:
        assert lost(text) is file.lost
    assert lost(io.StringIO()) is None


def test_a_full_pipe_that_does_not_block_is_waited_for(tmp_path: Path) -> None:
    """As a parent such as node hands on: written too fast it says `again`, which Python makes an error."""
    read, write = os.pipe()
    os.set_blocking(write, False)

    def action() -> None:
        os.close(read)
        os.dup2(write, 1)
        lasting_output()
        print("x" * 300_000, flush=True)

    child = fork(action, tmp_path)
    os.close(write)
    with os.fdopen(read) as taken:
        assert len(taken.read()) == 300_001
    assert child.ended() == 0, child.err


def test_what_somebody_else_has_put_there_stays() -> None:
    """Such as the streams of a notebook, or of these tests."""
    before = sys.stdout, sys.stderr
    lasting_output()
    assert (sys.stdout, sys.stderr) == before
