"""What a typed config may not say: unknown components, parameters that they do not take, keys that would run code."""

from __future__ import annotations

from typing import Any

from bpexp.config.groups import GROUPS
from bpexp.config.schema import Config
from bpexp.errors import ConfigError
from bpexp.registry import Parameter
from bpexp.training.callbacks import callbacks


def validate(config: Config) -> None:
    """Raise ConfigError for a group that names no component, or gives it a parameter that it does not take.

    What depends on the data is looked at where the run is outlined (`bpexp.running.outline`).
    """
    for name, group in GROUPS.items():
        group.declared(getattr(config, name))
    for name, params in config.callbacks.items():
        if not isinstance(params, dict):
            raise ConfigError(f"callbacks.{name} must be a mapping of parameters, such as {{}}, not {params!r}")
        callbacks.validate(name, **params)


def refuse_code(node: Any, path: str = "") -> None:
    """Refuse the keys by which a config file could name Python code to run (`_target_` and logging's `()`)."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        where = f"{path}.{key}".lstrip(".")
        if _names_code(where, str(key), value):
            raise ConfigError(f"{where}={value!r} is refused: a config names components, it cannot run code")
        refuse_code(value, where)


def _names_code(where: str, key: str, value: Any) -> bool:
    """Whether a key hands Python something to import and call; logging has ways of its own."""
    if key in ("_target_", "_partial_", "()"):
        return not _launches_jobs(where, value)
    if not where.startswith(("hydra.job_logging", "hydra.hydra_logging")):
        return False
    loads = key == "class" and not str(value).startswith("logging.")
    return loads or (str(value).startswith("ext://") and value not in ("ext://sys.stdout", "ext://sys.stderr"))


def _launches_jobs(where: str, value: Any) -> bool:
    """Hydra names its own launchers and sweepers by `_target_`; nothing else may."""
    if where not in ("hydra.launcher._target_", "hydra.sweeper._target_"):
        return False
    from hydra.core.config_store import ConfigStore

    basic = ConfigStore.instance().load(f"hydra/{where.split('.')[1]}/basic.yaml").node
    return str(value).startswith("hydra_plugins.") or value == basic["_target_"]


def parameter_at(path: str) -> Parameter | None:
    """The parameter behind a dotted key below a group, such as optimizer.momentum, of whatever option has one."""
    group, _, key = path.partition(".")
    if group not in GROUPS:
        return None
    found = (GROUPS[group].parameters(option).get(key) for option in GROUPS[group].registry)
    return next((parameter for parameter in found if parameter is not None), None)
