"""Files that are written whole or not at all: what was there before stays until the new content is complete."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: str) -> None:
    """Write a text file by way of a temporary one, which is removed after a failure; raises OSError."""
    unfinished = path.with_name(f"{path.name}.new")
    try:
        unfinished.write_text(content, encoding="utf-8")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
