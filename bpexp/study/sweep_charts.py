"""The charts of a recorded sweep: those that its study declares, or those of its factors where it declares none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bpexp.errors import RecordError
from bpexp.files.plain_json import MOST_BYTES
from bpexp.files.regular import read_text
from bpexp.records.outcome import RESULT, read_outcome
from bpexp.study.analysis import Analysis, RunRecord, arms
from bpexp.study.charts import Chart, charts
from bpexp.study.claims import number
from bpexp.study.declaration import STUDY_FILE, read_record
from bpexp.study.design import Study, declared, spelt
from bpexp.study.revision import asked
from bpexp.study.scoring import counted, frame_of
from bpexp.study.sources import from_folders
from bpexp.study.tuning import at_best, tuned_levels
from bpexp.training.metrics import metrics

BY_DEPTH = "delta_norm"
"""What is drawn by layer, where it was measured."""

PARTS = ("test", "validation", "train")
"""Of these parts of the data the first that was evaluated is drawn."""


def sweep_charts(directory: Path) -> list[Chart]:
    """The charts of the sweep in a folder; raises RecordError where it holds no job with a result."""
    runs, said = _said(directory)
    if not runs:
        raise RecordError(f"the sweep {str(directory)!r} has no job with a result yet")
    if (directory / STUDY_FILE).exists():
        record = read_record(read_text(directory / STUDY_FILE, MOST_BYTES, error=RecordError))
        study = asked(record.content, None)[0]
    else:
        study = of_factors(directory.name, runs, said)
    return charts(_measured(study, runs), runs)


def _said(directory: Path) -> tuple[list[RunRecord], list[str]]:
    """The runs of a sweep, and the keys that its command line or config said; what was said is among the parameters."""
    folders = [path.parent for path in directory.glob(f"[0-9]*/{RESULT}") if path.parent.name.isdigit()]
    found, keys = [], dict[str, None]()
    for folder in sorted(folders, key=lambda folder: int(folder.name)):
        for run in from_folders([folder]):  # none, where its result cannot be read
            words = [text.lstrip("+").partition("=") for text in read_outcome(folder).overrides]
            said = {key: value for key, _, value in words}
            keys |= dict.fromkeys(said)
            found.append(replace(run, params={**said, **run.params}))
    return found, list(keys)


def of_factors(name: str, runs: Sequence[RunRecord], said: Sequence[str]) -> Study:
    """A study without claims: its factors are the keys, of those that were said, in which the runs differ."""
    levels = _varied(runs, said) or {"model": [runs[0].params.get("model", "run")]}
    node: dict[str, object] = {"factors": levels, "repeats": 1, "diverged": "survivors"}
    measured = {key for run in runs for key in run.series}
    curves = [f"{m.name}/{part}" for m in metrics.values() if m.drawn and (part := _part(m.name, measured))]
    chosen = next((m for m in metrics.values() if m.chooses and _part(m.name, measured)), metrics["loss"])
    final = f"final {chosen.name}/{_part(chosen.name, measured) or 'train'}"
    numbers = [key for key, found in levels.items() if len(found) > 1 and all(map(number, found))]
    node |= {
        "curves": curves,
        "measures": [final],
        "by_depth": [BY_DEPTH] if f"{BY_DEPTH}/layer_2" in measured else [],
        "across": {key: [final] for key in numbers},
        "heat_map": list(levels) if _grid(runs, levels) else [],
    }
    seeds = sorted({int(run.params.get("seed", 0)) for run in runs})
    return replace(declared(name, node), repeats=len(seeds), seeds=tuple(seeds))


def _part(metric: str, measured: set[str]) -> str:
    return next((part for part in PARTS if f"{metric}/{part}" in measured), "")


def _varied(runs: Sequence[RunRecord], said: Sequence[str]) -> dict[str, list[object]]:
    """The keys of which the runs have several values, but the seed, with these values: numbers by their size."""
    found: dict[str, list[object]] = {}
    for key in said:
        values = {spelt(run.params.get(key)): run.params.get(key) for run in runs}
        if len(values) > 1 and key != "seed":
            levels = list(values.values())
            found[key] = sorted(levels, key=lambda level: float(str(level))) if all(map(number, levels)) else levels
    return found


def _grid(runs: Sequence[RunRecord], levels: Mapping[str, Sequence[object]]) -> bool:
    """Whether the runs fill more than half of a table of two factors, as those of a search do not."""
    ran = {tuple(spelt(run.params.get(key)) for key in levels) for run in runs}
    return len(levels) == 2 and 2 * len(ran) > math.prod(map(len, levels.values()))


def _measured(study: Study, runs: Sequence[RunRecord]) -> Analysis:
    """Arms and measures alone, without the statistics of a report."""
    frame = frame_of(study, runs).drop_duplicates([*study.factors, "seed"], keep="last")
    counting = counted(study, frame)
    levels: Mapping[tuple[str, ...], str] = tuned_levels(study, counting)
    best = arms(study, study.arm_factors, frame, at_best(study, counting, levels), levels)
    return Analysis(study, frame, levels, best, [], [], [], None, [], [])
