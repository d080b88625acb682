"""The folder of configs: every file says what its factory declares."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from plans import planned

from bpexp.config import groups
from bpexp.config.groups import GROUPS, config_folder
from bpexp.config.option_files import option_files, write
from bpexp.config.schema import Config, scalars
from bpexp.registry import declared_parameters


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def declared(*overrides: str) -> Config:
    return planned(*overrides).config


FILES = list(option_files(config_folder()))


@pytest.mark.parametrize(("path", "text"), FILES, ids=[f"{path.parent.name}={path.stem}" for path, _ in FILES])
def test_a_file_says_what_its_factory_declares(path: Path, text: str) -> None:
    assert path.is_file(), f"{path.name} is missing; write it with: python -m bpexp.config.option_files"
    told = f"{path} is out of date; write it with: python -m bpexp.config.option_files"
    assert path.read_text(encoding="utf-8") == text, told


def test_every_file_of_a_group_has_a_factory() -> None:
    wanted = {path for path, _ in option_files(config_folder())}
    found = {path for group in GROUPS for path in (config_folder() / group).glob("*.yaml")}
    assert found == wanted


def test_the_files_are_written_whole(tmp_path: Path) -> None:
    written = write(tmp_path)
    assert {path.parent.name for path in written} == set(GROUPS)
    assert write(tmp_path) == []
    (tmp_path / "loss/mse.yaml").write_text("name: mse\n", encoding="utf-8")
    assert [path.name for path in write(tmp_path)] == ["mse.yaml"]


@pytest.mark.parametrize(("group", "option"), [(g, o) for g in GROUPS for o in GROUPS[g].registry])
def test_every_parameter_has_a_type_and_a_meaning(group: str, option: str) -> None:
    for name, parameter in GROUPS[group].parameters(option).items():
        assert parameter.meaning, f"{group}={option} does not say what {name} means; add it to Args: of its docstring"
        assert parameter.hint is not None


def test_the_root_config_shows_every_scalar_with_its_default_and_meaning() -> None:
    lines = (config_folder() / "config.yaml").read_text(encoding="utf-8").splitlines()
    content = yaml.safe_load("\n".join(lines))
    for name, parameter in scalars().items():
        assert content[name] == parameter.default, name
        assert lines[lines.index(next(line for line in lines if line.startswith(f"{name}:"))) - 1] == (
            f"# {parameter.meaning.rstrip('.')}"
        )


def test_every_key_of_the_schema_has_a_meaning() -> None:
    for section in ("model", "penalty", "clip", "evaluation", "doctor", "explore"):
        for name, parameter in declared_parameters(declared_parameters(Config)[section].hint).items():
            assert parameter.meaning, f"{section}.{name}"
    assert all(parameter.meaning for parameter in declared_parameters(Config).values())


def test_defaults_are_shown() -> None:
    call = [sys.executable, "-m", "bpexp", "--cfg", "job"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=60, env=dict(os.environ))
    assert (done.returncode, done.stderr) == (0, "")
    shown = yaml.safe_load(done.stdout)
    assert (shown["lr"], shown["batch_size"], shown["epochs"], shown["seed"]) == (0.1, 32, 10, 0)
    assert (shown["model"]["name"], shown["model"]["hidden"]) == ("mnist_relu", [32, 32])
    assert shown["loss"]["name"] == "cross_entropy"
    assert shown["output"] == {"name": "softmax"}
    assert list(Path.cwd().iterdir()) == []


def test_a_question_may_stand_between_overrides() -> None:
    call = [sys.executable, "-m", "bpexp", "lr=0.3", "--cfg", "job", "data=csv", "seed=7"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=300, env=dict(os.environ))
    assert (done.returncode, done.stderr) == (0, "")
    shown = yaml.safe_load(done.stdout)
    assert (shown["lr"], shown["seed"], shown["data"]["name"]) == (0.3, 7, "csv")


def test_a_question_about_a_folder_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/config.yaml").write_text("lr: 0.7\n", encoding="utf-8")
    call = [sys.executable, "-m", "bpexp", "--config-path", "mine", "--cfg", "job"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=300, env=dict(os.environ), cwd=tmp_path)
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", "lr: 0.7")


def test_no_file_repeats_one_of_another_group() -> None:
    texts = [path.read_text(encoding="utf-8") for group in ("activation", "output") for path in _files(group)]
    assert len(set(texts)) == len(texts)
    assert [path.stem for path in _files("output")] == ["softmax"]


def _files(group: str) -> list[Path]:
    return sorted((config_folder() / group).glob("*.yaml"))


def test_a_preset_brings_its_partners_and_the_command_line_wins() -> None:
    assert declared("model=mnist_sigmoid").loss["name"] == "mse"
    assert declared("model=mnist_sigmoid", "loss=mae").loss["name"] == "mae"
    assert declared("loss=mae", "model=mnist_sigmoid").loss["name"] == "mae"


def test_parameters_of_a_group_need_no_plus() -> None:
    config = declared("callbacks.early_stopping.patience=2", "data.limit=50", "optimizer.weight_decay=0.1")
    assert config.callbacks["early_stopping"] == {"patience": 2}
    assert (config.data["limit"], config.optimizer["weight_decay"]) == (50, 0.1)


def test_a_component_without_a_file_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = GROUPS["loss"].registry
    monkeypatch.setitem(losses._factories, "of_a_plugin", losses["mse"])
    chosen = declared("loss=of_a_plugin", "output=sigmoid").loss
    assert chosen == {**GROUPS["loss"].defaults("mse"), "name": "of_a_plugin"}


def test_an_output_takes_the_parameters_of_the_activation() -> None:
    assert declared("output=leaky_relu", "output.slope=0.2", "loss=mse").output == {"name": "leaky_relu", "slope": 0.2}


@pytest.mark.parametrize("inside", [True, False], ids=["wheel", "checkout"])
def test_the_configs_are_found(inside: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site/bpexp"
    (package / "config").mkdir(parents=True)
    shutil.copy(str(groups.__file__), package / "config")
    folder = package / "conf" if inside else package.parent / "conf"
    folder.mkdir()
    monkeypatch.setattr(groups, "__file__", str(package / "config/groups.py"))
    assert config_folder() == folder.resolve()
