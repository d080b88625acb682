"""Hostile configs and command lines, each refused in a process of its own: what ran, what leaked, what it took.

python -m experiments.reliability.hostile_configs            all cases, two at a time, and the table
python -m experiments.reliability.hostile_configs NAME       the cases whose label contains NAME, with what each says
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from experiments.reliability.hostile_cases import SECRET, Case, cases

ROOT = Path(__file__).resolve().parents[2]
SECONDS, MIB = 10.0, 512
"""The bounds of a refusal: processor time, and memory beyond that of the refusal of a mistyped key."""

HUNG = 300
"""Seconds after which a case is given up; it then counts as one that takes too long."""

EVIL = "from pathlib import Path\nPath(__file__).parent.parent.joinpath('executed').touch()\n"


@dataclass(slots=True)
class Finding:
    """What became of a case."""

    case: Case
    said: str
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    mib: float = 0.0


def place(case: Case, folder: Path) -> None:
    """Make the files of a case in a new folder, beside a secret, and with a package that must not be imported."""
    folder.mkdir(parents=True)
    (folder.parent / "secret.yaml").write_text(f"# @package _global_\nrun_name: {SECRET}\n", encoding="utf-8")
    (folder / "evilpkg").mkdir()
    (folder / "evilpkg/__init__.py").write_text(EVIL, encoding="utf-8")
    for path, text in case.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode("utf-8", "surrogateescape"))
    for path, what in case.special.items():
        special(folder / path, what)


def special(path: Path, what: str) -> None:
    """Make a link, a pipe, a socket or a folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if what.startswith("-> "):
        path.symlink_to(what.removeprefix("-> "))
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        before = Path.cwd()
        os.chdir(path.parent)  # the name of a socket is short
        try:
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(path.name)
        finally:
            os.chdir(before)


def listing(folder: Path) -> list[str]:
    """Every path below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def refusal(code: int, out: str, err: str) -> list[str]:
    """What a command did that a refusal does not."""
    found = [f"exit code {code}"] if code != 2 else []
    if "Traceback" in err + out:
        found.append("a traceback")
    if not err.startswith("bpexp: ") or err.count("\n") != 1:
        found.append(f"{err.count(chr(10))} lines")
    if out:
        found.append("output")
    if SECRET in err + out or "root:x:0" in err + out:
        found.append("a secret")
    return found


def attack(case: Case, scratch: Path) -> Finding:
    """Execute a case in a process of its own, and judge it."""
    folder, words, report = scratch / "here", scratch / "words.json", scratch / "report.json"
    place(case, folder)
    words.write_text(json.dumps(case.argv), encoding="utf-8")
    before = listing(folder)
    surroundings = {key: value for key, value in os.environ.items() if key not in ("MLFLOW_TRACKING_URI", "BPEXP_DATA")}
    surroundings |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "CANARY": SECRET, "HOME": str(scratch)}
    call = [sys.executable, "-m", "experiments.reliability.hostile_watch", str(words), str(report)]
    with (scratch / "out").open("wb") as out, (scratch / "err").open("wb") as err:
        process = subprocess.Popen(call, cwd=folder, env=surroundings, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        code, used, hung = _waited(process)
    said = [(scratch / name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err")]
    finding = Finding(case, said[1].strip(), refusal(code, *said), used[0], used[1])
    if hung:
        finding.problems.append("hangs")
    if report.exists():
        finding.problems += json.loads(report.read_text(encoding="utf-8"))
    made = set(listing(folder)) - set(before)
    if made:
        finding.problems.append(f"made {sorted(made)[:3]}")
    return finding


def _waited(process: subprocess.Popen[bytes]) -> tuple[int, tuple[float, float], bool]:
    """Exit code, processor seconds and MiB of a process, and whether it had to be killed."""
    from threading import Timer

    killed: list[bool] = []
    timer = Timer(HUNG, lambda: (killed.append(True), process.kill()))
    timer.start()
    _, status, used = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, (used.ru_utime + used.ru_stime, used.ru_maxrss / 1024), bool(killed)


def attacked(chosen: Sequence[Case], workers: int = 2) -> list[Finding]:
    """Execute cases, `workers` at a time."""

    def one(case: Case) -> Finding:
        with tempfile.TemporaryDirectory(prefix="hostile-") as scratch:
            return attack(case, Path(scratch))

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, chosen))


def main(words: Sequence[str]) -> int:
    """Attack, and print what was found; returns 1 if anything got through."""
    chosen = [case for case in cases() if not words or words[0] in case.label]
    usual = attacked([Case("good", "a mistyped key", ("lrr=1",))])[0]
    found = attacked(chosen)
    for finding in found:
        if finding.seconds > SECONDS:
            finding.problems.append(f"{finding.seconds:.1f} s")
        if finding.mib - usual.mib > MIB:
            finding.problems.append(f"{finding.mib - usual.mib:.0f} MiB more")
        if finding.problems or words:
            print(f"{finding.case.label}\n    {'; '.join(finding.problems) or 'refused'}\n    {finding.said[:300]}")
    _table(found, usual)
    return int(any(finding.problems for finding in found))


def _table(found: Sequence[Finding], usual: Finding) -> None:
    print("\n| kind | cases | refused in one line, nothing made | largest growth, MiB | longest, s of processor |")
    print("|---|---|---|---|---|")
    for kind in [*Counter(finding.case.kind for finding in found), "all"]:
        own = [finding for finding in found if kind in (finding.case.kind, "all")]
        good = sum(not finding.problems for finding in own)
        growth, longest = max(f.mib for f in own) - usual.mib, max(f.seconds for f in own)
        print(f"| {kind} | {len(own)} | {good} | {max(growth, 0):.0f} | {longest:.1f} |")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
