"""The config groups whose options are components: their registries, and the parameters shared by a group.

Validation, help, YAML files and the options of plug-ins are derived here from signature and docstring of a factory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpexp.papers  # noqa: F401  registers the gradient method as_printed
from bpexp.config.launching import launchings
from bpexp.data import datasets
from bpexp.data.prepare import prepare
from bpexp.docstrings import summary
from bpexp.errors import ConfigError, nearest
from bpexp.gradients import gradient_methods
from bpexp.insight.gradient_check import gradient_checks
from bpexp.insight.probe_sets import described, probe_sets
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.initializers import initializers
from bpexp.nn.losses import losses
from bpexp.nn.network import Network
from bpexp.nn.optimizers import optimizers
from bpexp.nn.outputs import outputs
from bpexp.nn.schedules import schedules
from bpexp.registry import Parameter, Registry, declared_parameters
from bpexp.search.samplers import samplers, shared
from bpexp.tracking.settings import tracking_settings


@dataclass(frozen=True, slots=True)
class Declaration:
    """A component as declared by a config: its name, its own parameters, and those shared by its group."""

    name: str
    own: dict[str, Any]
    shared: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Group:
    """A config group, `group=option`, with the parameters of the option's factory and the `shared` ones.

    `values` describes what a list of the group can name, by name.
    """

    name: str
    registry: Registry[Any]
    shared: Mapping[str, Parameter]
    values: Callable[[], Mapping[str, str]] = dict

    def declared(self, node: Any) -> Declaration:
        """Split and validate the node of this group in a config; raises ConfigError."""
        name, params = self.registry.parse(node)
        if name in self.registry:
            known = self.parameters(name)
            for key in params:
                if key not in known:
                    told = f"{self._takers(key) or nearest(key, known)}it takes: {', '.join(known) or 'none'}"
                    raise ConfigError(f"{self.registry.kind} {name!r} has no parameter {key!r}; {told}")
        own = {key: value for key, value in params.items() if key not in self.shared}
        shared = {key: value for key, value in params.items() if key in self.shared}
        self.registry.validate(name, **own)
        for key, value in shared.items():
            self.shared[key].validate(value, f"{self.name}.{key}")
        return Declaration(name, own, shared)

    def _takers(self, key: str) -> str:
        """`momentum, nesterov take it; ` if options have a parameter, else an empty string."""
        names = [name for name in sorted(self.registry) if key in self.parameters(name)]
        return f"{', '.join(names)} take{'s' * (len(names) == 1)} it; " if names else ""

    def build(self, node: Any) -> Any:
        """The component of a node; its shared parameters are validated, but not used here."""
        declared = self.declared(node)
        return self.registry.build(declared.name, **declared.own)

    def parameters(self, option: str) -> dict[str, Parameter]:
        """All parameters of an option, its own first."""
        return {**self.registry.parameters(option), **self.shared}

    def defaults(self, option: str) -> dict[str, Any]:
        """The node of an option with its defaults, as in its YAML file; `???` for a required parameter."""
        values = {key: "???" if p.required else p.default for key, p in self.parameters(option).items()}
        return {"name": option, **{key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}}

    def yaml(self, option: str) -> str:
        """The content of an option's YAML file: its description, and each parameter with default and meaning."""
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
        Group("init", initializers, _shared(Network.initialize, "biases", "bias_std")),
        Group("optimizer", optimizers, {}),
        Group("schedule", schedules, {}),
        Group("gradient", gradient_methods, {}),
        Group(
            "data", datasets, _shared(prepare, "validation", "test", "one_hot", "scaling", "target_scaling", "limit")
        ),
        Group("probe", probe_sets, {}, described),
        Group("check", gradient_checks, {}),
        Group("tracking", tracking_settings, {}),
        Group("launcher", launchings, {}),
        Group("search", samplers, declared_parameters(shared)),
    )
}


OPTIONAL = ("search",)
"""Groups of which no option may be chosen; the node is then empty."""


def config_folder() -> Path:
    """The folder of the configs: inside the package if installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    return next(folder for folder in (package / "conf", package.parent / "conf") if folder.is_dir())


def options(group: str) -> list[str]:
    """The options of a group: the names in its registry, or else those of its YAML files."""
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
