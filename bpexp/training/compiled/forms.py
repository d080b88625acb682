"""Which components take part in compiled steps: the forms of a declared network, its head and its optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bpexp.gradients.backprop import Backprop
from bpexp.gradients.method import GradientMethod
from bpexp.nn.activations import Activation, activations
from bpexp.nn.compiled import Compiled
from bpexp.nn.heads import Head
from bpexp.nn.losses import losses
from bpexp.nn.network import Network
from bpexp.nn.optimizers import Optimizer
from bpexp.nn.outputs import Output, outputs
from bpexp.registry import Registry
from bpexp.training.compiled.activations import ACTIVATIONS
from bpexp.training.compiled.heads import CLOSED, LOSSES, OUTPUTS
from bpexp.training.compiled.updates import RULES

OURS = "bpexp."

Node = Mapping[str, Any]
"""Name and parameters of a component, as a config declares it."""


@dataclass(frozen=True, slots=True, eq=False)
class Declared:
    """What a network and its head are made of: the activations of the hidden layers, output and loss."""

    hidden: Sequence[Node]
    output: Node
    loss: Node


@dataclass(frozen=True, slots=True, eq=False)
class Forms:
    """The compiled forms of a network: of each hidden layer, of the output, and of the loss or of both together."""

    hidden: list[Compiled]
    output: Compiled
    loss: Callable[..., None]
    closed: bool
    loss_parameters: tuple[float, ...]


def lacking(
    declared: Declared, network: Network, head: Head, method: GradientMethod, optimizer: Optimizer
) -> list[str]:
    """The components without a compiled form, each as a config names it; [] where every one has its own."""
    missing = []
    if type(method) is not Backprop:
        missing.append(f"gradient method {type(method).__name__!r}")
    elif method.blocks != "auto":
        missing.append(f"gradient.blocks={method.blocks}")
    for node, function in zip(declared.hidden, network.hidden, strict=True):
        if _activation(activations, node, function) is None:
            missing.append(f"activation {node['name']!r}")
    if _activation(outputs, declared.output, head.output) is None:
        missing.append(f"output {declared.output['name']!r}")
    if not _ours(losses, declared.loss["name"], LOSSES):
        missing.append(f"loss {declared.loss['name']!r}")
    if type(optimizer) not in RULES:
        missing.append(f"optimizer {type(optimizer).__name__!r}")
    return list(dict.fromkeys(missing))


def forms(declared: Declared, network: Network, head: Head) -> Forms:
    """The forms of a network in which nothing is lacking."""
    hidden = [_activation(activations, n, f) for n, f in zip(declared.hidden, network.hidden, strict=True)]
    output = _activation(outputs, declared.output, head.output)
    name, given = losses.parse(dict(declared.loss))
    parameters = {p.name: given.get(p.name, p.default) for p in losses.parameters(name).values()}
    share = network.sizes[-1] if parameters.get("reduction") == "mean" else 1
    constants = (parameters.get("factor", 1.0) / share, *([parameters["threshold"]] if name == "huber" else []))
    closed = CLOSED.get((declared.output["name"], name)) if head.form == "closed" else None
    assert output is not None
    return Forms([form for form in hidden if form], output, closed or LOSSES[name], closed is not None, constants)


def _activation(registry: Registry[Any], node: Node, made: Output) -> Compiled | None:
    """The form that a function of a layer brings along, or the one that we have for ours."""
    if isinstance(made, Activation) and made.compiled is not None:
        return made.compiled
    name, given = registry.parse(dict(node))
    if not _ours(registry, name, known := {**ACTIVATIONS, **OUTPUTS}):
        return None
    parameters = tuple(given.get(p.name, p.default) for p in registry.parameters(name).values())
    return replace(known[name], parameters=parameters)


def _ours(registry: Registry[Any], name: str, known: Mapping[str, Any]) -> bool:
    """Whether a component is the one that we have a form for, and not another one of that name."""
    return name in known and registry[name].__module__.startswith(OURS)
