"""Every declared study has its folder and README, and runs in a tiny form from the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from bpexp.cli.main import main
from bpexp.records.outcome import read_outcome
from tests.support.studies import ROOT, STUDIES, declared, swept

FOLDERS = sorted(path for path in (ROOT / "experiments").iterdir() if path.is_dir() and not path.name.startswith("_"))

TINY = {
    "epochs": "1",
    "batch_size": "10",
    "data.limit": "60",
    "tracking": "none",
    "progress": "false",
    "hydra.run.dir": "run",
    "hydra.sweep.dir": "sweep",
}
"""What makes any study small; it wins over what the study sweeps."""


def names(paths: list[Path]) -> list[str]:
    return [path.stem for path in paths]


def data_choice(content: dict[str, Any]) -> dict[str, str]:
    """The bundled images, where a study wants all of MNIST and this machine has not been told where it lies."""
    chosen = [group["override /data"] for group in content.get("defaults", []) if "override /data" in group]
    return {"data": "mnist_5k"} if chosen == ["mnist"] and not os.environ.get("BPEXP_DATA") else {}


@pytest.mark.parametrize("path", STUDIES, ids=names(STUDIES))
def test_study_is_packaged_for_a_reader(path: Path) -> None:
    """The first line makes it global, and its README holds the command."""
    assert path.read_text(encoding="utf-8").startswith("# @package _global_\n")
    readme = ROOT / "experiments" / path.stem / "README.md"
    assert f"python -m bpexp experiment={path.stem}" in readme.read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", FOLDERS, ids=names(FOLDERS))
def test_folder_has_a_readme_whose_pictures_are_there(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    for piece in text.split("](")[1:]:
        target = piece.split(")")[0]
        if "://" not in target:
            assert (folder / target.split("#")[0]).exists(), target


@pytest.mark.parametrize("path", STUDIES, ids=names(STUDIES))
def test_study_runs_in_a_tiny_form(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each job comes to a result."""
    content = declared(path)
    overrides = {"experiment": path.stem, **data_choice(content), **swept(content), **TINY}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bpexp", *(f"{key}={value}" for key, value in overrides.items())])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    results = [read_outcome(found.parent) for found in tmp_path.glob("**/result.json")]
    assert results
    assert all(outcome.ok for outcome in results), [outcome.reason for outcome in results if not outcome.ok]
