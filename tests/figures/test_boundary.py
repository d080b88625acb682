"""The line between the classes of a network with two inputs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure

from bpexp.figures import boundary
from bpexp.nn.arrays import Array

SLOPE = 0.37


def lines(monkeypatch: pytest.MonkeyPatch, a: Any) -> Array:
    """The vertices of the lines that are drawn for outputs a(x) (n_L, N), where x is (2, N)."""
    monkeypatch.setattr(boundary, "extent", lambda data: np.array([[-1.0, 1.0], [-1.0, 1.0]]))
    monkeypatch.setattr(boundary, "raw", lambda data, x: x)
    monkeypatch.setattr(boundary, "outputs", lambda network, x: a(x))
    axes = Figure().subplots()
    data: Any = SimpleNamespace(classes=("a", "b"))
    network: Any = None
    boundary.draw_boundary(axes, network, data, points=False)
    paths = [path for drawn in axes.collections if isinstance(drawn, ContourSet) for path in drawn.get_paths()]
    return np.concatenate([path.vertices for path in paths]) if paths else np.empty((0, 2))


def share(x: Array) -> Array:
    """The logistic function of the distance from the line x2 = SLOPE x1."""
    return np.asarray(1 / (1 + np.exp(-3 * (x[1] - SLOPE * x[0]))))


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_the_line_lies_where_two_classes_are_level(outputs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was drawn around the points of the grid, as stairs."""

    def a(x: Array) -> Array:
        p = share(x)
        return np.stack([p] if outputs == 1 else [1 - p, p, np.zeros_like(p)][:outputs])

    found = lines(monkeypatch, a)
    assert len(found) > 50
    assert np.abs(found[:, 1] - SLOPE * found[:, 0]).max() < 1e-4


def test_a_network_that_has_diverged_or_answers_one_class_has_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(lines(monkeypatch, lambda x: np.full((2, x.shape[1]), np.nan))) == 0
    assert len(lines(monkeypatch, lambda x: np.stack([np.ones(x.shape[1]), np.zeros(x.shape[1])]))) == 0
    assert len(lines(monkeypatch, lambda x: np.full((2, x.shape[1]), 0.5))) == 0

    def half(x: Array) -> Array:
        return np.stack([1 - share(x), np.where(x[0] > 0, np.inf, share(x))])

    found = lines(monkeypatch, half)
    assert len(found)
    assert found[:, 0].max() <= 0.0
