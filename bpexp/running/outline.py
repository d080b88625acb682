"""The outline of a declared run on its data: every config error is raised here, before anything is drawn or written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpexp.config.groups import GROUPS
from bpexp.config.schema import Config
from bpexp.data import DataSet
from bpexp.errors import ConfigError, nearest
from bpexp.gradients.method import GradientMethod
from bpexp.insight.gradient_check import CheckSettings, refuse_check
from bpexp.insight.probe_sets import refuse_probes
from bpexp.nn.activations import Activation, activations
from bpexp.nn.heads import Head, build_head
from bpexp.nn.network import Network
from bpexp.nn.outputs import outputs
from bpexp.nn.soundness import refuse_unsound
from bpexp.running.bounds import refuse_network
from bpexp.running.loading import load_data
from bpexp.training.metrics import measured

REACH = 3.0
"""Standard deviations from the mean between which nearly all targets lie."""


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """The data of a config, a network whose parameters are 0, and the components that fit both."""

    data: DataSet
    network: Network
    head: Head
    method: GradientMethod
    check: CheckSettings


def outline(config: Config, data: DataSet | None = None) -> Outline:
    """Outline a run; raises ConfigError or DataError, and writes nothing.

    `data` may be any split of the declared data set: no error depends on which samples are in which part.
    """
    head = _head(config)
    hidden = hidden_activations(config)
    method: GradientMethod = GROUPS["gradient"].build(config.gradient)
    check: CheckSettings = GROUPS["check"].build(config.check)
    refuse_check(method, config.gradient["name"], check)
    refuse_probes(method, config.gradient["name"], GROUPS["probe"].build(config.probe))
    data = data or load_data(config)
    _refuse_pairing(config, head, data)
    _refuse_target_scaling(config, head, data)
    _refuse_numbers(config, data)
    refuse_network(config, data, method)
    network = Network([data.n_inputs, *config.model.widths, data.n_outputs], hidden, head.output, config.dtype)
    method.refuse(network, head)
    _refuse_metrics(config, data)
    return Outline(data, network, head, method, check)


def _head(config: Config) -> Head:
    loss = GROUPS["loss"].declared(config.loss)
    head = build_head(config.output, {"name": loss.name, **loss.own}, **loss.shared)
    refuse_unsound(head.output, f"output {config.output['name']!r}", config.dtype)
    return head


def hidden_activations(config: Config) -> list[Activation]:
    """One activation for each hidden layer; raises ConfigError for a function that serves as an output only."""
    nodes = declared_activations(config)
    for node in [config.activation, *nodes]:
        name, _ = activations.parse(node)
        if name in outputs and name not in activations:
            raise ConfigError(f"activation {name!r} serves as an output only; try activation=relu or sigmoid")
    made = [activations.from_config(node) for node in [config.activation, *nodes]]
    for node, activation in zip([config.activation, *nodes], made, strict=True):
        refuse_unsound(activation, f"activation {activations.parse(node)[0]!r}", config.dtype)
    return made[1:]


def declared_activations(config: Config) -> list[dict[str, object]]:
    """Name and parameters of each hidden layer's activation."""
    per_layer = config.model.activations or [config.activation] * len(config.model.widths)
    return [{"name": name, **params} for name, params in map(activations.parse, per_layer)]


def _refuse_pairing(config: Config, head: Head, data: DataSet) -> None:
    """Raise ConfigError for a loss that is not defined on these targets, or a softmax of one unit."""
    loss, output = config.loss["name"], config.output["name"]
    wants_classes = head.loss.classes
    if wants_classes and data.task != "classification":
        declare = " or declare data.task=classification" if "task" in config.data else ""
        raise ConfigError(
            f"loss {loss!r} needs class labels, but data={data.name} has values; try loss=mse output=identity{declare}"
        )
    if data.targets == "index" and not wants_classes:
        raise ConfigError(f"loss {loss!r} cannot compare class numbers; declare data.one_hot=true")
    if data.targets == "index" and len(data.classes) != 2:
        raise ConfigError(f"data.one_hot=false needs two classes, not {len(data.classes)}; declare data.one_hot=true")
    if output == "softmax" and data.n_outputs < 2:
        raise ConfigError(f"output 'softmax' of {data.n_outputs} unit is always 1; try output=sigmoid or identity")


def _refuse_target_scaling(config: Config, head: Head, data: DataSet) -> None:
    """Raise ConfigError for standardized targets, which lie on both sides of 0, under an output that cannot follow."""
    if data.target_scaling is None:
        return
    z = np.array([[-1e4, 1e4]] * data.n_outputs)
    with np.errstate(all="ignore"):
        low, high = head.output.f(z)[0]
    if not (low < -REACH and high > REACH):
        raise ConfigError(
            f"output {config.output['name']!r} cannot reach standardized targets, which lie between about -{REACH:.0f} "
            f"and {REACH:.0f}; declare output=identity, or data.target_scaling=none"
        )


def _refuse_numbers(config: Config, data: DataSet) -> None:
    samples = len(data.train)
    if config.batch_size != "full" and config.batch_size > samples:
        raise ConfigError(f"batch_size must be between 1 and the {samples} training samples, not {config.batch_size!r}")
    if config.task in ("trace", "explore") and config.run is None and config.sample >= samples:
        raise ConfigError(f"sample must be below the {samples} training samples, not {config.sample}")


def _refuse_metrics(config: Config, data: DataSet) -> None:
    """Raise ConfigError for an objective, or a metric of early stopping, that this run does not measure.

    And for weights that would be restored by the choice of the test part, or of the training part.
    """
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    present = [name for name, part in parts.items() if part is not None]
    names = measured(data.task, data.n_outputs, present, penalty=bool(config.penalty))
    wanted = {"objective": config.objective}
    stopping = config.callbacks.get("early_stopping", {})
    if stopping.get("patience") is not None:
        wanted["callbacks.early_stopping.metric"] = stopping.get("metric", "loss/validation")
    for key, metric in wanted.items():
        if metric is not None and metric not in names:
            hint = _missing_part(str(metric), present) or nearest(metric, names)
            raise ConfigError(f"{key}={metric!r} is not measured; {hint}choose from: {', '.join(names)}")
    stops = stopping.get("patience") is not None
    if stops and stopping.get("restore_best", True) and "validation" not in present:
        raise ConfigError(
            "callbacks.early_stopping.restore_best=true needs a validation part, which chooses the best epoch; "
            "set data.validation=0.1, or restore_best=false"
        )


def _missing_part(metric: str, present: list[str]) -> str:
    """A hint how to declare the part of a metric, if the run has none."""
    part = metric.rpartition("/")[2]
    missing = part in ("validation", "test") and part not in present
    return f"set data.{part}=0.1 to have a {part} part, or " if missing else ""
