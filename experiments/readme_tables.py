"""The tables of a README, for figures of numbers that are written down there and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def rows(readme: Path) -> list[list[str]]:
    """The cells of every row of every table, rules left out."""
    lines = [line.strip() for line in readme.read_text(encoding="utf-8").splitlines()]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in cells if set("".join(row)) - set("-: ")]


def labelled(readme: Path, labels: Mapping[str, str]) -> dict[str, list[str]]:
    """Label -> cells of the row that begins with these words, which may end with " |"; in the order of the labels.

    Raises ValueError where no row or several rows begin so, and for two rows of one label, since the figure would then
    say something else than the page.
    """
    if len(set(labels.values())) < len(labels):
        raise ValueError(f"two rows of one label in {sorted(labels.values())}")
    found: dict[str, list[str]] = {}
    every = rows(readme)
    for words, label in labels.items():
        matching = [row for row in every if f"{row[0]} |".startswith(words)]
        if len(matching) != 1:
            raise ValueError(f"{len(matching)} rows of {readme.name} begin with {words!r}; expected one")
        found[label] = matching[0]
    return found
