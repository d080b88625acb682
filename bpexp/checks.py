"""The checks of a composed config: keys, ranges and whatever else types cannot express, before anything exists."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import Any

from bpexp.config import Config, ProbeConfig, TrackingConfig
from bpexp.errors import ConfigError, nearest
from bpexp.insight.probes import probes
from bpexp.training.callbacks import callbacks


def refuse_code(node: Any, path: str = "") -> None:
    """Refuse the keys by which a config file could name Python code to run (`_target_` and logging's `()`)."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        where = f"{path}.{key}".lstrip(".")
        if str(key) in ("_target_", "_partial_", "()") and not _launches_jobs(where, value):
            raise ConfigError(f"{where}={value!r} is refused: a config names components, it cannot run code")
        refuse_code(value, where)


def _launches_jobs(where: str, value: Any) -> bool:
    """Hydra's own launchers and sweepers are named by `_target_`; nothing else is."""
    allowed = ("hydra_plugins.", "hydra._internal.core_plugins.")
    return where in ("hydra.launcher._target_", "hydra.sweeper._target_") and str(value).startswith(allowed)


def refuse_unknown(node: dict[str, Any], schema: type = Config, path: str = "") -> None:
    """Refuse keys that the schema does not have, which Hydra lets pass when they are added with a `+`."""
    known = {f.name: f.default_factory for f in fields(schema)}
    for key, value in node.items():
        if key not in known:
            where = f"{path}{key}"
            raise ConfigError(f"unknown key {where!r}; {nearest(key, known)}choose from: {', '.join(known)}")
        if is_dataclass(known[key]) and isinstance(value, dict):
            refuse_unknown(value, known[key], f"{path}{key}.")  # type: ignore[arg-type]


def check_ranges(config: Config) -> None:
    """Refuse scalars and widths out of range."""
    _require(math.isfinite(config.lr) and config.lr > 0, "lr", config.lr, "a number greater than 0")
    ok = config.batch_size == "full" or (_whole(config.batch_size) and config.batch_size >= 1)
    _require(ok, "batch_size", config.batch_size, "a whole number of at least 1, or full")
    for key, low in (("epochs", 1), ("seed", 0), ("threads", 1)):
        value = getattr(config, key)
        _require(value >= low, key, value, f"at least {low}")
    _require(config.dtype in ("float32", "float64"), "dtype", config.dtype, "float32 or float64")
    samples = config.evaluation.train_samples
    _require(samples >= 1, "evaluation.train_samples", samples, "at least 1")
    for width in config.model.hidden:
        _require(width >= 1, "model.hidden", config.model.hidden, "a list of widths of at least 1, such as [32,32]")
    per_layer, depth = config.model.activations, len(config.model.hidden)
    fits = per_layer is None or len(per_layer) == depth
    _require(fits, "model.activations", per_layer, f"null or one name for each of the {depth} hidden layers")


def tracking_of(config: Config) -> TrackingConfig:
    """The declared tracking; refuses unknown names and values."""
    node = dict(config.tracking)
    name = _name("tracking", node, ("mlflow", "none"))
    tracking = TrackingConfig(**_only(node, TrackingConfig, "tracking"))
    _every("tracking.every", tracking.every)
    for key in ("model", "figures"):
        _require(isinstance(getattr(tracking, key), bool), f"tracking.{key}", node.get(key), "true or false")
    if name == "mlflow":
        valid = isinstance(tracking.experiment, str) and tracking.experiment.strip() != ""
        _require(valid, "tracking.experiment", tracking.experiment, "a name")
    return tracking


def probe_of(config: Config) -> ProbeConfig:
    """The declared probes; refuses unknown names and values."""
    node = dict(config.probe)
    _name("probe", node, None)
    probe = ProbeConfig(**_only(node, ProbeConfig, "probe"))
    _every("probe.every", probe.every)
    _require(isinstance(probe.measures, list), "probe.measures", probe.measures, "a list such as [grad_norm,dead]")
    for measure in probe.measures:
        probes.require(str(measure))
    return probe


def check_callbacks(config: Config, metrics: list[str]) -> None:
    """Refuse unknown callbacks and parameters, and metrics that this run does not measure."""
    for name, params in config.callbacks.items():
        _require(isinstance(params, dict), f"callbacks.{name}", params, "a mapping of parameters, such as {}")
        callbacks.build(name, **params)
    stopping = config.callbacks.get("early_stopping", {})
    wanted = [("objective", config.objective)]
    if stopping.get("patience") is not None:
        wanted.append(("callbacks.early_stopping.metric", stopping.get("metric", "loss/validation")))
    for key, metric in wanted:
        if metric is not None and metric not in metrics:
            raise ConfigError(
                f"{key}={metric!r} is not measured; {nearest(metric, metrics)}choose from: {_list(metrics)}"
            )


def split_name(kind: str, node: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A group's name and its parameters."""
    if not isinstance(node.get("name"), str):
        raise ConfigError(f"{kind} needs a name, as in {kind}={{name: ...}}, not {node!r}")
    return node["name"], {key: value for key, value in node.items() if key != "name"}


def _name(kind: str, node: dict[str, Any], choices: tuple[str, ...] | None) -> str:
    name, _ = split_name(kind, node)
    if choices and name not in choices:
        raise ConfigError(f"unknown {kind} {name!r}; {nearest(name, choices)}choose from: {_list(choices)}")
    return name


def _only(node: dict[str, Any], schema: type, path: str) -> dict[str, Any]:
    refuse_unknown(node, schema, f"{path}.")
    return node


def _every(key: str, value: Any) -> None:
    _require(value == "auto" or (_whole(value) and value >= 1), key, value, "auto or a number of steps of at least 1")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _require(holds: bool, key: str, value: Any, what: str) -> None:
    if not holds:
        raise ConfigError(f"{key} must be {what}, not {value!r}")


def _list(names: Any) -> str:
    return ", ".join(names)
