"""Every preset of conf/ is trained by compiled steps as by NumPy, to rounding."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba", reason="engine=numba needs numba, of the extra `fast`")

from bpexp.config.schema import Config
from bpexp.errors import ConfigError
from bpexp.running.build import build
from bpexp.training.compiled.loop import Loop
from bpexp.training.trainer import train
from tests.support.plans import planned
from tests.support.studies import ROOT, STUDIES, declared, swept

MODELS = sorted((ROOT / "conf" / "model").glob("*.yaml"))

TINY = {"dtype": "float64", "epochs": "2", "data.limit": "60", "tracking": "none", "progress": "false"}


def data_of(content: dict[str, Any]) -> str:
    """The data set that a preset chooses, or else the model that it chooses."""
    nodes = [node for node in content.get("defaults", []) if isinstance(node, dict)]
    chosen = {key.partition("@")[0].rpartition("/")[2]: str(value) for node in nodes for key, value in node.items()}
    if "data" not in chosen and "model" in chosen:
        return data_of(declared(ROOT / "conf" / "model" / f"{chosen['model']}.yaml"))
    return chosen.get("data", "mnist_5k")


def configs_of(path: Path) -> list[Config]:
    """What a preset declares, of a study the first levels; small images in place of MNIST's."""
    content = declared(path)
    data = {"data": "digits"} if data_of(content).startswith("mnist") else {}
    levels = {key: level for key, level in swept(content).items() if key != "seed"}
    words = {path.parent.name: path.stem, **data, **levels, **TINY}
    return [job.config for job in planned(*(f"{key}={value}" for key, value in words.items()), multirun=True).jobs]


@pytest.mark.parametrize("path", [*MODELS, *STUDIES], ids=lambda path: f"{path.parent.name}={path.stem}")
def test_every_preset(path: Path) -> None:
    for config in configs_of(path):
        numpy, compiled = build(config).trainer, dataclasses.replace(config, engine="numba")
        if config.gradient["name"] != "backprop":
            with pytest.raises(ConfigError, match="engine=numba has no compiled form of gradient method"):
                build(compiled)
            continue
        steps = build(compiled).compiled
        assert steps is not None
        ends = train(numpy, []), Loop(steps, []).train()
        assert [(end.status, end.reason, end.step) for end in ends[:1]] == [
            (e.status, e.reason, e.step) for e in ends[1:]
        ]
        theta = numpy.network.theta
        np.testing.assert_allclose(steps.trainer.network.theta, theta, rtol=0, atol=1e-9 * float(np.abs(theta).max()))
