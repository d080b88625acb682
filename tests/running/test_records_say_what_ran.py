"""What a run records is what its objects hold, for every option, preset and study; overruling is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from command_line import IN_MEMORY, own_files, refused
from hydra.core.override_parser.overrides_parser import OverridesParser
from plans import planned

from bpexp.config.groups import GROUPS, config_folder, options
from bpexp.config.spelling import spelled
from bpexp.data import cache
from bpexp.data.memory import holding
from bpexp.errors import ConfigError
from bpexp.nn.network import Network
from bpexp.registry import Registry
from bpexp.running import loading
from bpexp.running.build import Experiment, build
from bpexp.running.job import Job
from bpexp.study.design import spelt

Made = dict[str, list[tuple[str, dict[str, Any]]]]
"""The components that the registries made: by kind, name and parameters."""

PARTNERS = {
    "output": {"softmax": [], "sigmoid": ["loss=binary_cross_entropy"]},
    "loss": {"cross_entropy": [], "binary_cross_entropy": ["output=sigmoid"]},
    "gradient": {"complex_step": ["activation=tanh", "dtype=float64"]},
}
OTHERS = {"output": ["loss=mse"], "loss": ["output=identity"]}
SMALL = {"gradient": ["data=xor", "model.hidden=[3]"], "data": ["batch_size=8"], "model": []}
REGRESSIONS = ("chain", "linear")

RUNS = [group for group in (*GROUPS, "model", "pairing") if group not in ("launcher", "search")]
"""The groups of a run; a launcher and a search belong to a sweep."""

CHOICES = [(group, option) for group in RUNS for option in options(group)]
OTHER_SETTINGS = [
    "model.hidden=[5,4,3]",
    "model=deep_relu model.depth=3 model.width=7",
    "model.activations=[tanh,{name:leaky_relu,slope:0.2}]",
    "model.hidden=[]",
    "batch_size=full",
    "batch_size=7 lr=0.3 epochs=3 seed=4 dtype=float64",
    "loss=mse loss.factor=0.5 loss.batch=sum output=sigmoid",
    "init=normal init.std=0.3 init.biases=drawn",
    "optimizer=momentum schedule=cosine penalty.l2=0.01 clip.norm=1.0",
    "evaluation.every=2 callbacks.early_stopping.patience=3",
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Made:
    """Every component that a registry makes, by the kind of the registry: name and parameters."""
    made: Made = {}
    original = Registry.build

    def spy(self: Registry[Any], name: str, **params: Any) -> Any:
        made.setdefault(self.kind, []).append((name, params))
        return original(self, name, **params)

    cache.load_raw.cache_clear() if hasattr(cache.load_raw, "cache_clear") else None
    loading._prepared.cache_clear()
    monkeypatch.setattr(Registry, "build", spy)
    return made


def recorded(params: dict[str, Any], key: str) -> dict[str, Any]:
    """The parameters of one group in a record, without its name."""
    return {name.partition(".")[2]: value for name, value in params.items() if name.startswith(f"{key}.")}


def compare(job: Job, made: Made) -> None:
    """Fail unless the record of a job is what its objects hold."""
    made.clear()
    experiment = build(job.config)
    params = job.params
    for name, group in GROUPS.items():
        if name in ("data", "launcher", "search") or (name == "activation" and "activation" not in params):
            continue
        found = made[group.registry.kind]
        if (name, params[name]) == ("probe", "off"):  # its parameters have no effect
            assert recorded(params, name) == {}
            continue
        if name == "activation":  # the function of the schema's default is made as well, and not used
            assert (params[name], without_null(recorded(params, name), group)) in [
                (n, without_null(p, group)) for n, p in found
            ]
            continue
        assert found[-1][0] == params[name], name
        assert without_null(found[-1][1], group) == without_null(recorded(params, name), group), name
    hold_objects(experiment, params)


def without_null(given: dict[str, Any], group: Any) -> dict[str, Any]:
    return {key: value for key, value in given.items() if value is not None and key not in group.shared}


def hold_objects(experiment: Experiment, params: dict[str, Any]) -> None:
    trainer = experiment.trainer
    network: Network = trainer.network
    assert network.theta.size > 0
    assert list(network.sizes[1:-1]) == params["model.hidden"]
    assert params.get("model.depth", len(network.hidden)) == len(network.hidden)
    assert all(params.get("model.width", n) == n for n in network.sizes[1:-1])
    assert network.dtype == params["dtype"]
    assert trainer.head.name == f"{params['output']}+{params['loss']}"
    assert trainer.head.batch == params["loss.batch"]
    if "pairing" in params:
        assert (params["pairing.output"], params["pairing.loss"]) == (params["output"], params["loss"])
    assert (trainer.lr, trainer.epochs) == (params["lr"], params["epochs"])
    samples, batch = len(experiment.data.train), params["batch_size"]
    assert len(trainer.batches) == -(-samples // (samples if batch == "full" else batch))
    assert experiment.data.name == params["data"]
    assert (trainer.penalty.l2, trainer.penalty.l1) == (params["penalty.l2"], params["penalty.l1"])
    assert trainer.evaluate_every == params["evaluation.every"]
    data = experiment.data
    kept = {name for name, part in (("validation", data.validation), ("test", data.test)) if part}
    official = data.test is not None and data.test.X is not data.train.X
    assert ("data.test" in params) is not official
    assert {name for name in ("validation", "test") if params.get(f"data.{name}", official) > 0} == kept
    names = [node["name"] for node in experiment.spec["hidden"]]
    assert set(names) <= {params.get("activation"), *map(named, params.get("model.activations", []))}


def named(node: Any) -> Any:
    return node["name"] if isinstance(node, dict) else node


def small(group: str, option: str) -> list[str]:
    partners = PARTNERS.get(group, {}).get(option, OTHERS.get(group, []))
    return [*partners, *([] if option in REGRESSIONS else SMALL.get(group, ["data=digits"]))]


@pytest.mark.parametrize(("group", "option"), CHOICES, ids=[f"{group}={option}" for group, option in CHOICES])
def test_every_option_is_recorded_as_it_is_built(
    group: str, option: str, built: Made, request: pytest.FixtureRequest
) -> None:
    extra = own_files(option) if group == "data" else []
    if (group, option) == ("data", "polynomial"):
        extra = ["loss=mse", "output=identity"]
    if (group, option) == ("data", "mnist"):
        extra = [f"data.root={request.getfixturevalue('mnist_root')}"]
    with holding(IN_MEMORY):
        (job,) = planned(f"{group}={option}", *small(group, option), *extra).jobs
        assert job.params[group] == option
        compare(job, built)
    assert list(Path.cwd().glob("*.db")) == []


@pytest.mark.parametrize("line", OTHER_SETTINGS)
def test_other_settings_are_recorded_as_they_are_built(line: str, built: Made) -> None:
    (job,) = planned(*line.split(), "data=digits" if "model=" not in line else "data=xor").jobs
    compare(job, built)


@pytest.mark.parametrize("name", options("experiment"))
def test_every_study_is_recorded_as_it_is_built(name: str, built: Made) -> None:
    """The job with the first level of every factor and that with the last, on small data."""
    content = yaml.safe_load((config_folder() / "experiment" / f"{name}.yaml").read_text(encoding="utf-8"))
    data = ["data=digits"] if {"override /data": "mnist"} in content.get("defaults", []) else []
    swept = content.get("hydra", {}).get("sweeper", {}).get("params", {})
    factors = {key: ",".join(map(spelled, given)) for key, given in content.get("study", {}).get("factors", {}).items()}
    for place in (0, -1):
        levels = [f"{key}={choices(key, given)[place]}" for key, given in {**swept, **factors, "seed": "1"}.items()]
        (job,) = planned(f"experiment={name}", *data, *levels, multirun=True).jobs
        compare(job, built)
        for factor in factors:
            said = next(text.partition("=")[2] for text in job.overrides if text.startswith(f"{factor}="))
            assert spelt(job.params[factor]) == spelt(said.strip("'\""))


def choices(key: str, values: Any) -> list[str]:
    """The values of one key of a grid, as Hydra takes them apart."""
    override = OverridesParser.create().parse_override(f"{key}={values}")
    return list(override.sweep_string_iterator()) if override.is_sweep_override() else [str(values)]


OVERRULED = [
    (
        "loss=mse pairing=softmax_cross_entropy",
        "pairing=softmax_cross_entropy chooses loss=cross_entropy, but loss=mse",
    ),
    ("output=sigmoid pairing=softmax_mse", "pairing=softmax_mse chooses output=softmax, but output=sigmoid"),
    ("-m pairing=softmax_mse,sigmoid_mse loss=mae", "chooses loss=mse, but loss=mae overrules it"),
    ("pairing.output=tanh", "pairing.output belongs to a pairing"),
    ("pairing=softmax_mse pairing.name=other", "pairing.name is the name of an option"),
    ("model.name=mnist_tanh", "model.name is the name of an option; choose one with model=NAME"),
    ("model=linear model.width=64", "model.width=64 has no effect where there is no hidden layer"),
    (
        "model.hidden=[3,4] model.width=64",
        "model.width=64 has no effect where the widths of model.hidden=[3, 4] differ",
    ),
    ("model.hidden=[3,3] model.width=64", "model.hidden=[3, 3] and model.width=64 contradict each other"),
    ("activation=tanh model.activations=[relu,relu]", "activation=tanh has no effect: model.activations="),
    ("callbacks.early_stopping.metric=loss/train", "has no effect without callbacks.early_stopping.patience"),
    ("probe=off probe.histograms=true", "probe.histograms=true has no effect with probe=off"),
    ("sample=3", "sample=3 has no effect without task=trace"),
]


def test_a_fraction_beside_an_official_test_set_is_refused(tmp_path: Path) -> None:
    X, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    np.savez(tmp_path / "d.npz", X=X, y=y, U=X, v=y)
    words = ("data=npz", f"data.path={tmp_path / 'd.npz'}", "data.x_test=U", "data.y_test=v", "batch_size=4")
    with pytest.raises(ConfigError, match=r"data\.test=0\.3 has no effect: .* has an official test set"):
        planned(*words, "data.test=0.3")
    (job,) = planned(*words).jobs
    assert job.config.data["test"] is None
    assert "data.test" not in job.params


def test_the_fraction_that_null_stands_for_is_recorded() -> None:
    (job,) = planned("data=digits").jobs
    assert (job.config.data["test"], job.params["data.test"]) == (0.2, 0.2)


@pytest.mark.parametrize(("line", "told"), OVERRULED)
def test_an_override_that_is_overruled_is_refused(
    line: str, told: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert told in refused(line.split(), monkeypatch, capfd)
