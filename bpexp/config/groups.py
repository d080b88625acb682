"""The config groups whose options are components: which registry holds them, and what every option of a group takes.

Everything that is said of an option (validation, help, YAML files, options of plug-ins without a file) is derived here
from the signature and the docstring of its factory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpexp.papers  # noqa: F401  registers the gradient method as_printed
from bpexp.data import datasets
from bpexp.data.prepare import prepare
from bpexp.gradients import gradient_methods
from bpexp.insight.gradient_check import gradient_checks
from bpexp.insight.probing import probe_sets
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.initializers import initializers
from bpexp.nn.losses import losses
from bpexp.nn.network import Network
from bpexp.nn.optimizers import optimizers
from bpexp.nn.outputs import outputs
from bpexp.nn.schedules import schedules
from bpexp.registry import Parameter, Registry, declared_parameters, summary
from bpexp.tracking.settings import tracking_settings


@dataclass(frozen=True, slots=True)
class Declaration:
    """A component as a config declares it: its name, its own parameters, and those that its whole group shares."""

    name: str
    own: dict[str, Any]
    shared: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Group:
    """A config group: `group=option`, with the parameters of the option's factory and the `shared` ones."""

    name: str
    registry: Registry[Any]
    shared: Mapping[str, Parameter]

    def declared(self, node: Any) -> Declaration:
        """Split and validate what a config says of this group; raises ConfigError."""
        name, params = self.registry.parse(node)
        own = {key: value for key, value in params.items() if key not in self.shared}
        shared = {key: value for key, value in params.items() if key in self.shared}
        self.registry.validate(name, **own)
        for key, value in shared.items():
            self.shared[key].validate(value, f"{self.name}.{key}")
        return Declaration(name, own, shared)

    def build(self, node: Any) -> Any:
        """The component that a config declares; the shared parameters are left to whoever takes them."""
        declared = self.declared(node)
        return self.registry.build(declared.name, **declared.own)

    def parameters(self, option: str) -> dict[str, Parameter]:
        """Everything that a config may say of an option, its own parameters first."""
        return {**self.registry.parameters(option), **self.shared}

    def defaults(self, option: str) -> dict[str, Any]:
        """The node of an option with its defaults, as its YAML file holds it; `???` where a value must be said."""
        values = {key: "???" if p.required else p.default for key, p in self.parameters(option).items()}
        return {"name": option, **{key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}}

    def yaml(self, option: str) -> str:
        """The YAML file of an option: what it is, and each parameter with its default and its meaning."""
        lines = [f"# {line}" for line in _wrapped(summary(self.registry[option]))]
        lines.append(f"name: {_spelt(option)}")
        parameters = self.parameters(option)
        for key, value in self.defaults(option).items():
            if key != "name":
                lines += [f"# {line}" for line in _wrapped(parameters[key].meaning)]
                lines.append(f"{key}: {_spelt(value)}")
        return "\n".join(lines) + "\n"


def _shared(function: Callable[..., Any], *names: str) -> dict[str, Parameter]:
    return {name: declared_parameters(function)[name] for name in names}


GROUPS: dict[str, Group] = {
    group.name: group
    for group in (
        Group("activation", activations, {}),
        Group("output", outputs, {}),
        Group("loss", losses, _shared(build_head, "batch", "shortcut")),
        Group("init", initializers, _shared(Network.initialize, "biases")),
        Group("optimizer", optimizers, {}),
        Group("schedule", schedules, {}),
        Group("gradient", gradient_methods, {}),
        Group("data", datasets, _shared(prepare, "validation", "test", "one_hot", "scaling", "limit")),
        Group("probe", probe_sets, {}),
        Group("check", gradient_checks, {}),
        Group("tracking", tracking_settings, {}),
    )
}


def config_folder() -> Path:
    """The configs: inside the package where it was installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    return next(folder for folder in (package / "conf", package.parent / "conf") if folder.is_dir())


def options(group: str) -> list[str]:
    """The names that `group=` takes: those of the registry, or else those of the YAML files."""
    if group in GROUPS:
        return sorted(GROUPS[group].registry)
    return sorted(path.stem for path in (config_folder() / group).glob("*.yaml"))


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 110, break_long_words=False, break_on_hyphens=False)


def _spelt(value: Any) -> str:
    """A default as YAML."""
    if value == "???":
        return "???"
    import yaml

    text = str(yaml.safe_dump(value, default_flow_style=True, width=10_000))
    return text.removesuffix("\n").removesuffix("\n...")
