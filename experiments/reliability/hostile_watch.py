"""One hostile command in a process of its own, under an audit hook that writes down whatever a refusal must not do."""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

WATCHED = (
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

CHANGES = (
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "shutil.rmtree",
    "os.chmod",
)
"""Events of changes on disk; a file that is opened for writing has its own."""

AWAY = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request", "http.client.connect")
"""Events of a network."""

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
ADDRESS_SPACE = 8 * 2**30
"""Bytes beyond which the process fails: the machine is not the judge of a case that goes wrong."""


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
        elif event in (*WATCHED, *CHANGES, *AWAY):
            self.seen.append(f"{event} {args}"[:200])

    def _open(self, path: Any, mode: Any, flags: Any) -> None:
        number = flags if isinstance(flags, int) else 0
        # A folder is "opened" for a file without a name, by which a store learns whether it may write.
        if number & WRITES and path != os.devnull and not isinstance(path, int) and not os.path.isdir(path):
            self.seen.append(f"open {path!r} for writing")


def main() -> None:
    """Execute the words of the JSON file that is named first, and write what was seen to the second one."""
    words, report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2])
    from bpexp.cli.main import main as command  # the imports of the command itself are not watched

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    here = str(Path.cwd())
    sys.argv = ["bpexp", *words]
    watch = Watch()
    sys.addaudithook(watch)
    try:
        command()
    finally:
        watch.active = False
        foreign = [
            name for name, module in sys.modules.items() if str(getattr(module, "__file__", "")).startswith(here)
        ]
        report.write_text(json.dumps(watch.seen + [f"imported {name}" for name in foreign]), encoding="utf-8")


if __name__ == "__main__":
    main()
