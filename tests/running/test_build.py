"""From a config to its objects: paired randomness, what is evaluated, what is told of a network."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import plans
import pytest

from bpexp.config import plugins
from bpexp.config.plugins import load_plugins
from bpexp.errors import ConfigError
from bpexp.running.build import Experiment
from bpexp.running.streams import streams


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    load_plugins.cache_clear()


def built(*overrides: str) -> Experiment:
    return plans.built("data=digits", "tracking=none", *overrides)


def first_batch(experiment: Experiment) -> np.ndarray[Any, Any]:
    x, _ = next(iter(experiment.trainer.batches.epoch()))
    return x.copy()


@pytest.mark.parametrize("other", ["loss=mse", "optimizer=adam", "lr=0.5", "probe=off", "activation=tanh"])
def test_runs_that_differ_elsewhere_are_paired(other: str) -> None:
    one, two = built(), built(other)
    assert np.array_equal(one.trainer.network.theta, two.trainer.network.theta)
    assert np.array_equal(first_batch(one), first_batch(two))


def test_another_seed_draws_everything_anew() -> None:
    one, two = built(), built("seed=1")
    assert not np.array_equal(one.trainer.network.theta, two.trainer.network.theta)
    assert not np.array_equal(first_batch(one), first_batch(two))


def test_the_streams_of_a_seed_are_independent() -> None:
    random = streams(0)
    drawn = [getattr(random, name).random() for name in random.__dataclass_fields__]
    assert len(set(drawn)) == len(drawn)


def test_widths_come_from_the_data() -> None:
    assert list(built("model.hidden=[7,5]").trainer.network.sizes) == [64, 7, 5, 10]
    assert list(built("model.hidden=[]").trainer.network.sizes) == [64, 10]


def test_a_large_training_part_is_sampled() -> None:
    parts = built("evaluation.train_samples=100").trainer.parts
    assert 50 <= len(parts["train"]) <= 100
    assert list(parts) == ["train", "validation", "test"]
    assert list(built("data.validation=0").trainer.parts) == ["train", "test"]


def test_a_full_batch_is_the_training_part() -> None:
    assert len(built("batch_size=full").trainer.batches) == 1


def test_a_network_is_described_in_plain_values() -> None:
    spec = built("model.hidden=[7,5]", "model.activations=[tanh,{name: elu, alpha: 0.5}]").spec
    assert spec["sizes"] == [64, 7, 5, 10]
    assert spec["hidden"] == [{"name": "tanh"}, {"name": "elu", "alpha": 0.5}]
    assert spec["output"] == {"name": "softmax"}
    assert spec["data"]["name"] == "digits"


def test_a_plugin_that_does_not_load_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("mine", "no_such_module_of_mine", plugins.PLUGINS)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [broken])
    load_plugins.cache_clear()
    with pytest.raises(ConfigError, match=r"plug-in 'mine' \(no_such_module_of_mine\) does not load: ModuleNotFound"):
        load_plugins()
