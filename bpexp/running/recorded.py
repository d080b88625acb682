"""What the runs of a study record, against what it reads: a measure of nothing is told before the first run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bpexp.config.groups import GROUPS
from bpexp.config.schema import Config
from bpexp.data import DataSet
from bpexp.errors import ConfigError, nearest
from bpexp.insight.probe_sets import ProbeSettings
from bpexp.insight.probes import probes
from bpexp.study.design import CURVES, Study
from bpexp.study.measures import PREDICTION
from bpexp.training.metrics import PENALTY, measured, metrics

FIXED = "fixed/"
"""What the names of a probe's measures on the fixed samples begin with."""

ALWAYS = ("time", "check", PENALTY.partition("/")[0])
"""First parts of the names of series that are neither metrics nor probes."""

PREDICTED = ("chi",)
"""Series of mean-field theory that no probe measures under the same name."""

LAYER = re.compile(r"(?:layer_|/W|/b)(\d+)$")


def refuse_unrecorded(study: Study, configs: Sequence[Config], data: Iterable[DataSet]) -> None:
    """Raise ConfigError for a series that a study reads, and that no run of it records."""
    read = [measure for measure in study.every_measure if study.tuned or measure is not study.tuned_by]
    wanted = {name: f"the measure {measure.text!r}" for measure in read for name in measure.series}
    if study.curves != CURVES:
        wanted |= {name: f"study.curves: {name!r}" for name in study.curves}
    wanted |= {f"{name}/layer_1": f"study.by_depth: {name!r}" for name in study.by_depth}
    evaluated = [name for some in data for name in _evaluated(some)]
    observed = {name for config in configs for name in _probed(config)}
    deepest = max(len(config.model.widths) + 1 for config in configs)
    for name, where in wanted.items():
        _refuse(name.removeprefix(PREDICTION).removeprefix(FIXED), where, evaluated, observed, deepest)


def _refuse(name: str, where: str, evaluated: Sequence[str], observed: set[str], deepest: int) -> None:
    first = name.partition("/")[0]
    if first in metrics and name not in evaluated:
        raise ConfigError(f"{where} is never recorded; {nearest(name, evaluated)}choose from: {', '.join(evaluated)}")
    if first in probes and observed and first not in observed:  # a study may be run with probe=off
        raise ConfigError(f"{where} is never recorded: no run measures {first!r}; add it to probe.measures")
    if first not in (*metrics, *probes, *ALWAYS, *PREDICTED):
        known = [*metrics, *probes]
        told = f"{nearest(first, known)}choose from: {', '.join(known)}"
        raise ConfigError(f"{where} reads {name!r}, which nothing records; {told}")
    layer = LAYER.search(name)
    if layer is not None and not 1 <= int(layer[1][:9]) <= deepest:
        raise ConfigError(f"{where} reads the layer {layer[1]}; the networks have the layers 1 to {deepest}")


def _evaluated(data: DataSet) -> list[str]:
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    present = [name for name, part in parts.items() if part is not None]
    return [*measured(data.task, data.n_outputs, present), "loss/batch"]


def _probed(config: Config) -> tuple[str, ...]:
    settings: ProbeSettings = GROUPS["probe"].build(config.probe)
    return tuple(settings.measures)
