"""The tables of the errata and the sentence that counts them, generated from the code.

python -m experiments.errata.table             print them
python -m experiments.errata.table --write     write them into the README of this folder
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bpexp.papers.errata import FORMULAS, PRINTED, READINGS
from bpexp.papers.formula import RIGHT, Formula

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- table: python -m experiments.errata.table --write -->", "<!-- end of table -->"
NOTATION = ("notation slip", "omission")
"""The labels of lines that change no formula and are not counted among them."""


def code(text: str) -> str:
    """A code span for a cell of a table."""
    return "`" + text.replace("|", "\\|") + "`"


def mark(formula: Formula) -> str:
    """The id, in bold for a whole pass."""
    return f"**{formula.id}**" if formula.is_whole_pass else formula.id


def right(formula: Formula) -> str:
    """What is right, and the entries of the same paper that print it."""
    if not formula.elsewhere:
        return formula.right
    return f"{formula.right}. The paper has it right in {', '.join(formula.elsewhere)}"


def rows(names: Iterable[str]) -> list[str]:
    """One row an entry: id and section, the line in plain letters and as extracted, the label, what is right."""
    lines = ["| id, section | line | label | what is right, or when |", "|---|---|---|---|"]
    for formula in (FORMULAS[name] for name in names):
        line = code(formula.printed) + (f"<br>text: {code(formula.quote)}" if formula.quote else "")
        lines.append(f"| {mark(formula)}<br>{formula.section} | {line} | {formula.correctness} | {right(formula)} |")
    return lines


def counts() -> Counter[str]:
    """How many printed lines have each label."""
    return Counter(FORMULAS[name].correctness for name in PRINTED)


def summary() -> str:
    """The count, as both READMEs print it; notation and readings are not in it."""
    found = counts()
    formulas = sum(number for label, number in found.items() if label not in NOTATION)
    good = sum(found[label] for label in RIGHT)
    return (
        f"of {formulas} printed formulas {good} are right ({found['right in its own terms']} by a convention of their "
        f"own), {found['silently wrong']} run and give another result, {found['shape error']} do not fit their own "
        f"arrays, {found['contradicts its own cost']} with another constant than its own cost, {found['ill-formed']} "
        "ill-formed"
    )


def table() -> str:
    """The four tables, in Markdown."""
    good = [name for name in PRINTED if FORMULAS[name].correctness in RIGHT]
    notation = [name for name in PRINTED if FORMULAS[name].correctness in NOTATION]
    wrong = [name for name in PRINTED if name not in good and name not in notation]
    parts = {
        "Formulas with something to correct": wrong,
        "Formulas that are right": good,
        "Slips of notation, not counted": notation,
        "Readings that a reader may try, printed by no paper and not counted": READINGS,
    }
    return "\n\n".join("\n".join([f"### {title}", "", *rows(names)]) for title, names in parts.items())


def inside(text: str) -> str:
    """The tables in the text of a README."""
    return text.split(BEGIN)[1].split(END)[0].strip()


def write(path: Path = README) -> None:
    """Replace the tables in a README."""
    text = path.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    else:
        print(f"{summary()}\n\n{table()}")
