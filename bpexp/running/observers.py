"""The declared probes and gradient check of a run, and what is left out of them."""

from __future__ import annotations

import numpy as np

from bpexp.config.schema import Config
from bpexp.data import DataSet, Part
from bpexp.insight.gradient_check import GradientCheck
from bpexp.insight.histograms import Histograms
from bpexp.insight.probe_sets import left_out
from bpexp.insight.probing import Probing
from bpexp.nn.arrays import Array
from bpexp.records.journal import Journal
from bpexp.running.build import Experiment
from bpexp.running.job import unmeasured
from bpexp.training.events import Callback

MOST_SIZES = 12
"""Sizes of layers that are told."""


def observers(experiment: Experiment, journal: Journal, histograms: Histograms | None) -> list[Callback]:
    """The declared probes and gradient check, which write into the journal."""
    probe, check = experiment.probe, experiment.check
    fixed = fixed_batch(experiment.data.train, probe.fixed) if probe.fixed else None
    probing = Probing(probe.measures, probe.every, journal.metrics, histograms=histograms, fixed=fixed)
    watching: list[Callback] = [probing]
    if check.on:
        compiled = experiment.compiled is not None
        checking = GradientCheck(check, rng=experiment.check_rng, keep=journal.metrics, always_whole=compiled)
        watching.insert(0, checking)
    return watching


def fixed_batch(part: Part, samples: int) -> tuple[Array, Array]:
    """Samples spread evenly over the whole data, independent of the seed: x (n_0, B) and y (n_L, B)."""
    rows = np.unique(np.linspace(0, len(part.X) - 1, samples).astype(np.intp))
    return part.batch(rows)


def leave_out(experiment: Experiment, journal: Journal | None) -> dict[str, str]:
    """Write to the journal, if one is given, which probes have no meaning for the gradient method and are left out.

    Returns the tag that records it in MLflow; {} where none is left out.
    """
    names = list(left_out(experiment.trainer.method, experiment.probe))
    if not names:
        return {}
    if journal is not None:
        journal.write({"event": "left out", "probes": names, "reason": _reason(experiment.config)})
    return {"bpexp.probes_left_out": ", ".join(names)}


def header(experiment: Experiment, name: str) -> str:
    """What a run, or one that is shown on a page, is going to do: its layers, its data and its epochs."""
    config, data = experiment.config, experiment.data
    sizes = [str(size) for size in experiment.trainer.network.sizes]
    layers = "-".join(sizes if len(sizes) <= MOST_SIZES else [*sizes[:3], "...", *sizes[-3:]])
    rows, epochs = len(data.train), config.epochs
    return (
        f"{name}: a network {layers}, {rows} training sample{'s' * (rows != 1)} of {data.name}, "
        f"{epochs} epoch{'s' * (epochs != 1)}"
    )


def notes(config: Config, data: DataSet) -> list[str]:
    """What a run decides without being told, for the screen: about its data, and which probes are left out."""
    names = unmeasured(config)
    found = [f"data: {note}" for note in data.notes]
    if names:
        which = f"the probe {names[0]} is" if len(names) == 1 else f"the probes {', '.join(names)} are"
        found.append(f"probe: {which} left out: {_reason(config)}")
    return found


def _reason(config: Config) -> str:
    return f"gradient={config.gradient['name']} does not propagate by W^T"
