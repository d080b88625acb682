"""Plans and experiments from overrides, as the command line makes them."""

from __future__ import annotations

from bpexp.config.composition import CommandLine
from bpexp.running.build import Experiment, build
from bpexp.running.plan import Plan, plan


def planned(*overrides: str, multirun: bool = False, config_dir: str | None = None) -> Plan:
    """What a command line comes to."""
    return plan(CommandLine(overrides, multirun, config_dir=config_dir))


def built(*overrides: str) -> Experiment:
    """The objects of one declared run."""
    return build(planned(*overrides).config)
