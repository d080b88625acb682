"""Hydra's side: where the configs lie, and what a command line composes to.

Composition is done once ahead of Hydra's own, so that everything is checked before Hydra makes a directory.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from bpexp.config import validation as checks
from bpexp.config.hydra_errors import COMPLAINTS, one_line
from bpexp.config.schema import Config
from bpexp.data import datasets
from bpexp.errors import ConfigError
from bpexp.gradients import gradient_methods
from bpexp.nn.activations import activations
from bpexp.nn.initializers import initializers
from bpexp.nn.losses import losses
from bpexp.nn.optimizers import optimizers
from bpexp.nn.schedules import schedules
from bpexp.registry import Registry
from bpexp.running.build import load_plugins
from bpexp.study.design import Study, declared, narrowed

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
    package = Path(__file__).resolve().parents[1]
    return next(folder for folder in (package / "conf", package.parent / "conf") if folder.is_dir())


def register_schema() -> None:
    """Tell Hydra the schema, and an option for each component that a plug-in brought without a YAML file."""
    store = ConfigStore.instance()
    store.store(name="base_config", node=_schema())
    load_plugins()
    for group, registry in GROUPS.items():
        shipped = {path.stem for path in (config_folder() / group).glob("*.yaml")}
        for name in sorted(set(registry) - shipped):
            store.store(group=group, name=name, node={"name": name})


def _schema() -> DictConfig:
    """The schema; the groups that are mappings are open, so that any of their parameters can be said without a `+`.

    What they may hold is known to the factories, which complain better than Hydra does.
    """
    schema = OmegaConf.structured(Config)
    for name, kind in get_type_hints(Config).items():
        if get_origin(kind) is dict:
            OmegaConf.set_struct(schema[name], False)
    assert isinstance(schema, DictConfig)
    return schema


@dataclass(frozen=True, slots=True)
class Plan:
    """A command line, composed and checked: Hydra, its overrides, and the jobs of a sweep where they are known."""

    hydra: Hydra
    master: DictConfig
    config_name: str
    overrides: list[str]
    multirun: bool
    directory: str
    jobs: list[list[str]]
    study: Study | None = None


@contextmanager
def composed(args: argparse.Namespace) -> Iterator[Plan]:
    """Compose what a command line says; Hydra's complaints become one line."""
    register_schema()
    try:
        with one_line(args.overrides):
            plan = _plan(_hydra(args), args)
        with one_line(kinds=COMPLAINTS):
            yield plan
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
    parsed = OverridesParser.create(hydra.config_loader).parse_overrides(overrides)
    _refuse_senseless(parsed)
    master = hydra.compose_config(name, overrides, run_mode=RunMode.MULTIRUN, validate_sweep_overrides=False)
    study = _study(master, parsed)
    if study is not None:
        said_keys = {override.key_or_group for override in parsed}
        overrides += [f"{key}={levels}" for key, levels in study.overrides().items() if key not in said_keys]
        master = hydra.compose_config(name, overrides, run_mode=RunMode.MULTIRUN, validate_sweep_overrides=False)
    multirun = args.multirun or study is not None or master.hydra.mode == RunMode.MULTIRUN
    if not multirun:
        ConfigLoaderImpl.validate_sweep_overrides_legal(parsed, run_mode=RunMode.RUN, from_shell=True)
    checks.refuse_code(OmegaConf.to_container(master, resolve=False))
    directory = str(master.hydra.sweep.dir if multirun else master.hydra.run.dir)
    jobs = _jobs(hydra, master) if multirun else [overrides]
    said = [*overrides, f"hydra.mode={'MULTIRUN' if multirun else 'RUN'}"]
    return Plan(hydra, master, name, said, multirun, directory, jobs, study)


def _study(master: DictConfig, said: list[Override]) -> Study | None:
    """The study that a config declares, narrowed to what the command line says of its factors and seeds."""
    if not isinstance(master.study, DictConfig) or master.task != "train":
        return None
    name = str(master.hydra.runtime.choices.get("experiment") or "study")
    study = declared(name, OmegaConf.to_container(master.study, resolve=True))  # type: ignore[arg-type]
    levels = {
        o.key_or_group: list(o.sweep_string_iterator()) if o.is_sweep_override() else [o.get_value_element_as_str()]
        for o in said
        if o.key_or_group in (*study.factors, "seed")
    }
    return narrowed(study, levels)


def _jobs(hydra: Hydra, master: DictConfig) -> list[list[str]]:
    """The overrides of every job of a grid; none where another sweeper decides them as it goes."""
    if not master.hydra.sweeper._target_.endswith("BasicSweeper"):
        return []
    declared = [f"{key}={value}" for key, value in (master.hydra.sweeper.params or {}).items()]
    said = [str(override) for override in master.hydra.overrides.task]
    overrides = OverridesParser.create(hydra.config_loader).parse_overrides([*declared, *said])
    return BasicSweeper.split_arguments(overrides, None)[0]


def _refuse_senseless(overrides: list[Override]) -> None:
    """Hydra lets the last of two overrides of one key win in silence, and takes away what a run needs."""
    for key, times in Counter(o.get_key_element().lstrip("+~") for o in overrides).items():
        if times > 1:
            raise ConfigError(f"{key} is given {times} times; say it once")
    for override in overrides:
        key = override.key_or_group
        if override.is_delete() and checks.declared_type(key) is not None:
            raise ConfigError(f"~{key} takes away what a run needs; leave it, or say {key}=VALUE")


def compose_job(plan: Plan, overrides: list[str]) -> Config:
    """The typed config of one job."""
    if not plan.multirun:
        return typed(plan.master)
    own = [o for o in overrides if not o.lstrip("+~").startswith("hydra.")]
    with one_line(own):
        return typed(plan.hydra.compose_config(plan.config_name, own, run_mode=RunMode.RUN))


def typed(config: DictConfig) -> Config:
    """A composed config as the dataclass, with unknown keys refused; the part that is Hydra's left out."""
    plain = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    content: Any = OmegaConf.to_container(plain, resolve=True, throw_on_missing=True)
    checks.refuse_code(content)
    checks.refuse_unknown(content)
    merged = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), content))
    assert isinstance(merged, Config)
    return merged


def quoted(path: Path) -> str:
    """A path as a value in Hydra's grammar."""
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'") + "'"


def parameters(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A composed config as flat parameters: `activation` for activation.name, `loss.factor`; no addresses, no nulls."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        path = f"{prefix}.{key}".lstrip(".")
        if isinstance(value, dict) and path != "study":
            flat |= parameters(value, path)
        elif path not in ("tracking.uri", "progress", "study") and value is not None:
            flat[prefix if key == "name" and prefix else path] = value
    return flat
