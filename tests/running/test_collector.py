"""The garbage collector looks seldom while a command runs, and as before in the process of whoever called."""

from __future__ import annotations

import contextlib
import gc
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

import bpexp
from bpexp.running.collector import SELDOM, collecting_seldom


@pytest.fixture(autouse=True)
def _as_python_begins() -> Iterator[None]:
    """The thresholds of Python, in place of those of the tests, which are the ones of a command already."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def test_the_thresholds_are_those_of_the_caller_again() -> None:
    before = gc.get_threshold()
    with collecting_seldom():
        assert gc.get_threshold() == SELDOM
        with collecting_seldom():
            pass
        assert gc.get_threshold() == SELDOM
    assert gc.get_threshold() == before


def test_a_caller_who_collects_even_less_goes_on_so() -> None:
    before = gc.get_threshold()
    gc.set_threshold(10**6, 10, 10)
    try:
        with collecting_seldom():
            assert gc.get_threshold() == (10**6, *SELDOM[1:])
        assert gc.get_threshold() == (10**6, 10, 10)
    finally:
        gc.set_threshold(*before)


def test_the_last_of_several_threads_restores_them() -> None:
    before = gc.get_threshold()
    inside, leave = threading.Barrier(2), threading.Event()

    def other() -> None:
        with collecting_seldom():
            inside.wait(60)
            leave.wait(60)

    thread = threading.Thread(target=other)
    with collecting_seldom():
        thread.start()
        inside.wait(60)
    assert gc.get_threshold() == SELDOM
    leave.set()
    thread.join(60)
    assert gc.get_threshold() == before


def test_a_call_leaves_them_as_they_were() -> None:
    before = gc.get_threshold()
    seen: list[tuple[int, int, int]] = []

    class Said(str):
        """Looks at the collector when the overrides are read."""

        def partition(self, separator: str, /) -> tuple[str, str, str]:
            seen.append(gc.get_threshold())
            return super().partition(separator)

    with contextlib.suppress(bpexp.errors.BpexpError):
        bpexp.run(Said("lr=-1"))
    assert SELDOM in seen
    assert gc.get_threshold() == before


def test_the_command_has_a_process_of_its_own() -> None:
    code = "import gc, bpexp.cli.process as p\nwith p.own_process(): print(gc.get_threshold())"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str(SELDOM)
