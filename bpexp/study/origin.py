"""Where a report comes from: its sweep, the code, how long it took, and the commands that make all of it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bpexp.records.escaping import typed
from bpexp.records.provenance import provenance
from bpexp.study.parts import command, items, note
from bpexp.study.scoring import SECONDS


@dataclass(frozen=True, slots=True)
class Origin:
    """What a report says of its origin.

    Args:
        facts: a line each, such as the hash of the declaration.
        commands: what each does, and the command in one line, as a shell takes it.
        elapsed: seconds from the beginning of the sweep to its end; None where nothing says so.
        unfinished: that the sweep has not come to its end, in a sentence; empty if it has.
    """

    facts: Sequence[str]
    commands: Sequence[tuple[str, str]] = ()
    elapsed: float | None = None
    unfinished: str = ""


def this_code() -> list[str]:
    """The code and versions that make a report."""
    facts = provenance(Path.cwd())
    told = [key for key in ("bpexp", "git_commit", "git_dirty", "numpy", "mlflow", "python", "blas") if key in facts]
    return [", ".join(f"{key} {facts[key]}" for key in told)]


def commands(
    sweep: Sequence[str] | str, code: Mapping[str, str], name: str, folder: Path | None
) -> list[tuple[str, str]]:
    """The commands that make a study again: the code, its runs, its report.

    Args:
        sweep: the arguments of the sweep's command as they were typed; in one text as MLflow keeps it.
        code: what the declaration recorded of the code that ran.
        name: of the study.
        folder: of the sweep; None for the newest one in MLflow.
    """
    told = []
    if commit := code.get("git_commit"):
        dirty = code.get("git_dirty") == "true"
        changed = "; uncommitted changes of that day are not in it" if dirty else ""
        told.append((f"the code that ran (bpexp {code.get('bpexp', '')}){changed}", f"git checkout {commit}"))
    if sweep:
        line = f"python -m bpexp {sweep}" if isinstance(sweep, str) else typed(sweep)
        told.append(("the study, all runs anew", line))
    words = ["task=report", f"study={name}", *([f"hydra.sweep.dir={folder}"] if folder else [])]
    return [*told, ("this report, from the runs that are there", typed(words))]


def durations(frame: pd.DataFrame, elapsed: float | None) -> list[str]:
    """How long the study and its runs took; nothing where no run says so."""
    took = frame[SECONDS].astype(float)
    took = took[np.isfinite(took)]
    told = [f"from the beginning of the sweep to its last run: {spoken(elapsed)}"] if elapsed else []
    if len(took):
        middle, low, high = took.median(), took.min(), took.max()
        told.append(f"a run: {spoken(middle)} (median), from {spoken(low)} to {spoken(high)}")
        told.append(f"all {len(took)} runs one after the other: {spoken(took.sum())}")
    if told and (untold := len(frame) - len(took)):
        which = (
            "of 1 run nothing says how long it took: it was"
            if untold == 1
            else (f"of {untold} runs nothing says how long each took: they were")
        )
        told.append(f"{which} trained together with others, or left no time")
    return told


def spoken(seconds: float) -> str:
    """A duration in two units: 0.42 s, 1 min 05 s, 3 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.2g} s" if whole < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole // 60 % 60:02} min"


def origin_html(found: Origin, frame: pd.DataFrame) -> str:
    """The last sections of a page: durations, how to reproduce it, provenance."""
    took = durations(frame, found.elapsed)
    again = "".join(f"{note(told + ':')}{command(line)}" for told, line in found.commands)
    return "".join([
        f"<h2>How long it took</h2>{items(took)}" if took else "",
        f"<h2>How to reproduce it</h2>{again}" if again else "",
        f"<h2>Provenance</h2>{items(found.facts)}",
    ])  # fmt: skip
