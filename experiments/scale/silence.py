"""How soon a person is told that a cluster does not answer, and what of an engine's own words reaches the screen.

python -m experiments.scale.silence

Seconds are those from the moment at which a sweep opens its launcher, with the engine imported. The screen is a
terminal of its own, of which every byte is kept.
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

from experiments.scale.digests import LAUNCHERS, MODULES, installed

SMALL = ["-m", "data=xor", "model.hidden=[3]", "data.n=60", "epochs=2", "seed=0,1,2", "tracking=none"]
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


ONE = """
import sys, time
from bpexp.config.composition import CommandLine
from bpexp.errors import ConfigError
from bpexp.running.launchers.choice import launched
from bpexp.running.plan import plan
planned = plan(CommandLine(overrides=sys.argv[2:], multirun=True))
__import__(sys.argv[1])
began = time.monotonic()
try:
    with launched(planned):
        pass
except ConfigError as error:
    print(time.monotonic() - began, str(error).count(chr(10)) + 1)
"""
"""What measures one address, in a process of its own, with the engine imported before."""


def unanswered(name: str) -> dict[str, object]:
    """Seconds for an address at which nothing listens, and for one at which something else does, and lines told."""
    found: dict[str, object] = {}
    with socket.socket() as listener, tempfile.TemporaryDirectory() as folder:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        for kind in ("nothing listens", "something else listens"):
            words = [MODULES[name], *SMALL[1:], f"launcher={name}", f"launcher.address={address}"]
            line = [sys.executable, "-c", ONE, *words]
            done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True)
            seconds, lines = done.stdout.split()
            found[kind] = {"seconds": round(float(seconds), 1), "lines": int(lines)}
            listener.listen()
    return found


def screen(words: list[str]) -> list[str]:
    """The lines on a terminal, without control characters, with # in place of figures."""
    with tempfile.TemporaryDirectory() as folder:
        here, there = pty.openpty()
        line = [sys.executable, "-m", "bpexp", *SMALL, *words, "hydra.sweep.dir=there"]
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
        process = subprocess.Popen(line, cwd=folder, env=environment, stdin=there, stdout=there, stderr=there)
        os.close(there)
        content = b""
        try:
            while piece := os.read(here, 65536):
                content += piece
        except OSError:  # how Linux ends a terminal
            pass
        process.wait()
    text = CONTROL.sub("\n", content.decode(errors="replace").replace(folder, ""))
    return list(dict.fromkeys(re.sub(r"[\d.:]+", "#", line.strip()) for line in text.split("\n") if line.strip()))


TABLE = re.compile(r"#/# done|job #|launcher# (ray|dask)$|best ")
"""What the live table shows of a sweep, in which jobs run one after the other or not."""


def others(name: str) -> list[str]:
    """The lines on the screen of a launcher that are neither on that of the launcher `serial` nor in the live table."""
    usual = set(screen(LAUNCHERS["serial"]))
    return [line for line in screen(LAUNCHERS[name]) if line not in usual and not TABLE.match(line)]


def main() -> None:
    """Measure and print."""
    engines = [name for name in installed() if name in ("ray", "dask")]
    found = {name: {**unanswered(name), "words of others": others(name)} for name in engines}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
