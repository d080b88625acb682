"""From a validated config to objects: the only module where names become networks, data and trainers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bpexp.config.groups import GROUPS
from bpexp.config.plugins import named_plugins
from bpexp.config.schema import Config
from bpexp.data import Batches, DataSet, Part
from bpexp.insight.gradient_check import CheckSettings
from bpexp.insight.probe_sets import ProbeSettings
from bpexp.nn.network import Network
from bpexp.running.outline import Outline, declared_activations, outline
from bpexp.running.step_engine import compiled_steps, engine_of
from bpexp.running.streams import Streams, streams
from bpexp.tracking.settings import TrackingSettings
from bpexp.training.callbacks import callbacks
from bpexp.training.events import Callback
from bpexp.training.guarded import guarded
from bpexp.training.trainer import Trainer

if TYPE_CHECKING:
    from bpexp.training.compiled.steps import CompiledSteps


@dataclass(frozen=True, slots=True, eq=False)
class Experiment:
    """The objects of a declared run.

    `spec` describes the network for the network file; `compiled` makes the steps of the trainer with engine=numba.
    """

    config: Config
    data: DataSet
    trainer: Trainer
    callbacks: list[Callback]
    probe: ProbeSettings
    check: CheckSettings
    tracking: TrackingSettings
    check_rng: np.random.Generator
    spec: dict[str, Any]
    compiled: CompiledSteps | None = None


def build(config: Config) -> Experiment:
    """Make the objects of a validated config; raises ConfigError or DataError, and writes nothing."""
    with named_plugins():
        return _build(config)


def _build(config: Config) -> Experiment:
    planned, random = outline(config), streams(config.seed)
    engine, _ = engine_of(config, planned)
    initialize(config, planned, random)
    planned.method.prepare(planned.network, planned.head, random.method)
    data = planned.data
    trainer = Trainer(
        network=planned.network,
        head=planned.head,
        method=planned.method,
        optimizer=GROUPS["optimizer"].build(config.optimizer),
        schedule=GROUPS["schedule"].build(config.schedule),
        batches=Batches(data.train, batch_size(config, data), random.shuffle),
        parts=evaluated_parts(config, data),
        lr=config.lr,
        epochs=config.epochs,
        evaluate_every=config.evaluation.every,
        penalty=config.penalty,
        clip=config.clip,
        method_rng=random.method,
    )
    return Experiment(
        config=config,
        data=data,
        trainer=trainer,
        callbacks=[guarded(name, callbacks.build(name, **params)) for name, params in config.callbacks.items()],
        probe=GROUPS["probe"].build(config.probe),
        check=planned.check,
        tracking=GROUPS["tracking"].build(config.tracking),
        check_rng=random.check,
        spec=describe(config, planned.network, data),
        compiled=compiled_steps(config, trainer) if engine == "numba" else None,
    )


def initialize(config: Config, planned: Outline, random: Streams) -> None:
    """Draw the initial parameters of an outlined network."""
    declared = GROUPS["init"].declared(config.init)
    initializer = GROUPS["init"].registry.build(declared.name, **declared.own)
    planned.network.initialize(initializer, random.init, **declared.shared)


def batch_size(config: Config, data: DataSet) -> int:
    """B, samples per step; `full` is the whole training part."""
    return len(data.train) if config.batch_size == "full" else int(config.batch_size)


def evaluated_parts(config: Config, data: DataSet) -> dict[str, Part]:
    """The parts that are evaluated after an epoch; of the training part at most `train_samples`, always the same."""
    train, most = data.train, config.evaluation.train_samples
    rows = train.rows
    if len(rows) > most and len(data.train.X) == len(rows):
        rows = np.random.default_rng(0).permutation(rows)  # rows in the order of a file are no fair sample
    rows = rows[:: -(-len(train) // most)]
    sample = replace(train, rows=rows)
    parts = {"train": sample, "validation": data.validation, "test": data.test}
    return {name: part for name, part in parts.items() if part is not None}


def describe(config: Config, network: Network, data: DataSet) -> dict[str, Any]:
    """What is needed in addition to theta to use the network again: plain values, and what surrounds the network."""
    return {
        "sizes": list(network.sizes),
        "hidden": declared_activations(config),
        "output": dict(config.output),
        "dtype": config.dtype,
        "task": data.task,
        "classes": list(data.classes),
        "image_shape": list(data.image_shape) if data.image_shape else None,
        "data": {"name": data.name, "source": data.source, "digest": data.digest},
        "target_names": list(data.target_names),
        "columns": data.columns,
        "scaling": data.scaling,
        "target_scaling": data.target_scaling,
    }
