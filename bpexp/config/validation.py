"""Validation of a typed config: unknown components, unknown parameters, keys that would run code."""

from __future__ import annotations

from typing import Any

from bpexp.config.groups import GROUPS, OPTIONAL
from bpexp.config.limits import raised
from bpexp.config.schema import Config
from bpexp.errors import ConfigError
from bpexp.registry import Parameter
from bpexp.tracking.labels import labels
from bpexp.training.callbacks import callbacks


def validate(config: Config) -> None:
    """Raise ConfigError for an unknown component, or a parameter that it does not take.

    Errors that depend on the data are raised by `bpexp.running.outline`.
    """
    for name, group in GROUPS.items():
        if name not in OPTIONAL or getattr(config, name):
            group.declared(getattr(config, name))
    _refuse_sizes(config)
    labels(config.tags, config.note)
    config.pairing.refuse_others(config.output["name"], config.loss["name"])
    for name, params in config.callbacks.items():
        if not isinstance(params, dict):
            raise ConfigError(f"callbacks.{name} must be a mapping of parameters, such as {{}}, not {params!r}")
        callbacks.validate(name, **params)


def _refuse_sizes(config: Config) -> None:
    """Raise ConfigError for more layers, or processes, than `limits` allow, before there is a list of them."""
    depth, most = config.model.depth or len(config.model.hidden), config.limits.layers
    if depth > most:
        raise ConfigError(f"model: {depth} hidden layers are more than {most}; {raised('layers', depth)}")
    processes, most = config.launcher.get("n_jobs") or 1, config.limits.processes
    if processes > most:
        told = f"launcher.n_jobs={processes} is more than {most} processes"
        raise ConfigError(f"{told}; {raised('processes', processes)}")


def refuse_code(node: Any, path: str = "") -> None:
    """Raise ConfigError for a key by which a config file could run Python code (`_target_` and logging's `()`)."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        where = f"{path}.{key}".lstrip(".")
        if _names_code(where, str(key), value):
            raise ConfigError(f"{where}={value!r} is refused: a config names components, it cannot run code")
        refuse_code(value, where)


def _names_code(where: str, key: str, value: Any) -> bool:
    """Whether a key would have Python import and call its value; logging has additional ones."""
    if key in ("_target_", "_partial_", "()"):
        return not _launches_jobs(where, value)
    if not where.startswith(("hydra.job_logging", "hydra.hydra_logging")):
        return False
    loads = key == "class" and not str(value).startswith("logging.")
    return loads or (str(value).startswith("ext://") and value not in ("ext://sys.stdout", "ext://sys.stderr"))


def _launches_jobs(where: str, value: Any) -> bool:
    """Whether the value is a launcher or sweeper of Hydra, the only objects that may be named by `_target_`."""
    if where not in ("hydra.launcher._target_", "hydra.sweeper._target_"):
        return False
    from hydra.core.config_store import ConfigStore

    basic = ConfigStore.instance().load(f"hydra/{where.split('.')[1]}/basic.yaml").node
    return str(value).startswith("hydra_plugins.") or value == basic["_target_"]


def parameter_at(path: str) -> Parameter | None:
    """The parameter of a dotted key below a group, such as optimizer.momentum, of the first option that has it."""
    group, _, key = path.partition(".")
    if group not in GROUPS:
        return None
    found = (GROUPS[group].parameters(option).get(key) for option in GROUPS[group].registry)
    return next((parameter for parameter in found if parameter is not None), None)
