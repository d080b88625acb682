"""The house rules: which way imports point, what the mathematics may not load, how configs and registries agree."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import bpexp
from bpexp.compose import GROUPS, config_folder

PACKAGE = Path(bpexp.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
PURE = ["nn", "gradients", "data", "training", "insight"]
HEAVY = ["hydra", "omegaconf", "mlflow", "matplotlib"]

MAY_IMPORT = {
    "nn": set(),
    "data": set(),
    "gradients": {"nn"},
    "training": {"nn", "gradients", "data"},
    "insight": {"nn", "gradients", "data", "training"},
    "tracking": {"nn", "gradients", "data", "training", "insight"},
    "study": {"nn", "gradients", "data", "training", "insight", "tracking", "result", "config"},
}
"""nn <- gradients <- training <- insight <- tracking <- study, and data beside nn; a study reads results of runs."""

EVERYONE = {"errors", "registry"}
"""Modules of the top level that the arrows do not concern."""


def dotted(path: Path) -> str:
    """The module name of a file."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """The full names that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def house(*folders: str) -> list[Path]:
    """The modules of some sub-packages."""
    return [path for path in MODULES if path.relative_to(PACKAGE).parts[0] in folders]


@pytest.mark.parametrize("folder", PURE)
def test_the_mathematics_loads_no_machinery(folder):
    modules = [dotted(path) for path in house(folder)]
    assert modules
    code = f"import sys\nfor m in {modules!r}: __import__(m)\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", house(*MAY_IMPORT), ids=dotted)
def test_arrows_point_one_way(path):
    own = path.relative_to(PACKAGE).parts[0]
    ours = [name.split(".") for name in imports(path) if name.split(".")[0] == "bpexp"]
    used = {parts[1] for parts in ours if len(parts) > 1}
    assert used <= MAY_IMPORT[own] | EVERYONE | {own}


@pytest.mark.parametrize("path", house(*PURE), ids=dotted)
def test_the_mathematics_names_no_machinery(path):
    assert not {name.split(".")[0] for name in imports(path)} & set(HEAVY)


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_modules_are_short_and_open_with_a_line_of_prose(path):
    text = path.read_text(encoding="utf-8")
    assert text.isascii()
    assert len(text.splitlines()) < 250
    assert not text or ast.get_docstring(ast.parse(text))
    assert path.name != "types.py"


@pytest.mark.parametrize("group", GROUPS)
def test_every_component_has_a_config_and_every_config_a_component(group):
    assert {path.stem for path in (config_folder() / group).glob("*.yaml")} == set(GROUPS[group])


@pytest.mark.parametrize("group", GROUPS)
def test_a_config_names_its_component(group):
    for path in (config_folder() / group).glob("*.yaml"):
        node = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert node["name"] == path.stem, path
