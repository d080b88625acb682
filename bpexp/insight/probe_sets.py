"""The probe sets that a config can choose: which probes run, and at which steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from bpexp.docstrings import summary
from bpexp.errors import ConfigError
from bpexp.gradients.method import GradientMethod
from bpexp.insight import full_probes, gradient_noise, ledger, signal_probes  # noqa: F401  they register probes of the full set
from bpexp.insight.probes import probes
from bpexp.registry import Count, Range, Registry

Every = Count | Literal["auto"]
Samples = Annotated[int, Range(least=0)]


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """Which probes run at which steps, whether histograms are kept, and how many fixed samples are measured."""

    every: int | str = "auto"
    measures: tuple[str, ...] = ()
    histograms: bool = False
    fixed: int = 0


probe_sets: Registry[ProbeSettings] = Registry("probe")


@probe_sets.register("off")
def off(
    every: Every = "auto", measures: list[str] | None = None, histograms: bool = False, fixed: Samples = 0
) -> ProbeSettings:
    """No probes. The parameters of the other options are accepted, so that a study can be run without its probes.

    Args:
        every: has no effect here.
        measures: has no effect here.
        histograms: has no effect here.
        fixed: has no effect here.
    """
    return ProbeSettings()


STANDARD = ["grad_norm", "delta_norm", "saturation", "dead", "update_ratio"]
FULL = [name for name, probe in probes.items() if not probe.if_inexact]


def _settings(every: int | str, measures: list[str] | tuple[str, ...], histograms: bool, fixed: int) -> ProbeSettings:
    for measure in measures:
        probes.require(measure)
    return ProbeSettings(every, tuple(measures), histograms, fixed)


@probe_sets.register("standard")
def standard(
    every: Every = "auto",
    measures: list[str] = STANDARD,
    histograms: bool = False,
    fixed: Samples = 0,
) -> ProbeSettings:
    """Norms of gradient and delta by layer, saturation, dead units and update ratios.

    Args:
        every: steps between two measurements; auto measures about 50 steps of a run.
        measures: names of the probes.
        histograms: keep histograms of gradients and activations over the steps.
        fixed: number of samples, the same for every run of a data set, also measured at every epoch; 0 for none.
    """
    return _settings(every, measures, histograms, fixed)


@probe_sets.register("full")
def full(
    every: Every = "auto",
    measures: list[str] = FULL,
    histograms: bool = True,
    fixed: Samples = 256,
) -> ProbeSettings:
    """All probes (gradient_angle where the method is not exact), histograms, and measurements on fixed samples.

    Args:
        every: steps between two measurements; auto measures about 50 steps of a run.
        measures: names of the probes.
        histograms: keep histograms of gradients and activations over the steps.
        fixed: number of samples, the same for every run of a data set, also measured at every epoch; 0 for none.
    """
    return _settings(every, measures, histograms, fixed)


def described() -> Mapping[str, str]:
    """What each probe measures, and its population, by name."""
    told = {name: f"{summary(found.measure)} Population: {found.population}." for name, found in probes.items()}
    still = ", ".join(name for name, found in probes.items() if not found.needs)
    of = "of the fixed samples, spread evenly over all parts of the data, in place of the batch"
    return told | {"fixed/...": f"{still} {of}, by a pass of back-propagation at every evaluated epoch."}


def averaged() -> list[str]:
    """The names of the series that are computed from means over the steps so far, such as gradient_noise/scale."""
    return [f"{found.name}/{name}" for found in probes.values() for name in found.over_steps]


def left_out(method: GradientMethod, settings: ProbeSettings) -> tuple[str, ...]:
    """Names of the probes that have no meaning for the method, which Probing leaves out of a full set."""
    return tuple(name for name in settings.measures if probes[name].by_transpose and not method.by_transpose)


def refuse_probes(method: GradientMethod, name: str, settings: ProbeSettings) -> None:
    """Raise ConfigError for a probe that is asked for by name and has no meaning for the method `name`."""
    if settings.measures == tuple(FULL):
        return
    for found in left_out(method, settings):
        raise ConfigError(
            f"probe.measures names {found!r}, which describes the recursion with W^T, but gradient={name} does not "
            f"propagate by W^T; leave {found!r} out, or use gradient=backprop"
        )
