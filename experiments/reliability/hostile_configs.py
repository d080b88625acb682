"""Hostile configs and command lines, each refused in a process of its own: what ran, what leaked, what it took.

python -m experiments.reliability.hostile_configs            all cases, two at a time, and the table
python -m experiments.reliability.hostile_configs NAME       the cases whose label contains NAME, with what each says
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from experiments.reliability.hostile_cases import SECRET, Case, cases
from experiments.reliability.hostile_watch import watched

SECONDS, MIB = 10.0, 512
"""The bounds of a refusal: processor time, and memory beyond that of the refusal of a mistyped key."""

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
    folder, report = scratch / "here", scratch / "report.json"
    place(case, folder)
    before = listing(folder)
    code, seconds, mib = watched(case.argv, folder, report, {"CANARY": SECRET, "HOME": str(scratch)})
    out, err = ((scratch / name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err"))
    finding = Finding(case, err.strip(), refusal(code, out, err), seconds, mib)
    finding.problems += json.loads(report.read_text(encoding="utf-8")) if report.exists() else ["no report"]
    if made := set(listing(folder)) - set(before):
        finding.problems.append(f"made {sorted(made)[:3]}")
    return finding


def work(chosen: Sequence[Case]) -> list[Finding]:
    """Execute cases one after the other, each in a copy of this process, which has imported the command."""
    import bpexp.running.plan

    assert bpexp.running.plan
    for name in ("MLFLOW_TRACKING_URI", "BPEXP_DATA", "HYDRA_FULL_ERROR"):
        os.environ.pop(name, None)
    found = []
    for case in chosen:
        with tempfile.TemporaryDirectory(prefix="hostile-") as scratch:
            found.append(attack(case, Path(scratch).resolve()))
    return found


def main(words: Sequence[str]) -> int:
    """Attack, and print what was found; returns 1 if anything got through."""
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    flags.add_argument("name", nargs="?", default="")
    flags.add_argument("--workers", type=int, default=2)
    said = flags.parse_args(words)
    chosen = [case for case in cases() if said.name in case.label]
    with ProcessPoolExecutor(said.workers, multiprocessing.get_context("spawn")) as pool:
        (usual,) = pool.submit(work, [Case("good", "a mistyped key", ("lrr=1",))]).result()
        parts = [pool.submit(work, chosen[n :: 4 * said.workers]) for n in range(4 * said.workers)]
        found = [finding for part in parts for finding in part.result()]
    for finding in found:
        if finding.seconds > SECONDS:
            finding.problems.append(f"{finding.seconds:.1f} s")
        if finding.mib - usual.mib > MIB:
            finding.problems.append(f"{finding.mib - usual.mib:.0f} MiB more")
        if finding.problems or said.name:
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
