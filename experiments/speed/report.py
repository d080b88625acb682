"""Writes the tables and figures of this folder anew from its raw seconds: `python -m experiments.speed.report`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.speed import overhead, scaling_report, step_report, whole

HERE = Path(__file__).resolve().parent

BLOCKS: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "step": ("results.json", step_report.overview),
    "scaling": ("scaling.json", scaling_report.block),
    "whole": ("whole.json", whole.table),
    "overhead": ("overhead.json", overhead.table),
}
"""By the name of a block of README.md, the file of raw seconds and what makes its table."""

FIGURES: dict[str, tuple[str, Callable[[dict[str, Any], Path], None]]] = {
    "speed.png": ("results.json", step_report.figure),
    "scaling.png": ("scaling.json", scaling_report.figure),
}


def read(file: Path) -> dict[str, Any]:
    """Raw seconds and what they belong to."""
    results: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return results


def measured(results: dict[str, Any]) -> str:
    """When, of which version, on what and how the raw seconds were measured."""
    machine = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    clock = "processor time" if results.get("processor_time") else "by the clock"
    pinned = "one core" if machine["pinned"] else "not pinned to a core"
    rounds = results.get("rounds") or results["cases"][0]["rounds"]
    return (
        f"Measured on {machine['date']}, commit {machine['commit']}: {rounds} rounds, {clock}, {pinned}, "
        f"load {machine['load_before']} before; {machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}, {versions}.\n"
    )


def filled(page: str, folder: Path) -> str:
    """The page with a block for each file of raw seconds in `folder`; raises ValueError where it has no place."""
    for name, (file, make) in BLOCKS.items():
        if not (folder / file).exists():
            continue
        results = read(folder / file)
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"the page has no place for {name}, or several")
        head, _, rest = page.partition(begin)
        page = f"{head}{begin}\n{measured(results)}\n{make(results)}{end}{rest.partition(end)[2]}"
    return page


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()  # --help writes nothing
    readme = HERE / "README.md"
    readme.write_text(filled(readme.read_text(encoding="utf-8"), HERE), encoding="utf-8")
    (HERE / "table.md").write_text(step_report.table(read(HERE / "results.json")), encoding="utf-8")
    for name, (file, draw) in FIGURES.items():
        if (HERE / file).exists():
            draw(read(HERE / file), HERE / name)


if __name__ == "__main__":
    main()
