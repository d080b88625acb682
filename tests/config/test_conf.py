"""Every option of every config group composes, and builds with a partner that fits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from command_line import own_files
from hydra._internal.utils import get_args_parser

from bpexp.config import composition as compose
from bpexp.config.composition import GROUPS, compose_job, composed, config_folder
from bpexp.config.schema import Config
from bpexp.running.build import build

OWN = ("model", "probe", "check", "tracking")
"""Groups whose options are files and no names of a registry."""

PARTNERS = {
    "output": {"softmax": [], "sigmoid": ["loss=binary_cross_entropy"]},
    "loss": {"cross_entropy": [], "binary_cross_entropy": ["output=sigmoid"]},
    "data": {"polynomial": ["loss=mse", "output=identity"]},
    "model": {"chain": ["data=polynomial"], "linear": ["data=polynomial"]},
    "gradient": {"complex_step": ["activation=tanh", "dtype=float64"]},
}
"""What an option needs beside it, where that is not what the others of its group need."""

OTHERS = {"output": ["loss=mse"], "loss": ["output=identity"]}

SMALL = {
    "data": ["batch_size=8"],
    "model": ["data=digits"],
    "gradient": ["data=xor", "model.hidden=[3]"],
}


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (config_folder() / group).glob("*.yaml"))


ALL = [(group, option) for group in (*GROUPS, *OWN) for option in options(group)]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def declared(*overrides: str) -> Config:
    with composed(get_args_parser().parse_args([*overrides])) as plan:
        return compose_job(plan, plan.jobs[0])


@pytest.mark.parametrize(("group", "option"), ALL, ids=[f"{group}={option}" for group, option in ALL])
def test_every_option_builds(group: str, option: str, request: pytest.FixtureRequest) -> None:
    if (group, option) == ("activation", "softmax"):
        pytest.skip("softmax is an output; tests/test_bad_input.py sees it refused")
    partners = PARTNERS.get(group, {}).get(option, OTHERS.get(group, []))
    small = [o for o in SMALL.get(group, ["data=digits"]) if o.split("=")[0] not in {p.split("=")[0] for p in partners}]
    if group == "data":
        small += own_files(option)
    if (group, option) == ("data", "mnist"):
        small.append(f"data.root={request.getfixturevalue('mnist_root')}")
    config = declared(f"{group}={option}", *partners, *small)
    node = getattr(config, group)
    assert (node["name"] if isinstance(node, dict) else node.name) == option
    experiment = build(config)
    assert experiment.trainer.network.theta.size > 0
    assert list(Path.cwd().glob("*.db")) == []


def test_every_group_has_a_folder() -> None:
    folders = {path.name for path in config_folder().iterdir() if path.is_dir()}
    assert {*GROUPS, *OWN, "experiment", "hydra"} <= folders


@pytest.mark.parametrize("group", GROUPS)
def test_every_name_of_a_registry_has_a_file(group: str) -> None:
    assert set(options(group)) == set(GROUPS[group])


def test_defaults_are_shown() -> None:
    call = [sys.executable, "-m", "bpexp", "--cfg", "job"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=60, env=dict(os.environ))
    assert (done.returncode, done.stderr) == (0, "")
    shown = yaml.safe_load(done.stdout)
    assert (shown["lr"], shown["batch_size"], shown["epochs"], shown["seed"]) == (0.1, 32, 10, 0)
    assert (shown["model"]["name"], shown["model"]["hidden"]) == ("mnist_relu", [32, 32])
    assert shown["loss"]["name"] == "cross_entropy"
    assert list(Path.cwd().iterdir()) == []


def test_a_preset_brings_its_partners_and_the_command_line_wins() -> None:
    assert declared("model=mnist_sigmoid").loss["name"] == "mse"
    assert declared("model=mnist_sigmoid", "loss=mae").loss["name"] == "mae"
    assert declared("loss=mae", "model=mnist_sigmoid").loss["name"] == "mae"


def test_parameters_of_a_group_need_no_plus() -> None:
    config = declared("callbacks.early_stopping.metric=loss/train", "data.limit=50", "optimizer.weight_decay=0.1")
    assert config.callbacks["early_stopping"] == {"patience": None, "metric": "loss/train"}
    assert (config.data["limit"], config.optimizer["weight_decay"]) == (50, 0.1)


def test_a_component_without_a_file_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = GROUPS["loss"]
    monkeypatch.setitem(losses._factories, "of_a_plugin", losses["mse"])
    assert declared("loss=of_a_plugin", "output=sigmoid").loss == {"name": "of_a_plugin"}


@pytest.mark.parametrize("inside", [True, False], ids=["wheel", "checkout"])
def test_the_configs_are_found(inside: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site/bpexp"
    package.mkdir(parents=True)
    shutil.copy(str(compose.__file__), package)
    folder = package / "conf" if inside else package.parent / "conf"
    folder.mkdir()
    monkeypatch.setattr(compose, "__file__", str(package / "config/composition.py"))
    assert config_folder() == folder.resolve()
