"""How soon a person is told that a cluster does not answer, and what of an engine's own words reaches the screen.

python -m experiments.scale.silence

Seconds are those beyond the start of the command: the same command is measured with an engine that is refused at once,
because it has no such parameter. The screen is a terminal of its own, of which every byte is kept.
"""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from experiments.scale.digests import LAUNCHERS, installed

SMALL = ["-m", "data=xor", "model.hidden=[3]", "data.n=60", "epochs=2", "seed=0,1,2", "tracking=none"]
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


def told(words: list[str]) -> tuple[float, str]:
    """Seconds until a command has ended, and what it said on standard error."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        line = [sys.executable, "-m", "bpexp", *SMALL, *words]
        done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
        return time.monotonic() - began, done.stderr.strip()


def unanswered(name: str) -> dict[str, object]:
    """Seconds for an address at which nothing listens, and for one at which something else does."""
    start, _ = told([f"launcher={name}", "launcher.nothing=1"])
    found: dict[str, object] = {}
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        for kind in ("nothing listens", "something else listens"):
            seconds, line = told([f"launcher={name}", f"launcher.address={address}"])
            found[kind] = {"seconds": round(seconds - start, 1), "lines": line.count("\n") + 1}
            listener.listen()
    return found


def screen(words: list[str]) -> list[str]:
    """The lines on a terminal that are neither bpexp's table nor its ranking."""
    with tempfile.TemporaryDirectory() as folder:
        here, there = pty.openpty()
        line = [sys.executable, "-m", "bpexp", *SMALL, *words, "hydra.sweep.dir=there"]
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
        process = subprocess.Popen(line, cwd=folder, env=environment, stdin=there, stdout=there, stderr=there)
        os.close(there)
        content = b""
        try:
            while piece := os.read(here, 65536):
                content += piece
        except OSError:  # Linux's end of a terminal
            pass
        process.wait()
        return [text for text in _texts(content) if not _ours(text, Path(folder))]


def _texts(content: bytes) -> list[str]:
    lines = CONTROL.sub("\n", content.decode(errors="replace")).split("\n")
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


OURS = re.compile(
    r"\d+/\d+ done|job \d|best|launcher: |\d+ runs, best first|final|rank|[\u2500-\u257f ]+$|files |look at|\d+ +\d+ "
    r"|accuracy|epoch"
)


def _ours(text: str, folder: Path) -> bool:
    return OURS.match(text) is not None or str(folder) in text


def main() -> None:
    """Measure and print."""
    engines = [name for name in installed() if name in ("ray", "dask")]
    found = {name: {**unanswered(name), "words of others": screen(LAUNCHERS[name])} for name in engines}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
