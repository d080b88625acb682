"""One hostile command in a process of its own, under an audit hook that writes down whatever a refusal must not do."""

from __future__ import annotations

import json
import os
import resource
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROGRAMS = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "subprocess.Popen",
    "pty.spawn",
)
"""Events of other programs."""

CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")
"""Events of changes on disk; a file that is opened for writing has its own."""

AWAY = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request", "http.client.connect")
"""Events of a network."""

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
ADDRESS_SPACE = 8 * 2**30
"""Bytes beyond which the process fails: the machine is not the judge of a case that goes wrong."""

HUNG = 120
"""Seconds of processor time after which the process is ended."""


class Watch:
    """The audit hook: `seen` holds what it objects to."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.active = True

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.active:
            return
        if event == "open":
            self._open(*args)
        elif event == "pickle.find_class":
            self.seen.append(f"pickle {args}")
        elif event in (*PROGRAMS, *CHANGES, *AWAY):
            self.seen.append(f"{event} {args}"[:200])

    def _open(self, path: Any, mode: Any, flags: Any) -> None:
        number = flags if isinstance(flags, int) else 0
        # A folder is "opened" for a file without a name, by which a store learns whether it may write.
        if number & WRITES and path != os.devnull and not isinstance(path, int) and not os.path.isdir(path):
            self.seen.append(f"open {path!r} for writing")


def watched(
    words: Sequence[str], folder: Path, report: Path, surroundings: Mapping[str, str]
) -> tuple[int, float, float]:
    """Execute a command in `folder`, in a copy of this process; returns exit code, processor seconds and MiB.

    What it prints goes to the files out and err beside `report`, which gets what the hook objects to. This process has
    imported the command, and no thread of it is running.
    """
    number = os.fork()
    if number == 0:
        code = 70
        try:
            code = _child(words, folder, report, surroundings)
        finally:
            os._exit(code)
    _, status, used = os.wait4(number, 0)
    return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _child(words: Sequence[str], folder: Path, report: Path, surroundings: Mapping[str, str]) -> int:
    from bpexp.cli.main import main as command

    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(report.with_name(name), os.O_WRONLY | os.O_CREAT), descriptor)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (HUNG, HUNG))
    os.environ.update(surroundings)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.argv = ["bpexp", *words]
    watch = Watch()
    sys.addaudithook(watch)
    code: object = 0
    try:
        command()
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    watch.active = False
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    modules = [name for name, module in sys.modules.items() if _below(module, folder)]
    report.write_text(json.dumps(watch.seen + [f"imported {name}" for name in modules]), encoding="utf-8")
    return code if isinstance(code, int) else 1


def _below(module: Any, folder: Path) -> bool:
    return str(getattr(module, "__file__", "")).startswith(str(folder))
