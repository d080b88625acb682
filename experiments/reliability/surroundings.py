"""Odd places to run in: folders, locales, terminals, clocks, users and temporary folders; how often a run is lost.

python -m experiments.reliability.surroundings [--only WORD]

In each place `python -m bpexp` trains a small network. It is good if the run ends, MLflow has all of it and the result
is read back, or if it is refused in one line that says why; a traceback, a lost run or a wrong record is not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = ("data=xor", "data.n=60", "model.hidden=[3]", "epochs=2", "hydra.run.dir=here", "tracking.figures=true")
EMOJI = "run_name='données \N{MICROSCOPE} \N{GREEK SMALL LETTER DELTA}'"
NO_POWER = (
    "setpriv",
    "--bounding-set",
    "-dac_override,-dac_read_search",
    "--inh-caps",
    "-dac_override,-dac_read_search",
)
STRANGER = ("unshare", "--user", "--map-user=12345")
CLOCK = "import time\n_real = time.time\ntime.time = lambda: {told}\ntime.time_ns = lambda: int(time.time() * 1e9)\n"
LOOK = """
import sys, warnings
warnings.simplefilter("ignore")
import bpexp
from pathlib import Path
from bpexp.api import Result
here = Result(Path("here"))
kept = bpexp.load(here.outcome.run_id, into="loaded")
assert here.outcome.status == kept.outcome.status == "finished", here.outcome
assert kept.networks["last"].theta.tobytes() == here.networks["last"].theta.tobytes()
from bpexp.tracking.store import open_store
client = open_store(None, "bpexp").client
run = client.get_run(here.outcome.run_id)
assert run.info.status == "FINISHED", run.info
assert run.info.start_time >= 0 and run.info.end_time >= run.info.start_time, run.info
mine = here.history["loss/test"].dropna()
theirs = [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, "loss/test")]
assert dict(theirs) == dict(mine), (theirs, mine)
assert (mine.index.is_monotonic_increasing and (here.history["time/seconds"].dropna() >= 0).all())
"""


@dataclass(frozen=True)
class Place:
    """Where and how a run is started.

    Args:
        name: in the table.
        folder: name of the working directory.
        environment: variables; None takes one away.
        words: further words of the command line.
        refused: what the one line says, where the run is to be refused.
        before: a program that starts the command, such as one that takes rights away.
        clock: what `time.time()` returns, with `_real()` for the true time.
        mode: of the working directory.
        through: how the folder is entered: as it is, by a link, or after it was removed.
    """

    name: str
    folder: str = "plain"
    environment: Mapping[str, str | None] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    refused: str | None = None
    before: tuple[str, ...] = ()
    clock: str | None = None
    mode: int = 0o755
    through: str = "itself"


def locale(name: str, encoding: str | None = None) -> Place:
    """A run with an emoji in its name, in a locale, and with an encoding of the terminal."""
    given = {"LC_ALL": name, "LANG": name, "PYTHONIOENCODING": encoding}
    return Place(f"LC_ALL={name}, terminal in {encoding or 'its letters'}", environment=given, words=(EMOJI,))


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""A locale in which Python reads the command line as ASCII; by itself it takes UTF-8 there."""


PLACES = [
    *(
        Place(f"a folder {name!r}", folder=name)
        for name in ("a#b", "a\\b", "a${b}", "a${now:%Y}", "a b", "%(x)s", "a&b;c")
    ),
    *(
        Place(f"a folder {name!r}", folder=name)
        for name in ("'`", '"', "-m", "a\nb", "\N{MICROSCOPE} données", "[x]*{y}")
    ),
    Place("a folder with both quotes", folder="'\"", refused="has a meaning in SQL; move elsewhere"),
    Place("a folder 'a :b'", folder="a :b", refused="has a meaning in SQL; move elsewhere"),
    Place("a folder of 200 letters", folder="x" * 200),
    Place("a folder 'a?b'", folder="a?b", refused="'?' has a meaning in it; move elsewhere"),
    Place("a folder 'a%41b'", folder="a%41b", refused="'%41' has a meaning in it; move elsewhere"),
    Place("a link to a folder", through="link"),
    Place("a folder that was removed", through="gone", refused="working directory"),
    Place("a folder that is read-only", mode=0o555, before=NO_POWER, refused="cannot be written"),
    locale("C"),
    locale("POSIX", "ascii"),
    locale("C", "latin-1"),
    locale("C.UTF-8", "ascii:strict"),
    Place("an ASCII locale", environment=ASCII),
    Place("an ASCII locale and an emoji", environment=ASCII, words=(EMOJI,), refused="half of a letter, which no file"),
    Place("TERM=dumb, NO_COLOR", environment={"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "20"}),
    Place("COLUMNS=0", environment={"COLUMNS": "0", "LINES": "x"}),
    Place("1950", clock="_real() - 2.4e9"),
    Place("2100", clock="_real() + 2.4e9"),
    Place("a clock that goes backwards", clock="2e9 - 50 * (_real() - 1.7e9)"),
    Place("TZ=nonsense", environment={"TZ": "Nowhere/Odd+99"}),
    Place("no HOME, no USER", environment={"HOME": None, "USER": None, "LOGNAME": None}),
    Place("HOME=/nonexistent", environment={"HOME": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent/cache"}),
    Place("HOME that is a file", environment={"HOME": "/dev/null", "XDG_CONFIG_HOME": "/dev/null"}),
    Place("a user without a name", environment={"HOME": None, "USER": None, "LOGNAME": None}, before=STRANGER),
    Place("TMPDIR that is missing", environment={"TMPDIR": "/nonexistent"}),
    Place("no PATH", environment={"PATH": ""}),
    Place("umask 077", before=("sh", "-c", 'umask 077; exec "$@"', "sh")),
    Place("umask 000", before=("sh", "-c", 'umask 000; exec "$@"', "sh")),
    Place("no terminal, input closed", before=("sh", "-c", 'exec "$@" <&-', "sh")),
]


def look(place: Place, scratch: Path) -> str:
    """What is wrong with a run in this place; empty if nothing is."""
    home = scratch / "home"
    home.mkdir()
    folder = _folder(place, scratch)
    environment = _environment(place, home)
    command = [*place.before, sys.executable, "-m", "bpexp", *RUN, *place.words]
    if place.through == "gone":
        command = ["sh", "-c", f'cd "{folder}" && rmdir "{folder}" && exec "$@"', "sh", *command]
    done = subprocess.run(
        command, cwd=home if place.through == "gone" else folder, env=environment, capture_output=True, timeout=600
    )
    said = (done.stdout + done.stderr).decode(errors="replace")
    if "Traceback" in said:
        return f"a traceback: {said[said.index('Traceback') :][:3000]}"
    if place.refused is not None:
        good = done.returncode == 2 and place.refused in said and said.strip().count("\n") == 0
        return "" if good else f"not refused in a line: {done.returncode}, {said[-400:]}"
    if done.returncode:
        return f"exit code {done.returncode}: {said[-400:]}"
    return _read(folder, {**environment, "PYTHONPATH": str(ROOT)}, said)


def _folder(place: Place, scratch: Path) -> Path:
    folder = scratch / place.folder
    folder.mkdir(exist_ok=True)
    if place.through == "link":
        link = scratch / "link"
        link.symlink_to(folder)
        return link
    folder.chmod(place.mode)
    return folder


def _environment(place: Place, home: Path) -> dict[str, str]:
    given: dict[str, str | None] = {**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT), **place.environment}
    if place.clock is not None:
        (home / "sitecustomize.py").write_text(CLOCK.format(told=place.clock), encoding="utf-8")
        given["PYTHONPATH"] = os.pathsep.join([str(home), str(ROOT)])
    return {key: value for key, value in given.items() if value is not None and not key.startswith("MLFLOW_")}


def _read(folder: Path, environment: Mapping[str, str], said: str) -> str:
    """Whether the run is in MLflow, whole, with true times, and read back from it."""
    if "warning" in said.lower():
        lines = [line for line in said.splitlines() if "warning" in line.lower()]
        return f"a warning: {lines[0][:300]}"
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    return done.stderr[-400:] if done.returncode else ""


def main() -> None:
    """Go through the places and print what was wrong in each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="places whose name holds this word")
    only, bad, seen = parser.parse_args().only, 0, 0
    for place in PLACES:
        if only not in place.name:
            continue
        if place.before and shutil.which(place.before[0]) is None:
            print(f"{place.name:<50}left out: there is no {place.before[0]} here")
            continue
        with tempfile.TemporaryDirectory(prefix="places-") as scratch:
            wrong = look(place, Path(scratch))
        seen, bad = seen + 1, bad + bool(wrong)
        print(f"{place.name:<50}{wrong or 'good'}", flush=True)
    print(f"{seen} places, {bad} not good")
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
