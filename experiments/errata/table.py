"""The table of the errata, generated from the code into the README.

python -m experiments.errata.table             print it
python -m experiments.errata.table --write     write it into the README
"""

from __future__ import annotations

import sys
from pathlib import Path

from bpexp.papers import FORMULAS

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- table: python -m experiments.errata.table --write -->", "<!-- end of table -->"


def table() -> str:
    """One row a formula, in Markdown; the ids of whole passes, which can train a network, are in bold."""
    rows = ["| id | place | printed | correctness | right |", "|---|---|---|---|---|"]
    for name, formula in FORMULAS.items():
        mark = f"**{name}**" if formula.is_whole_pass else name
        printed = formula.printed.replace("|", "\\|")
        rows.append(f"| {mark} | {formula.section} | `{printed}` | {formula.correctness} | {formula.right} |")
    return "\n".join(rows)


def inside(text: str) -> str:
    """The table in the text of a README."""
    return text.split(BEGIN)[1].split(END)[0].strip()


def write(path: Path = README) -> None:
    """Replace the table in a README."""
    text = path.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    else:
        print(table())
