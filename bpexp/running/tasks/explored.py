"""What the page of task=explore tells of runs: their samples, their names, and sentences about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpexp.config.schema import Config
from bpexp.data import DataSet, Part
from bpexp.figures.explorer.decimals import text
from bpexp.figures.explorer.page import Shown
from bpexp.figures.explorer.side import SATURATED, Samples, Side, told_side
from bpexp.insight.snapshots import Snapshot
from bpexp.insight.trace import trace_sample
from bpexp.insight.trace_page import check_line
from bpexp.nn.arrays import Array
from bpexp.running.build import Experiment
from bpexp.running.observers import fixed_batch

FIXED = 256
"""Samples on which the layers are measured."""

LEGEND = (
    "Of each layer, on {samples} samples, the same at every snapshot: |delta| is the root mean square of its length; "
    "saturated, the share of pairs of a unit and a sample with |f'(z)| below 1 % of its maximum; dead, the share of "
    "units with f'(z) = 0 for all samples. W changed by |W - W at the start| / |W at the start|. A unit with a cross "
    "is dead, one with a stroke is saturated for at least {share:.0%} of the samples."
)


@dataclass(frozen=True, slots=True, eq=False)
class Explored:
    """A network, the snapshots of its training, and how that ended: `ended` goes on after 'it'."""

    experiment: Experiment
    snapshots: Sequence[Snapshot]
    ended: str = ""


def shown(experiments: Sequence[Experiment], title: str, config: Config) -> Shown:
    """The samples to choose from, and what the runs have in common; `config` declares how many samples, and the first.

    The samples are of the training part of the first experiment.
    """
    data = experiments[0].data
    places = chosen_places(data.train, config.sample, config.explore.samples)
    facts = [f"Data: {data.name}, {len(data.train)} training samples."]
    if len(experiments) > 1:
        facts.append("Both networks start from the same weights and see the same batches.")
    return Shown(
        title=f"{title}: a pass to click through",
        facts=facts,
        legend=LEGEND.format(samples=fixed_batch(data.train, FIXED)[0].shape[1], share=SATURATED),
        sizes=experiments[0].trainer.network.sizes,
        samples=[data.train.batch(data.train.rows[place : place + 1]) for place in places],
        names=[_sample(data, place) for place in places],
        classes=data.classes,
        image_shape=data.image_shape,
    )


def chosen_places(part: Part, first: int, count: int) -> list[int]:
    """At most `count` places in a part: `first`, then samples of classes that are not there yet, then any."""
    order = [first, *(place for place in range(min(len(part), 1000 * count)) if place != first)]
    if part.labels is None:
        return order[:count]
    _, new = np.unique(part.labels[part.rows[order]], return_index=True)
    fresh = sorted(new.tolist())
    return [order[k] for k in [*fresh, *sorted(set(range(len(order))) - set(fresh))][:count]]


def _sample(data: DataSet, place: int) -> str:
    """The name of a training sample: its place, and its class or its values."""
    row = data.train.rows[place]
    if data.train.labels is not None:
        return f"{place}, class {data.classes[int(data.train.labels[row])]}"
    return f"{place}, y = {', '.join(text(value) for value in data.train.Y[row][:4].tolist())}"


def side(of: Explored, samples: Samples, *, last: bool = False) -> dict[str, Any]:
    """Everything that the page tells of a network; with `last` its gradient is verified at the last snapshot."""
    experiment, trainer = of.experiment, of.experiment.trainer
    notes = [*_notes(experiment, of.ended), *([_verified(of, *samples[0])] if last else [])]
    made = Side(
        name=side_name(experiment),
        network=trainer.network,
        head=trainer.head,
        hidden=_hidden(experiment),
        parts=trainer.parts,
        fixed=fixed_batch(experiment.data.train, FIXED),
        notes=notes,
    )
    return told_side(made, of.snapshots, samples)


def _hidden(experiment: Experiment) -> list[str]:
    return [str(node["name"]) for node in experiment.spec["hidden"]]


def side_name(experiment: Experiment) -> str:
    """The functions of a network in words."""
    output, loss = experiment.trainer.head.name.split("+")
    hidden = list(dict.fromkeys(_hidden(experiment)))
    layers = f"{' and '.join(hidden)} layers, " if hidden else ""
    return f"{layers}{output} output, {loss}"


def _notes(experiment: Experiment, ended: str) -> list[str]:
    config, method = experiment.config, experiment.config.gradient["name"]
    size = len(experiment.data.train) if config.batch_size == "full" else config.batch_size
    notes = [f"Trained by {config.optimizer['name']} with lr={config.lr:g} and batches of {size}, in {config.dtype}."]
    if beyond := _beyond_the_slope(experiment):
        notes.append(f"Its updates had {', '.join(beyond)}, too; the gradient that is shown is that of the cost alone.")
    if ended:
        notes.append(f"It {ended}.")
    if method != "backprop":
        notes.append(f"It was trained with gradient={method}; the backward pass that is shown is back-propagation.")
    return notes


def _beyond_the_slope(experiment: Experiment) -> list[str]:
    """What the updates had beside the slope of the cost and the learning rate, in words."""
    trainer, schedule = experiment.trainer, experiment.config.schedule
    said = {
        "the penalty": trainer.penalty,
        "clipping": trainer.clip,
        "weight decay": trainer.optimizer.weight_decay,
        f"the schedule {schedule.get('name')}": schedule.get("name") != "constant",
        "a warm-up": schedule.get("warmup"),
    }
    return [words for words, used in said.items() if used]


def _verified(of: Explored, x: Array, y: Array) -> str:
    """That the gradient at the last snapshot was verified, in a sentence; or why not."""
    network = of.experiment.trainer.network.at(of.snapshots[-1].theta)
    if not np.isfinite(network.theta).all():
        return "The weights at the last snapshot are not finite, so that the gradient there cannot be verified."
    with np.errstate(all="ignore"):
        trace = trace_sample(network, of.experiment.trainer.head, _hidden(of.experiment), x, y)
    return f"At the last snapshot: {check_line(trace)}"
