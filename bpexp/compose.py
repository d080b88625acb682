"""Hydra's side: where the configs lie, what a command line composes to, and its complaints in one line.

Composition is done once ahead of Hydra's own, so that everything is checked before Hydra makes a directory.
"""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bpexp import checks
from bpexp.build import load_plugins
from bpexp.config import Config
from bpexp.data import datasets
from bpexp.errors import BpexpError, ConfigError, nearest
from bpexp.gradients import gradient_methods
from bpexp.nn.activations import activations
from bpexp.nn.initializers import initializers
from bpexp.nn.losses import losses
from bpexp.nn.optimizers import optimizers
from bpexp.nn.schedules import schedules
from bpexp.registry import Registry

GROUPS: dict[str, Registry[Any]] = {
    "activation": activations,
    "output": activations,
    "loss": losses,
    "init": initializers,
    "optimizer": optimizers,
    "schedule": schedules,
    "gradient": gradient_methods,
    "data": datasets,
}
"""The config groups whose options are the names of a registry."""


def config_folder() -> Path:
    """The configs: inside the package where it was installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    return next(folder for folder in (package / "conf", package.parent / "conf") if folder.is_dir())


def register_schema() -> None:
    """Tell Hydra the schema, and an option for each component that a plug-in brought without a YAML file."""
    store = ConfigStore.instance()
    store.store(name="base_config", node=Config)
    load_plugins()
    for group, registry in GROUPS.items():
        shipped = {path.stem for path in (config_folder() / group).glob("*.yaml")}
        for name in sorted(set(registry) - shipped):
            store.store(group=group, name=name, node={"name": name})


@dataclass(frozen=True, slots=True)
class Plan:
    """A command line, composed and checked: Hydra, its overrides, and the jobs of a sweep where they are known."""

    hydra: Hydra
    config_name: str
    overrides: list[str]
    multirun: bool
    directory: str
    jobs: list[list[str]]


@contextmanager
def composed(args: argparse.Namespace) -> Iterator[Plan]:
    """Compose what a command line says; Hydra's complaints become one line."""
    register_schema()
    with one_line(args.overrides):
        hydra = _hydra(args)
        try:
            yield _plan(hydra, args)
        finally:
            GlobalHydra.instance().clear()


def _hydra(args: argparse.Namespace) -> Hydra:
    search_path = create_config_search_path(os.path.abspath(args.config_path or config_folder()))
    if args.config_dir is not None:
        folder = os.path.abspath(args.config_dir)
        if not os.path.isdir(folder):
            raise ConfigError(f"--config-dir {folder!r} is not a folder")
        assert isinstance(search_path, ConfigSearchPathImpl)
        search_path.prepend(provider="command-line", path=f"file://{folder}")
    return Hydra.create_main_hydra2("bpexp", search_path)


def _plan(hydra: Hydra, args: argparse.Namespace) -> Plan:
    name, overrides = args.config_name or "config", list(args.overrides)
    _refuse_repeats(hydra, overrides)
    master = hydra.compose_config(name, overrides, run_mode=RunMode.MULTIRUN, validate_sweep_overrides=False)
    multirun = args.multirun or master.hydra.mode == RunMode.MULTIRUN
    if not multirun:
        master = hydra.compose_config(name, overrides, run_mode=RunMode.RUN)
    checks.refuse_code(OmegaConf.to_container(master, resolve=False))
    directory = str(master.hydra.sweep.dir if multirun else master.hydra.run.dir)
    jobs = _jobs(hydra, master) if multirun else [overrides]
    overrides.append(f"hydra.mode={'MULTIRUN' if multirun else 'RUN'}")
    return Plan(hydra, name, overrides, multirun, directory, jobs)


def _jobs(hydra: Hydra, master: DictConfig) -> list[list[str]]:
    """The overrides of every job of a grid; none where another sweeper decides them as it goes."""
    if not master.hydra.sweeper._target_.endswith("BasicSweeper"):
        return []
    declared = [f"{key}={value}" for key, value in (master.hydra.sweeper.params or {}).items()]
    said = [str(override) for override in master.hydra.overrides.task]
    overrides = OverridesParser.create(hydra.config_loader).parse_overrides([*declared, *said])
    return BasicSweeper.split_arguments(overrides, None)[0]


def _refuse_repeats(hydra: Hydra, overrides: list[str]) -> None:
    """Hydra lets the last of two overrides of one key win in silence."""
    parsed = OverridesParser.create(hydra.config_loader).parse_overrides(overrides)
    for key, times in Counter(o.get_key_element().lstrip("+~") for o in parsed).items():
        if times > 1:
            raise ConfigError(f"{key} is given {times} times; say it once")


def compose_job(plan: Plan, overrides: list[str]) -> Config:
    """The typed config of one job."""
    own = [o for o in overrides if not o.lstrip("+~").startswith("hydra.")]
    return typed(plan.hydra.compose_config(plan.config_name, own, run_mode=RunMode.RUN))


def typed(config: DictConfig) -> Config:
    """A composed config as the dataclass, with unknown keys refused; the part that is Hydra's left out."""
    plain = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
    content: Any = OmegaConf.to_container(plain, resolve=True)
    checks.refuse_code(content)
    checks.refuse_unknown(content)
    merged = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), content))
    assert isinstance(merged, Config)
    return merged


@contextmanager
def one_line(overrides: list[str] | None = None) -> Iterator[None]:
    """Turn the complaints of Hydra, OmegaConf and YAML into one line of ours."""
    try:
        yield
    except BpexpError:
        raise
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, AssertionError) as error:
        raise ConfigError(_translate(error, overrides or [])) from error


def _translate(error: BaseException, overrides: list[str]) -> str:
    text = str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if isinstance(error, yaml.YAMLError):
        mark = getattr(error, "problem_mark", None)
        where = f"{mark.name.removeprefix('file://')}, line {mark.line + 1}" if mark else "a config file"
        return f"{where} is not YAML: {getattr(error, 'problem', None) or lines[0]}"
    if found := re.search(r"Could not find '([^']+)/([^'/]+)'", text):
        group, name = found.groups()
        options = re.findall(r"^\t(.+)$", text, flags=re.M)
        return f"unknown {group} {name!r}; {nearest(name, options)}choose from: {', '.join(options)}"
    if found := re.search(r"Could not override '([^']+)'|Key '([^']+)' (?:is )?not in|full_key: (\S+)", text):
        key = next(k for k in found.groups() if k)
        if "not in" in text or ("Could not override" in text and "No match" in text):
            return unknown_key(key)
    if found := re.search(r"full_key: (\S+)", text):
        return f"{found.group(1)}: {lines[0].rstrip('.')}"
    if "Ambiguous value for argument" in text:
        return f"{lines[0].split(chr(39))[1]} has several values; add -m (--multirun) to sweep over them"
    return " ".join(lines)[:400]


def quoted(path: Path) -> str:
    """A path as a value in Hydra's grammar."""
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'") + "'"


def unknown_key(key: str) -> str:
    """What is said of a key that no schema has."""
    scalars = [f.name for f in fields(Config)]
    head, _, last = key.rpartition(".")
    if head and head.split(".")[0] in scalars:
        return f"unknown key {key!r}; see what there is with --cfg job, and what {head.split('.')[0]} may say in conf/"
    return f"unknown key {last!r}; {nearest(last, scalars)}choose from: {', '.join(scalars)}"


def parameters(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A composed config as flat parameters: `activation` for activation.name, `loss.factor`, ...; no addresses."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        path = f"{prefix}.{key}".lstrip(".")
        if isinstance(value, dict):
            flat |= parameters(value, path)
        elif path not in ("tracking.uri", "progress"):
            flat[prefix if key == "name" and prefix else path] = value
    return flat
