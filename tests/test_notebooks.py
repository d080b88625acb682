"""The example notebooks run as they stand, and hold the outputs that a reader sees without running them."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "experiments" / "notebooks").glob("*.ipynb"))
NEEDED = ("nbclient", "nbformat", "ipykernel")
MACHINE = re.compile(r"/(?:tmp|home|root|work|dev|Users|usr|var|private)/|[A-Z]:\\\\")


def cells(path: Path) -> list[dict[str, Any]]:
    """The cells of code."""
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


def shown(cell: dict[str, Any]) -> Iterator[str]:
    """The kinds of what a cell shows: text, HTML, a picture."""
    for output in cell["outputs"]:
        assert output["output_type"] != "error", output["traceback"]
        yield from output.get("data", {"text/plain": ""})


def kinds(path: Path) -> list[list[str]]:
    return [sorted(shown(cell)) for cell in cells(path)]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all notebooks as one command leaves them."""
    for name in NEEDED:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed; pip install 'bpexp[test]'")
    out = tmp_path_factory.mktemp("executed")
    command = [sys.executable, "-m", "experiments.notebooks.execute", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_is_stored_in_it(path: Path, executed: Path) -> None:
    assert kinds(executed / path.name) == kinds(path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_read_without_running_it(path: Path) -> None:
    """It was executed from the top, a figure stands in it, and no path of the machine that executed it does."""
    text = path.read_text(encoding="utf-8")
    assert [cell["execution_count"] for cell in cells(path)] == list(range(1, len(cells(path)) + 1))
    assert any("image/png" in found for found in kinds(path))
    assert any("text/html" in found for found in kinds(path))
    assert not MACHINE.search(re.sub(r'"image/png": "[^"]*"', "", text))
    assert '"name": "stderr"' not in text
