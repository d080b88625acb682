"""The checks of a composed config: keys, ranges and whatever else types cannot express, before anything exists."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, get_type_hints

from bpexp.config.schema import CheckConfig, Config, ProbeConfig, TrackingConfig
from bpexp.errors import ConfigError, nearest
from bpexp.insight.probes import probes
from bpexp.tracking.creation import is_new
from bpexp.tracking.location import resolve, sqlite_path
from bpexp.training.callbacks import callbacks


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
    """Hydra's own launchers and sweepers are named by `_target_`; nothing else is."""
    allowed = ("hydra_plugins.", "hydra._internal.core_plugins.")
    return where in ("hydra.launcher._target_", "hydra.sweeper._target_") and str(value).startswith(allowed)


def refuse_unknown(node: dict[str, Any], schema: type = Config, path: str = "") -> None:
    """Refuse keys that the schema does not have, which Hydra lets pass when they are added with a `+`."""
    known = {f.name: f.default_factory for f in fields(schema)}
    for key, value in node.items():
        if key not in known:
            where = f"{path}{key}"
            raise ConfigError(f"unknown key {where!r}; {nearest(key, known)}choose from: {_list(known)}")
        if is_dataclass(known[key]) and isinstance(value, dict):
            refuse_unknown(value, known[key], f"{path}{key}.")  # type: ignore[arg-type]


def unknown_key(path: str) -> str:
    """What is said of a dotted key that the schema does not have."""
    if path.startswith("hydra."):
        return f"unknown key {path!r}; --cfg hydra shows what there is"
    schema: Any = Config
    head, _, rest = path.partition(".")
    where = ""
    while is_dataclass(schema):
        known = get_type_hints(schema)
        if head not in known:
            names = [*known, "experiment"] if schema is Config else list(known)
            return f"unknown key {where + head!r}; {nearest(head, names)}choose from: {_list(names)}"
        schema, where = known[head], f"{where}{head}."
        head, _, rest = rest.partition(".")
    return f"unknown key {path!r}; --cfg all shows what there is"


def declared_type(path: str) -> Any:
    """The type that the schema declares for a dotted key; None where it declares none."""
    schema: Any = Config
    for part in path.split("."):
        schema = get_type_hints(schema).get(part) if is_dataclass(schema) else None
    return schema


def check_ranges(config: Config) -> None:
    """Refuse scalars and widths out of range."""
    _require(math.isfinite(config.lr) and config.lr > 0, "lr", config.lr, "a number greater than 0")
    ok = config.batch_size == "full" or (_whole(config.batch_size) and config.batch_size >= 1)
    _require(ok, "batch_size", config.batch_size, "a whole number of at least 1, or full")
    _require(config.task in ("train", "trace", "report"), "task", config.task, "train, trace or report")
    for key, low in (("sample", 0), ("epochs", 1), ("seed", 0), ("threads", 1)):
        value = getattr(config, key)
        _require(value >= low, key, value, f"at least {low}")
    _require(config.dtype in ("float32", "float64"), "dtype", config.dtype, "float32 or float64")
    _require(config.evaluation.every >= 1, "evaluation.every", config.evaluation.every, "at least 1 epoch")
    samples = config.evaluation.train_samples
    _require(samples >= 1, "evaluation.train_samples", samples, "at least 1")
    depth = config.model.depth
    _require(depth is None or depth >= 0, "model.depth", depth, "a number of hidden layers, or null")
    _require(config.model.width >= 1, "model.width", config.model.width, "at least 1")
    for width in config.model.hidden:
        _require(width >= 1, "model.hidden", config.model.hidden, "a list of widths of at least 1, such as [32,32]")
    for key in ("l1", "l2"):
        value = getattr(config.penalty, key)
        _require(math.isfinite(value) and value >= 0, f"penalty.{key}", value, "a finite number of at least 0")
    per_layer, depth = config.model.activations, len(config.model.widths)
    fits = per_layer is None or (len(per_layer) == depth and all(isinstance(a, str | dict) for a in per_layer))
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
        _require(isinstance(tracking.uri, str | None), "tracking.uri", tracking.uri, "an address, or null")
        _check_store(tracking.uri)
    return tracking


def _check_store(uri: str | None) -> None:
    """Refuse an address that names no store, and a database that is none or cannot be written.

    Whether a server answers is seen when the run starts; a run does not depend on it.
    """
    path = sqlite_path(resolve(uri, Path.cwd()))
    if path is None:
        return
    place = path if not is_new(path) else next(p for p in path.parents if p.exists())
    try:
        if place == path:
            path.open("r+b").close()
        TemporaryFile(dir=place if place.is_dir() else place.parent).close()
    except OSError as error:
        raise ConfigError(
            f"tracking.uri: the store {str(path)!r} cannot be written ({error.strerror}); name a writable place, "
            "such as sqlite:///mlflow.db, or say tracking=none"
        ) from error


def probe_of(config: Config) -> ProbeConfig:
    """The declared probes; refuses unknown names and values."""
    node = dict(config.probe)
    _name("probe", node, None)
    probe = ProbeConfig(**_only(node, ProbeConfig, "probe"))
    _every("probe.every", probe.every)
    _require(isinstance(probe.measures, list), "probe.measures", probe.measures, "a list such as [grad_norm,dead]")
    _require(isinstance(probe.histograms, bool), "probe.histograms", probe.histograms, "true or false")
    _require(_whole(probe.fixed) and probe.fixed >= 0, "probe.fixed", probe.fixed, "a number of samples, 0 for none")
    for measure in probe.measures:
        probes.require(str(measure))
    return probe


def check_of(config: Config) -> CheckConfig:
    """The declared gradient check; refuses unknown names and values."""
    node = dict(config.check)
    name = _name("check", node, ("off", "start", "every_n"))
    check = CheckConfig(**_only(node, CheckConfig, "check"))
    every = check.every
    fits = (_whole(every) and every is not None and every >= 1) if name == "every_n" else every is None
    _require(fits, "check.every", every, "a number of steps of at least 1, with check=every_n only")
    _require(_whole(check.coordinates) and check.coordinates >= 1, "check.coordinates", check.coordinates, "at least 1")
    bounded = isinstance(check.tolerance, int | float) and 0 < check.tolerance < 1
    _require(bounded, "check.tolerance", check.tolerance, "a number between 0 and 1")
    return check


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
            hint = _missing_part(str(metric), metrics) or nearest(metric, metrics)
            raise ConfigError(f"{key}={metric!r} is not measured; {hint}choose from: {_list(metrics)}")


def _missing_part(metric: str, metrics: list[str]) -> str:
    """How to have the part that a metric is measured on, where there is none."""
    part = metric.rpartition("/")[2]
    wanted = part in ("validation", "test") and not any(m.endswith(f"/{part}") for m in metrics)
    return f"say data.{part}=0.1 to have a {part} part, or " if wanted else ""


def split_name(kind: str, node: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A group's name and its parameters."""
    if not isinstance(node, dict) or not isinstance(node.get("name"), str):
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
