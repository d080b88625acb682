"""Overrides that another setting of the composed config makes ineffective: they are refused instead of ignored."""

from __future__ import annotations

from collections.abc import Sequence

from bpexp.config.composed import Composition
from bpexp.config.overrides import OF_A_SWEEP, Override
from bpexp.errors import ConfigError

NAMES = ("model.name", "pairing.name")
"""Names of options that a config file sets; another name in the record would be that of something that did not run."""

BESIDE_RUN = ("run", "task", "sample", "explore.samples", "explore.snapshots", "progress", "tracking.uri")
"""The keys that may stand beside the run that a task shows, and those of Hydra and of the task."""

OF_A_TRACE = ("trace.", "tags.", "note", "run_name", "tracking")
"""How the keys begin that may stand there with task=trace, which leaves a record of its own."""


def refuse_overruled(composition: Composition, overrides: Sequence[Override]) -> None:
    """Raise ConfigError for an override of a job that another setting makes ineffective, instead of ignoring it."""
    config = composition.config
    stopping = config.callbacks.get("early_stopping") or {}
    idle = isinstance(stopping, dict) and stopping.get("patience") is None
    keys = {override.key_or_group for override in overrides}
    if {"model.hidden", "model.width"} <= keys and config.model.depth is None and config.model.width is not None:
        raise ConfigError(
            f"model.hidden={config.model.hidden} and model.width={config.model.width} contradict each other; leave out "
            "one of them"
        )
    for override in overrides:
        key = override.key_or_group
        if key.partition(".")[0] == "activation" and config.model.activations is not None:
            raise ConfigError(
                f"{override.input_line} has no effect: model.activations={config.model.activations} names the function "
                "of every hidden layer; leave out one of them"
            )
        if key.startswith("callbacks.early_stopping.") and idle and not key.endswith(".patience"):
            raise ConfigError(f"{override.input_line} has no effect without callbacks.early_stopping.patience; set it")
        if key.startswith("probe.") and config.probe.get("name") == "off":
            raise ConfigError(f"{override.input_line} has no effect with probe=off; leave out one of them")
        if key == "sample" and config.task not in ("trace", "explore"):
            told = "without task=trace or task=explore; add one of them, or leave sample out"
            raise ConfigError(f"{override.input_line} has no effect {told}")
        if key == "run" and config.task not in ("trace", "explore"):
            told = "without task=trace or task=explore; add one of them, or leave run out"
            raise ConfigError(f"{override.input_line} has no effect {told}")
        for task in ("explore", "trace"):
            if key.startswith(f"{task}.") and config.task != task:
                raise ConfigError(f"{override.input_line} has no effect without task={task}; add it, or leave this out")
        beside = ("hydra.", *(OF_A_TRACE if config.task == "trace" else ()))
        if config.run is not None and key not in BESIDE_RUN and not key.startswith(beside):
            raise ConfigError(f"{override.input_line} has no effect beside run={config.run}; leave one of them out")
        if key == "engine" and config.task not in ("train", "report"):
            raise ConfigError(f"{override.input_line} has no effect with task={config.task}; leave one of them out")
        if key in ("engine", "launcher.fuse") and config.engine == "numba" and config.launcher.get("fuse") == "auto":
            raise ConfigError("launcher.fuse=auto has no effect with engine=numba; leave one of them out")
        if key.startswith("doctor.") and config.task != "doctor":
            raise ConfigError(f"{override.input_line} has no effect without task=doctor; add it, or leave this out")
        if key in NAMES:
            raise ConfigError(f"{key} is the name of an option; choose one with {key.partition('.')[0]}=NAME")
        if key.startswith("pairing."):
            raise ConfigError(f"{key} belongs to a pairing; choose output and loss with output=NAME and loss=NAME")


def refuse_launching(composition: Composition, overrides: Sequence[Override], *, multirun: bool) -> None:
    """Raise ConfigError for settings of a sweep that have no effect: without one, or under a launcher of Hydra."""
    for override in overrides:
        root = override.key_or_group.partition(".")[0]
        if root in OF_A_SWEEP and not multirun:
            raise ConfigError(f"{override.input_line} has no effect on a single run; add -m (--multirun) for a sweep")
        if root == "launcher" and composition.launcher != "basic":
            other = f"hydra/launcher={composition.launcher}"
            raise ConfigError(f"{override.input_line} has no effect with {other}; leave out one of them")
