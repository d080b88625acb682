"""Makes `experiments.reliability.deaths` a plug-in of bpexp, without an installation."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def plug_in(folder: Path) -> str:
    """Make a folder that names the plug-in in the entry-point group; returns the path for PYTHONPATH."""
    info = folder / "bpexp_deaths-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bpexp-deaths\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[bpexp.plugins]\ndeaths = experiments.reliability.deaths\n", encoding="utf-8"
    )
    return os.pathsep.join([str(folder), str(ROOT)])
