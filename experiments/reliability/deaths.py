"""A plug-in for tests: the callback `death` ends its process in a declared way, once. It registers when imported."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Literal

from bpexp.errors import ConfigError
from bpexp.training.callbacks import callbacks
from bpexp.training.events import Callback, EpochEnded
from bpexp.training.trainer import Diverged

Kind = Annotated[str, Literal["none", "exception", "diverge", "sys_exit", "exit", "kill", "segfault", "memory", "slow"]]


@callbacks.register("death")
class Death(Callback):
    """End the process after the first epoch; a run that finds the mark of an earlier death in its folder lives.

    Args:
        kind: none; exception raises RuntimeError; diverge ends as a cost that is not finite does; sys_exit calls
            sys.exit(3); exit calls os._exit(4); kill and segfault send SIGKILL and SIGSEGV; memory asks for 64 GiB;
            slow sleeps in every epoch.
        marks: the folder of the marks.
        seconds: for which slow sleeps.
        job: a number by which the jobs of a sweep differ.
        deaths: numbers of jobs, each with its kind behind it, as in `3 kill 5 exit`; the others have `kind`.
    """

    def __init__(
        self,
        kind: Kind = "none",
        marks: str = "marks",
        seconds: float = 0.5,
        job: int | None = None,
        deaths: str = "",
    ) -> None:
        self._kind, self._seconds = _named(deaths).get(job, kind), seconds
        self._mark = Path(marks) / self._kind

    def on_epoch(self, event: EpochEnded) -> None:
        if self._kind == "slow":
            time.sleep(self._seconds)
        elif self._kind != "none" and event.epoch == 1 and not self._mark.exists():
            self._mark.parent.mkdir(exist_ok=True)
            self._mark.touch()
            self._die()

    def _die(self) -> None:
        if self._kind == "exception":
            raise RuntimeError("no luck")
        if self._kind == "diverge":
            raise Diverged("the loss of the batch is inf")
        if self._kind == "sys_exit":
            sys.exit(3)
        if self._kind == "exit":
            os._exit(4)
        if self._kind == "memory":
            bytearray(64 * 2**30)
            raise ConfigError("64 GiB were given; set launcher.memory")
        os.kill(os.getpid(), signal.SIGKILL if self._kind == "kill" else signal.SIGSEGV)


def _named(deaths: str) -> dict[int | None, str]:
    words = deaths.split()
    return {int(job): kind for job, kind in zip(words[::2], words[1::2], strict=True)}
