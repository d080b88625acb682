"""The tables of the trust study.

python -m experiments.trust.report     write the tables of results.json into the README
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

Results = dict[str, Any]

BLOCK = "<!-- {}: python -m experiments.trust.report -->\n{}\n<!-- end -->"


def pairings(results: Results) -> str:
    """A row for each pairing."""
    lines = [
        "| output | loss | float32: cost | delta | float64: cost | delta | float64, `loss.shortcut=false` |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results["pairings"]:
        errors = [row[dtype][what] for dtype in ("float32", "float64") for what in ("cost", "delta")]
        through_a = "not finite" if row["through_a"] is None else f"{row['through_a']:.0e}"
        cells = [row["output"], row["loss"], *(f"{error:.0e}" for error in errors), through_a]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def autograd(results: Results) -> str:
    """A row for each dtype."""
    found = results["autograd"]
    if found is None:
        return "PyTorch was not installed."
    lines = ["| dtype | networks | saturated | cost | gradient |", "|---|---|---|---|---|"]
    for dtype in ("float32", "float64"):
        row = found[dtype]
        cells = [f"{row[what]['worst']:.1e} ({row[what]['pairing']})" for what in ("cost", "gradient")]
        lines.append(f"| {dtype} | {found['networks']} | {row['saturated']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def trajectory(results: Results) -> str:
    """A row for each activation."""
    found = results["trajectory"]
    lines = [
        f"| activation | after 1 epoch | after {found['epochs']} | largest entry of theta that has moved |",
        "|---|---|---|---|",
    ]
    for activation, row in found["activations"].items():
        lines.append(f"| {activation} | {row['worst'][0]:.1e} | {row['worst'][-1]:.1e} | {row['moved']:.2f} |")
    return "\n".join(lines)


def tables(results: Results) -> dict[str, str]:
    """Every table by the name of its place in the README."""
    return {table.__name__: table(results) for table in (pairings, autograd, trajectory)}


def inside(text: str) -> dict[str, str]:
    """The tables in the text of a README."""
    return dict(re.findall(BLOCK.format(r"(\w+)", "(.*?)"), text, re.DOTALL))


if __name__ == "__main__":
    folder = Path(__file__).parent
    content = (folder / "README.md").read_text(encoding="utf-8")
    for name, table in tables(json.loads((folder / "results.json").read_text(encoding="utf-8"))).items():
        place = re.compile(BLOCK.format(name, ".*?"), re.DOTALL)
        content = place.sub(lambda _, name=name, table=table: BLOCK.format(name, table), content)  # type: ignore[misc]
    (folder / "README.md").write_text(content, encoding="utf-8")
