"""What is trained beside a run for task=explore: sigmoid and squared error, or ReLU and cross-entropy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bpexp.config.groups import GROUPS
from bpexp.config.schema import Config
from bpexp.data import DataSet
from bpexp.errors import ConfigError
from bpexp.nn.pairing import Pairing
from bpexp.running.outline import declared_activations

SIGMOID, RELU = "sigmoid_mse", "relu_cross_entropy"


def beside(config: Config, data: DataSet) -> Config | None:
    """The config of what is trained beside a run; None where nothing is, or where it would be the same.

    Only the functions differ, and the learning rate where one is declared. Output and loss are those of the run where
    the targets are values, or numbers of two classes, for which the run has chosen the ones that fit.

    Raises ConfigError for options without an effect.
    """
    wanted = config.explore.beside
    if wanted == "none":
        if config.explore.beside_lr is not None:
            raise ConfigError("explore.beside_lr has no effect with explore.beside=none; leave out one of them")
        return None
    first = _functions(config)
    for kind in (SIGMOID, RELU) if wanted == "auto" else (wanted,):
        other = _other(config, data, kind)
        if _functions(other) != first and not (wanted == "auto" and _alike(first, kind)):
            return other
    if wanted != "auto":
        raise ConfigError(f"explore.beside={wanted} is the declared run itself; leave it out, or name the other")
    return None


def _alike(functions: tuple[list[str], str, str], kind: str) -> bool:
    """Whether a run is so much of this kind that the other is the contrast to it."""
    hidden, _, loss = functions
    named = "sigmoid" if kind == SIGMOID else "relu"
    return all(name == named for name in hidden) if hidden else (loss == "mse") == (kind == SIGMOID)


def _functions(config: Config) -> tuple[list[str], str, str]:
    """Names of the hidden activations, of output and of loss."""
    hidden = [str(node["name"]) for node in declared_activations(config)]
    return hidden, str(config.output["name"]), str(config.loss["name"])


def _other(config: Config, data: DataSet, kind: str) -> Config:
    changed: dict[str, Mapping[str, Any]] = {}
    changed["activation"] = GROUPS["activation"].defaults("sigmoid" if kind == SIGMOID else "relu")
    if data.targets == "one_hot":
        output, loss = ("sigmoid", "mse") if kind == SIGMOID else ("softmax", "cross_entropy")
        shared = {key: config.loss[key] for key in GROUPS["loss"].shared if key in config.loss}
        changed |= {"output": GROUPS["output"].defaults(output), "loss": {**GROUPS["loss"].defaults(loss), **shared}}
    model = replace(config.model, activations=None)
    lr = config.lr if config.explore.beside_lr is None else config.explore.beside_lr
    return replace(config, **changed, model=model, pairing=Pairing(), lr=lr)  # type: ignore[arg-type]
