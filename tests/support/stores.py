"""MLflow's database, read directly."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def ask(store: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of MLflow's database."""
    with closing(sqlite3.connect(store)) as database:
        return database.execute(query).fetchall()
