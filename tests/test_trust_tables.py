"""Tables of scikit-learn in the styles that pandas writes: read alike, and trained as well as scikit-learn does."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from bpexp.data import datasets, prepare

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments.trust.tables import STYLES, TABLES, TEST, compare, frame_of, one_network


@pytest.mark.parametrize("name", TABLES)
def test_five_styles_are_one_table(tmp_path, name):
    frame = frame_of(name)
    found = []
    for i, write in enumerate(STYLES.values()):
        write(frame, tmp_path / f"{i}.csv")
        found.append(datasets.build("csv", path=str(tmp_path / f"{i}.csv"))(np.random.default_rng(0)))
    assert len({(raw.digest, raw.classes, raw.task) for raw in found}) == 1
    np.testing.assert_array_equal(found[0].X, frame.drop(columns="target"))
    data = prepare(found[0], name=name, rng=np.random.default_rng(0), test=TEST)
    assert any("inputs standardized" in note for note in data.notes)


def test_five_styles_give_one_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(one_network(tmp_path, "wine", epochs=1)) == 1


@pytest.mark.parametrize(("name", "least"), [("wine", 0.9), ("diabetes", 0.35)])
def test_a_table_trains_as_well_as_by_scikit_learn(tmp_path, monkeypatch, name, least):
    """N9: wine ended at 38.9 % where it was not standardized. In full: experiments/trust."""
    monkeypatch.chdir(tmp_path)
    ours, theirs = compare(tmp_path, name, range(2), epochs=30)
    assert ours.min() > least
    assert abs(ours.mean() - theirs.mean()) < 0.06
