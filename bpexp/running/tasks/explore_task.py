"""`task=explore`: a page on which the passes of a network can be stepped through, at moments of its training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bpexp.errors import ConfigError, warn
from bpexp.figures.explorer.page import MOST, Shown, content, page
from bpexp.figures.explorer.side import weights_size
from bpexp.files.whole import write_whole
from bpexp.insight.snapshots import Snapshot, Snapshots, spread
from bpexp.records.escaping import html, script_json
from bpexp.running.blas import blas_threads
from bpexp.running.build import Experiment, build
from bpexp.running.job import run_name
from bpexp.running.observers import header
from bpexp.running.plan import Plan
from bpexp.running.progress import progress, tell
from bpexp.running.tasks.beside import beside
from bpexp.running.tasks.explored import Explored, shown, side, side_name
from bpexp.running.tasks.explored_run import Recorded, recorded
from bpexp.running.tasks.record_folder import record_folder
from bpexp.training.trainer import train

PAGE = "explore.html"

SNAPSHOTS = 12
"""Largest number of snapshots that are taken without being declared."""

ROOM = 0.97
"""The share of the page that snapshots may fill: the labels of later ones are longer than those of the first."""


def explore(plan: Plan) -> Path:
    """Write the page of the declared run, or of the recorded run that is named, and return its path.

    Raises BpexpError for a run that cannot be shown, and for a page that would be too large; nothing is written then.
    """
    with blas_threads(plan.config.threads):
        text, directory = _trained_page(plan) if plan.config.run is None else _recorded_page(plan, plan.config.run)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory.absolute() / PAGE
    write_whole(path, text)
    return path


def _recorded_page(plan: Plan, name: str) -> tuple[str, Path]:
    """The page of a recorded run, and the folder for it: that of the run, unless another one is named or it is gone."""
    if not name:
        raise ConfigError("run= needs the folder of a run, or MLflow's id of it")
    with record_folder(name, plan.config.tracking.get("uri")) as (directory, fetched):
        run = recorded(directory, plan.config)
    if fetched:
        _tell_what_is_gone(run)
    text = _text_of(run, plan)
    return text, plan.directory if plan.named or fetched else run.directory


def _tell_what_is_gone(run: Recorded) -> None:
    """Say why the slider of a run that only MLflow has knows so few moments."""
    if (kept := run.experiment.config.checkpoint.snapshots) is not None:
        steps = ", ".join(str(one.step) for one in run.explored.snapshots)
        warn(
            f"the slider has the steps {steps} alone: the weights of earlier epochs (checkpoint.snapshots={kept}) "
            "were in the folder of the run, which is gone; MLflow does not get them"
        )


def _text_of(run: Recorded, plan: Plan) -> str:
    every = run.explored.snapshots
    _refuse_wide([run.explored])
    told = shown([run.experiment], run.title, plan.config)
    count = _count([replace(run.explored, snapshots=every[:1])], told, plan.config.explore.snapshots)
    return _page(told, [replace(run.explored, snapshots=spread(every, count))])


def _trained_page(plan: Plan) -> tuple[str, Path]:
    """The page of the declared run, which is trained now, and of what stands beside it; and the folder for it."""
    config = plan.config
    experiments = [build(config)]
    if (other := beside(config, experiments[0].data)) is not None:
        experiments.append(build(other))
        experiments[1].trainer.network.theta[...] = experiments[0].trainer.network.theta
    untrained = [_untrained(experiment) for experiment in experiments]
    _refuse_wide(untrained)
    told = shown(experiments, _title(plan), config)
    count = _count(untrained, told, config.explore.snapshots)
    return _page(told, [_trained(experiment, count) for experiment in experiments]), plan.directory


def _title(plan: Plan) -> str:
    """The name of the run, without what is said of the page."""
    job = plan.jobs[0]
    said = [one for one in job.overrides if not one.startswith(("task=", "explore.", "sample="))]
    return run_name(job.params, tuple(said))


def _untrained(experiment: Experiment) -> Explored:
    return Explored(experiment, [Snapshot("the start", 0, 0, experiment.trainer.network.theta)])


def _trained(experiment: Experiment, count: int) -> Explored:
    """Train in memory, as the run does, and take snapshots."""
    snapshots = Snapshots(count)
    tell([header(experiment, side_name(experiment))], experiment.config.progress)
    bars = progress(experiment.config.progress, side_name(experiment))
    try:
        end = train(experiment.trainer, [*experiment.callbacks, *bars, snapshots])
    finally:
        for bar in bars:
            bar.close()
    return Explored(experiment, snapshots.kept, f"{end.status}: {end.reason}")


def _count(networks: Sequence[Explored], told: Shown, declared: int | str) -> int:
    """How many snapshots of each the page has room for, or as many as are declared."""
    sides = [side(network, told.samples) for network in networks]
    each = sum(len(script_json(one["snapshots"])) for one in sides)
    room = int((MOST * ROOM - len(_text(told, sides)) + each) / each)
    least = 2 if declared == "auto" else int(declared)
    if least > room:
        fewer = f"explore.snapshots={room}, " if room > 1 else ""
        raise ConfigError(
            f"a page with {least} snapshots would be larger than {MOST:,} bytes; declare {fewer}fewer "
            "explore.samples, explore.beside=none, or a narrower model"
        )
    return min(room, SNAPSHOTS) if declared == "auto" else least


def _refuse_wide(networks: Sequence[Explored]) -> None:
    """Raise ConfigError where the weights alone are too many for two snapshots, before they are all written."""
    sizes = networks[0].experiment.trainer.network.sizes
    if 2 * len(networks) * weights_size(sizes) > MOST:
        widths = "-".join(map(str, sizes))
        raise ConfigError(f"a network {widths} is too large for a page of {MOST:,} bytes; declare a narrower model")


def _page(told: Shown, networks: Sequence[Explored]) -> str:
    text = _text(told, [side(network, told.samples, last=True) for network in networks])
    if (size := len(text.encode())) > MOST:
        raise ConfigError(f"the page would have {size:,} bytes, more than {MOST:,}; declare fewer explore.samples")
    return text


def _text(told: Shown, sides: Sequence[dict[str, Any]]) -> str:
    return page(html(told.title), script_json(content(told, sides)))
