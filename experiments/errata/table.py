"""The table of the errata, written from the code into the README.

python -m experiments.errata.table             print it
python -m experiments.errata.table --write     put it into the README
"""

from __future__ import annotations

import sys
from pathlib import Path

from bpexp.papers.as_printed import FORMULAS

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- table: python -m experiments.errata.table --write -->", "<!-- end of table -->"


def table() -> str:
    """A row a formula; those with which a network can be trained are in bold."""
    rows = ["| id | place | printed | verdict | right |", "|---|---|---|---|---|"]
    for name, formula in FORMULAS.items():
        mark = f"**{name}**" if formula.whole else name
        printed = formula.printed.replace("|", "\\|")
        rows.append(f"| {mark} | {formula.section} | `{printed}` | {formula.correctness} | {formula.right} |")
    return "\n".join(rows)


def inside(text: str) -> str:
    """The table that a README holds."""
    return text.split(BEGIN)[1].split(END)[0].strip()


def write(path: Path = README) -> None:
    """Replace the table of a README."""
    text = path.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    else:
        print(table())
