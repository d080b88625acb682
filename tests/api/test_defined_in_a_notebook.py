"""Components of a notebook's cells work at once, also when their cell is executed again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import bpexp
from bpexp.data import Raw, datasets, digest_of
from bpexp.data.dataset import Loader
from bpexp.errors import ConfigError
from bpexp.insight.probes import View, probe, probes
from bpexp.nn.activations import Activation, activations
from bpexp.training.metrics import Evaluated, metric, metrics

SMALL = ("tracking=none", "epochs=1", "model.hidden=[4]", "batch_size=10")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for registry, attribute in ((activations, "_factories"), (datasets, "_factories")):
        monkeypatch.setattr(registry, attribute, dict(getattr(registry, attribute)))
    monkeypatch.setattr(metrics, "_metrics", dict(metrics._metrics))
    monkeypatch.setattr(probes, "_probes", dict(probes._probes))


def cell(function: Any, name: str) -> Any:
    """A function as a cell of a notebook defines it."""
    function.__module__, function.__qualname__ = "__main__", name
    return function


def bent(slope: float) -> Callable[..., Activation]:
    def bent(factor: float = 1.0) -> Activation:
        """f(z) = z, or a multiple of it.

        Args:
            factor: of z.
        """
        return Activation(
            f=lambda z, out=None: slope * factor * z,
            df=lambda z, out=None: np.full_like(z, slope * factor),
        )

    return cell(bent, "bent")


def test_an_activation_is_chosen_at_once_and_a_cell_that_runs_again_replaces_it():
    digests = []
    for slope in (1.0, 0.5):
        activations.register("bent")(bent(slope))
        assert bpexp.run(*SMALL, "data=xor", "activation=bent", "activation.factor=2", check="start").outcome.ok
        digests.append(bpexp.run(*SMALL, "data=xor", activation={"name": "bent"}).outcome.theta_sha256)
    assert digests[0] != digests[1]
    swept = bpexp.sweep(*SMALL, "data=xor", activation=["bent", "relu"])
    assert swept.ok


def test_another_definition_does_not_take_the_name():
    activations.register("bent")(bent(1.0))
    with pytest.raises(ConfigError, match="'bent' is registered already"):
        activations.register("bent")(cell(lambda: None, "other"))
    with pytest.raises(ConfigError, match="'relu' is registered already"):
        activations.register("relu")(cell(lambda: None, "relu"))


def test_a_data_set_that_is_defined_anew_is_read_anew():
    for shift in (0.0, 5.0):

        def made() -> Loader:
            """Two points."""
            X, y = np.arange(40.0).reshape(20, 2) + shift, np.arange(20) % 2  # noqa: B023  it is called at once
            found = Raw(X=X, y=y, task="classification", source="made", digest=digest_of(X, y), classes=("0", "1"))
            return Loader(lambda rng: found, seeded=False)

        datasets.register("made")(cell(made, "made"))
        result = bpexp.run(*SMALL, data="made")
        digest = digest_of(np.arange(40.0).reshape(20, 2) + shift, np.arange(20) % 2)
        assert f'"{digest}"' in (result.directory / "network.json").read_text()


def test_a_metric_and_a_probe_are_measured_at_once():
    for value in (1.0, 2.0):

        def height(e: Evaluated) -> float:
            return value  # noqa: B023  it is called before the next one

        def width(view: View) -> dict[str, float]:
            return {"width/all": value}  # noqa: B023

        metric("height", better="higher")(cell(height, "height"))
        probe("width", population="nothing")(cell(width, "width"))
        result = bpexp.run(*SMALL, "data=xor", **{"probe.measures": ["width"]})
        assert result.metrics["final/height_test"] == value
        assert set(result.history["width/all"].dropna()) == {value}
        assert "height" in result.figures
