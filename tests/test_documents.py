"""What README and CONTRIBUTING name exists, and what their tables say is what the registries hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from names import resolved

import bpexp
from bpexp.config.groups import GROUPS, options
from bpexp.config.schema import scalars

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = {"README.md": README, "CONTRIBUTING.md": (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")}
NAMES = sorted({(file, name) for file, text in DOCUMENTS.items() for name in re.findall(r"\bbpexp(?:\.\w+)+", text)})
FAMILIES = ("xavier", "he", "lecun")
"""Initializers that the README lists as a family, xavier_* for xavier_normal and xavier_uniform."""


@pytest.mark.parametrize(("file", "name"), NAMES)
def test_a_dotted_name_can_be_imported(file: str, name: str) -> None:
    if name not in ("bpexp.plugins", "bpexp.db"):  # an entry-point group, a file
        resolved(name)


@pytest.mark.parametrize(
    ("file", "path"), [(f, p) for f, t in DOCUMENTS.items() for p in re.findall(r"\]\(([^)#:]+)\)", t)]
)
def test_a_linked_file_exists(file: str, path: str) -> None:
    assert (ROOT / path).exists()


def named(group: str) -> set[str]:
    """The names that the README's table lists for a group."""
    (row,) = [line for line in README.splitlines() if line.startswith("|") and f"`{group}=`" in line.split("|")[1]]
    words = set(re.findall(r"[\w*]+", row.split("|")[3].replace("and, not the gradient,", "").replace("your own", "")))
    return {word for word in words if "*" in word or word in set(options(group)) or "_" in word}


@pytest.mark.parametrize("group", [*GROUPS, "model", "pairing"])
def test_the_table_lists_every_choice(group: str) -> None:
    listed = named(group)
    missing = {name for name in options(group) if name not in listed and f"{name.split('_')[0]}_*" not in listed}
    if group == "output":
        missing -= set(GROUPS["activation"].registry)  # the row says that the activations serve as well
    assert missing == set()
    known = {*options(group), *(name for other in GROUPS for name in options(other))}  # a row may serve two groups
    assert {name for name in listed if "*" not in name} <= known


def test_every_scalar_is_named() -> None:
    rare = {"progress", "task", "sample", "run_name", "objective"}
    assert {name for name in scalars() if f"`{name}`" not in README} <= rare


def test_the_version_stands_in_one_place() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert bpexp.__version__ not in re.findall(r'^version = "(.*)"', text, re.M)
    assert 'dynamic = ["version"]' in text
