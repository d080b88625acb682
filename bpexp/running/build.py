"""From a declared run to its objects: the one place where names become networks, data and trainers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any

import numpy as np

from bpexp.config import validation as checks
from bpexp.config.schema import CheckConfig, Config, ProbeConfig, TrackingConfig
from bpexp.data import Batches, DataSet, Part
from bpexp.errors import ConfigError
from bpexp.gradients import gradient_methods
from bpexp.nn.activations import Activation, activations
from bpexp.nn.heads import Head, build_head
from bpexp.nn.initializers import initializers
from bpexp.nn.network import Network
from bpexp.nn.optimizers import optimizers
from bpexp.nn.penalties import Clip, Penalty
from bpexp.nn.schedules import schedules
from bpexp.running.loading import Streams, load_data, streams
from bpexp.training.callbacks import callbacks
from bpexp.training.events import Callback
from bpexp.training.trainer import Trainer

PLUGINS = "bpexp.plugins"
"""The entry-point group whose modules register components of third parties when they are imported."""


@dataclass(frozen=True, slots=True, eq=False)
class Experiment:
    """Everything that a declared run needs, built and checked."""

    config: Config
    data: DataSet
    trainer: Trainer
    callbacks: list[Callback]
    probe: ProbeConfig
    check: CheckConfig
    tracking: TrackingConfig
    check_rng: np.random.Generator
    spec: dict[str, Any]


@lru_cache(maxsize=1)
def load_plugins() -> None:
    """Import the modules of the entry-point group `bpexp.plugins`, which register what they bring."""
    for entry in entry_points(group=PLUGINS):
        try:
            entry.load()
        except Exception as error:  # whatever a third party's module does wrong
            reason = f"{type(error).__name__}: {error}"
            raise ConfigError(f"the plug-in {entry.name!r} ({entry.value}) does not load: {reason}") from error


def build(config: Config) -> Experiment:
    """Check a config and make its objects; raises ConfigError or DataError, and leaves nothing behind."""
    load_plugins()
    checks.check_ranges(config)
    probe, check, tracking = checks.probe_of(config), checks.check_of(config), checks.tracking_of(config)
    random = streams(config.seed)
    head = build_head(config.output, **_head_options(config))
    hidden = hidden_activations(config)
    method = _component(gradient_methods, config.gradient)
    data = load_data(config, random)
    if config.task == "trace" and config.sample >= len(data.train):
        raise ConfigError(f"sample must be below the {len(data.train)} training samples, not {config.sample}")
    _check_pairing(config, head, data)
    network = build_network(config, data, hidden, head, random)
    method.prepare(network, head, random.method)
    trainer = Trainer(
        network=network,
        head=head,
        method=method,
        optimizer=_component(optimizers, config.optimizer),
        schedule=_component(schedules, config.schedule),
        batches=Batches(data.train, batch_size(config, data), random.shuffle),
        parts=evaluated_parts(config, data),
        lr=config.lr,
        epochs=config.epochs,
        evaluate_every=config.evaluation.every,
        penalty=Penalty(config.penalty.l1, config.penalty.l2),
        clip=Clip(config.clip.norm, config.clip.value),
    )
    checks.check_callbacks(config, metric_names(data, list(trainer.parts)))
    watchers = [callbacks.build(name, **params) for name, params in config.callbacks.items()]
    return Experiment(
        config, data, trainer, watchers, probe, check, tracking, random.check, describe(config, network, data)
    )


def _component(registry: Any, node: dict[str, Any]) -> Any:
    name, params = checks.split_name(registry.kind, node)
    return registry.build(name, **params)


def _head_options(config: Config) -> dict[str, Any]:
    loss = dict(config.loss)
    batch, shortcut = loss.pop("batch", "mean"), loss.pop("shortcut", True)
    if batch not in ("mean", "sum"):
        raise ConfigError(f"loss.batch must be mean or sum, not {batch!r}")
    if not isinstance(shortcut, bool):
        raise ConfigError(f"loss.shortcut must be true or false, not {shortcut!r}")
    checks.split_name("loss", loss)
    checks.split_name("output", config.output)
    return {"loss": loss, "batch": batch, "shortcut": shortcut}


def declared_activations(config: Config) -> list[dict[str, Any]]:
    """Name and parameters of each hidden layer's activation."""
    per_layer = config.model.activations or [config.activation] * len(config.model.widths)
    return [{"name": a} if isinstance(a, str) else a for a in per_layer]


def hidden_activations(config: Config) -> list[Activation]:
    """One activation a hidden layer, as declared for all or for each."""
    hidden: list[Activation] = []
    for node in [config.activation, *declared_activations(config)]:
        activation = _component(activations, node)
        if not activation.elementwise:
            raise ConfigError(f"activation {node['name']!r} serves as an output only; try activation=relu or sigmoid")
        hidden.append(activation)
    return hidden[1:]


def _check_pairing(config: Config, head: Head, data: DataSet) -> None:
    """Refuse a loss that has no meaning on these targets, or an output that has none at this width."""
    loss, output = config.loss["name"], config.output["name"]
    wants_classes = head.loss.classes
    if wants_classes and data.task != "classification":
        raise ConfigError(
            f"loss {loss!r} needs class labels, but data={data.name} has values; try loss=mse output=identity"
        )
    if data.targets == "index" and not wants_classes:
        raise ConfigError(f"loss {loss!r} cannot compare class numbers; declare data.one_hot=true")
    if data.targets == "index" and len(data.classes) != 2:
        raise ConfigError(f"data.one_hot=false needs two classes, not {len(data.classes)}; declare data.one_hot=true")
    if output == "softmax" and data.n_outputs < 2:
        raise ConfigError(f"output 'softmax' of {data.n_outputs} unit is always 1; try output=sigmoid or identity")


def build_network(config: Config, data: DataSet, hidden: list[Activation], head: Head, random: Streams) -> Network:
    """The network between the data's widths, with its weights drawn."""
    network = Network([data.n_inputs, *config.model.widths, data.n_outputs], hidden, head.output, config.dtype)
    init = dict(config.init)
    biases = init.pop("biases", "zero")
    if biases not in ("zero", "drawn"):
        raise ConfigError(f"init.biases must be zero or drawn, not {biases!r}")
    network.initialize(_component(initializers, init), random.init, biases=biases)
    return network


def batch_size(config: Config, data: DataSet) -> int:
    """Samples a step; `full` is the whole training part."""
    return len(data.train) if config.batch_size == "full" else int(config.batch_size)


def evaluated_parts(config: Config, data: DataSet) -> dict[str, Part]:
    """The parts that are evaluated after an epoch; of the training part a sample that is the same each time."""
    train, most = data.train, config.evaluation.train_samples
    rows = train.rows
    if len(rows) > most and len(data.train.X) == len(rows):
        rows = np.random.default_rng(0).permutation(rows)  # a whole file keeps its order, and MNIST's is not even
    rows = rows[:: -(-len(train) // most)]
    sample = Part(X=train.X, Y=train.Y, rows=rows, labels=train.labels)
    parts = {"train": sample, "validation": data.validation, "test": data.test}
    return {name: part for name, part in parts.items() if part is not None}


def metric_names(data: DataSet, parts: list[str]) -> list[str]:
    """What an evaluation measures, such as accuracy/test."""
    if data.task == "regression":
        measures = ["loss", "r2", "rmse"]
    else:
        measures = ["loss", "accuracy"] + (["top3_accuracy"] if data.n_outputs > 3 else [])
    return [f"{measure}/{part}" for part in parts for measure in measures]


def describe(config: Config, network: Network, data: DataSet) -> dict[str, Any]:
    """What is needed beside theta to use the network again, as plain values."""
    return {
        "sizes": list(network.sizes),
        "hidden": declared_activations(config),
        "output": dict(config.output),
        "dtype": config.dtype,
        "task": data.task,
        "classes": list(data.classes),
        "image_shape": list(data.image_shape) if data.image_shape else None,
        "data": {"name": data.name, "source": data.source, "digest": data.digest},
    }
