"""The measurement of samplers and pruners in experiments/scale, in short."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.scale.search_samplers import KINDS, searched, table


def test_a_search_is_measured_and_told_in_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = [*KINDS["tpe, median"], "search.seed=1"]
    row = searched(words, tmp_path / "s", trials=2, epochs=2, data="xor")
    assert row["epochs"] == 4
    assert row["pruned"] == 0
    text = table({"tpe": [row], "tpe, median": [{**row, "seconds": row["seconds"] / 2}]})
    assert f"| tpe | {row['best']:.3f} | {row['best']:.4f} |" in text
    assert text.endswith("| 0.50 |")
