"""The declared studies, cut down to what a test can run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted((ROOT / "conf" / "experiment").glob("*.yaml"))


def declared(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def swept(content: dict[str, Any]) -> dict[str, str]:
    """What a study varies, cut down to one level a key, two of the first; a design also gets two seeds."""
    levels = content.get("hydra", {}).get("sweeper", {}).get("params", {})
    if design := content.get("study"):
        levels = {key: ",".join(str(level) for level in given) for key, given in design["factors"].items()}
    small = {
        key: ",".join(choices(key, given)[: 1 if place else 2]) for place, (key, given) in enumerate(levels.items())
    }
    return {**small, "seed": "0,1"} if design else small


def choices(key: str, values: Any) -> list[str]:
    """The values of one key of a grid, as Hydra takes them apart."""
    override = OverridesParser.create().parse_override(f"{key}={values}")
    return list(override.sweep_string_iterator()) if override.is_sweep_override() else [str(values)]
