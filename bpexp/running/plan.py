"""From a command line to jobs: each is composed once and validated once, before anything is made."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bpexp.config.composed import Composition
from bpexp.config.composition import CommandLine, Composer, composer
from bpexp.config.effects import refuse_launching, refuse_overruled
from bpexp.config.limits import Limits, raised
from bpexp.config.overrides import (
    Override,
    as_sweeps,
    levels,
    refuse_declared,
    refuse_many,
    refuse_senseless,
    refuse_unsweepable,
)
from bpexp.config.plugins import named_plugins
from bpexp.config.schema import Config
from bpexp.config.spelling import spelled
from bpexp.errors import BpexpError, ConfigError, say
from bpexp.records.sweep_file import SweepRecord
from bpexp.running.checking import Seen, checked
from bpexp.running.job import Job
from bpexp.running.launchers import Chosen
from bpexp.running.recorded import refuse_unrecorded
from bpexp.running.searching.search_plan import Planned, names_search, planned_search
from bpexp.running.searching.trials import Trials
from bpexp.study.design import Study, declared, narrowed
from bpexp.study.stages import stage_of
from bpexp.tracking.settings import TrackingSettings, tracking_settings
from bpexp.tracking.store import refuse_absent

MANY = 300
"""Jobs of which a terminal is told before they are composed, because that takes seconds."""

ONCE = ("report", "doctor", "sync", "figures", "explore", "status", "stop")
"""The tasks that are no runs."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The validated jobs of a command line, and their directory.

    `first` is the composition from which launcher and directories are read. `named` tells whether the user named the
    directory. `said` are the overrides of the whole command, with those that a study or a config adds. `data` holds
    name and digest of each data set, as the first job with it loaded it. `line` is what was planned; `resumed` is the
    record of the sweep in the directory, if that one goes on. `chosen` is the launcher, once the sweep begins. Of a
    search, whose jobs are not known yet, `jobs` holds the preset, what its trials have in common; `trials` makes them.
    """

    jobs: list[Job]
    first: Composition
    multirun: bool
    directory: Path
    named: bool
    said: list[str]
    study: Study | None = None
    data: tuple[str, ...] = ()
    line: CommandLine = field(default_factory=CommandLine)
    resumed: SweepRecord | None = None
    chosen: Chosen | None = None
    trials: Trials | None = None

    @property
    def config(self) -> Config:
        """The config of the first job, for settings that all jobs share."""
        return self.jobs[0].config

    @property
    def tracking(self) -> TrackingSettings:
        """Where the runs are recorded."""
        settings: TrackingSettings = tracking_settings.from_config(self.config.tracking)
        return settings


def plan(line: CommandLine) -> Plan:
    """Compose and validate the jobs of a command line; raises ConfigError or DataError, and writes nothing."""
    with composer(line) as composing:
        said = refuse_senseless(composing.parse(as_sweeps(composing.parse(line.overrides))))
        if names_search(said):
            return _of_search(planned_search(composing, said, line), said, line)
        opening = [levels(override, composing.limits)[0] for override in said]
        first = composing.compose(composing.parse(opening))
        if first.config.search:  # of a config file
            return _of_search(planned_search(composing, said, line), said, line)
        study = _study(first, said, composing.limits)
        multirun = line.multirun or study is not None or first.multirun
        if not multirun:
            _refuse_sweeps(said)
        refuse_launching(first, said, multirun=multirun)
        keys = {override.get_key_element() for override in said}
        found = _declared(first, study)
        refuse_declared(found)
        extra = composing.parse([text for key, text in found.items() if multirun and key not in keys])
        everything = [*said, *extra] if study else [*extra, *said]
        grid = {override.get_key_element(): levels(override, composing.limits) for override in everything}
        if multirun:
            refuse_unsweepable(grid)
        refuse_many(grid, composing.limits)
        if line.multirun and first.config.task in ONCE:
            raise ConfigError(f"task={first.config.task} is done once; leave -m out")
        if first.config.task == "report" and "hydra.sweep.dir" not in keys:
            _refuse_absent(first.config)  # before a study is composed job by job
        seen = Seen({}, set())
        lines = _combinations(grid, study)
        varied = tuple(key.lstrip("+") for key, found in grid.items() if len(found) > 1)
        if len(lines) >= MANY and first.config.progress and sys.stderr is not None and sys.stderr.isatty():
            say(f"composing and checking {len(lines)} jobs")
        jobs = _jobs(composing, lines, None if extra else first, seen, varied, multirun=multirun)
        if study is not None and first.config.task == "train":
            refuse_unrecorded(study, [job.config for job in jobs], seen.data.values())
    multirun = multirun or first.config.task == "report"  # which reads the folder of a sweep
    kind = "sweep" if multirun else "run"
    named = any(override.key_or_group == f"hydra.{kind}.dir" for override in said)
    texts = [str(override.input_line) for override in everything]
    directory = first.sweep_dir if multirun else first.run_dir
    data = tuple(sorted({f"{data.name} {data.digest}" for data in seen.data.values()}))
    return Plan(jobs, first, multirun, directory, named, texts, study, data, line)


def _of_search(planned: Planned, said: Sequence[Override], line: CommandLine) -> Plan:
    """The plan of a search."""
    named = any(override.key_or_group == "hydra.sweep.dir" for override in said)
    texts = [str(override.input_line) for override in said]
    data = tuple(sorted({f"{data.name} {data.digest}" for data in planned.trials.seen.data.values()}))
    first = planned.first
    return Plan([planned.preset], first, True, first.sweep_dir, named, texts, None, data, line, trials=planned.trials)


def _refuse_absent(config: Config) -> None:
    tracking: TrackingSettings = tracking_settings.from_config(config.tracking)
    if tracking.mlflow:
        refuse_absent(tracking.uri)


def _declared(first: Composition, study: Study | None) -> dict[str, str]:
    """The sweeps that configs declare, by key: those of a study, or Hydra's own."""
    if study is None:
        return {key: f"{key}={levels}" for key, levels in first.sweep_params.items()}
    return {key: f"{key}={','.join(spelled(level) for level in found)}" for key, found in study.grid().items()}


def _refuse_sweeps(said: Sequence[Override]) -> None:
    for override in said:
        if override.is_sweep_override():
            raise ConfigError(f"{override.input_line} has several values; add -m (--multirun) to sweep over them")


def _study(first: Composition, said: Sequence[Override], limits: Limits) -> Study | None:
    """The study that a config declares, with the levels and seeds of the command line in place of its own."""
    node = first.config.study
    if node is not None and not isinstance(node, dict) and first.config.task == "train":
        raise ConfigError(f"study={node!r} declares no study; run one with experiment=NAME, or add task=report")
    if not isinstance(node, dict) or first.config.task not in ("train", "report"):
        return None
    if isinstance(repeats := node.get("repeats"), int) and repeats > limits.jobs:
        raise ConfigError(f"study.repeats={repeats} is more than {limits.jobs} jobs; {raised('jobs', repeats)}")
    study = declared(first.choice("experiment") or "study", node)
    chosen = [override for override in said if override.key_or_group in study.grid()]
    return narrowed(study, {o.key_or_group: [text.partition("=")[2] for text in levels(o, limits)] for o in chosen})


def _combinations(grid: Mapping[str, Sequence[str]], study: Study | None) -> list[tuple[str, ...]]:
    """Every combination of the levels; in a study with stages those of the first stage first, and so on."""
    lines = list(itertools.product(*grid.values()))
    if study is None or not study.stages:
        return lines
    column, seeds = list(grid).index("seed"), list(grid["seed"])
    return sorted(lines, key=lambda line: stage_of(study.stages, seeds.index(line[column])))


def _jobs(
    composing: Composer,
    combinations: Sequence[tuple[str, ...]],
    first: Composition | None,
    seen: Seen,
    varied: tuple[str, ...] = (),
    *,
    multirun: bool,
) -> list[Job]:
    """A job for each combination, composed and validated.

    `first` is the first one, if it is composed already; `varied` are the keys in which they differ.
    """
    made: dict[int, Job] = {}
    for number in _new_levels_first(combinations):
        lines = combinations[number]
        own = tuple(text for text in lines if not text.lstrip("+~").startswith(("hydra.", "hydra/")))
        try:
            known = first if number == 0 else None
            done = known or composing.compose(composing.parse(lines), number)
            refuse_overruled(done, composing.parse(lines))
            with named_plugins():
                config = checked(done.config, seen)
        except BpexpError as error:
            if not multirun or not own:
                raise
            raise type(error)(f"{error} (in the job {' '.join(own)})") from error
        subdirectory = done.subdirectory if multirun else Path()
        job = Job(config, own, subdirectory=subdirectory, number=number, one_of_many=multirun, varied=varied)
        made[number] = replace(job, hydra=done.hydra, data=seen.named(done.config))
    jobs = [made[number] for number in range(len(combinations))]
    if multirun:
        _refuse_places(jobs)
    return jobs


def _new_levels_first(combinations: Sequence[tuple[str, ...]]) -> list[int]:
    """The numbers of the jobs, first those in which a level comes for the first time.

    A mistake in the last level of a grid is then told after as many jobs as there are levels, and not at its end.
    """
    seen: set[str] = set()
    new: list[int] = []
    others: list[int] = []
    for number, lines in enumerate(combinations):
        (others if seen.issuperset(lines) else new).append(number)
        seen.update(lines)
    return [*new, *others]


def _refuse_places(jobs: Sequence[Job]) -> None:
    """Jobs that share a folder, or write beside that of their sweep, where another may lie, write over each other."""
    users: dict[Path, Job] = {}
    for job in jobs:
        if not job.subdirectory.parts or job.subdirectory.is_absolute() or ".." in job.subdirectory.parts:
            raise ConfigError(f"hydra.sweep.subdir must lie below hydra.sweep.dir, not at {str(job.subdirectory)!r}")
        other = users.setdefault(job.subdirectory, job)
        if other is not job:
            raise ConfigError(
                f"the jobs {other.number} and {job.number} would share the folder {str(job.subdirectory)!r}; "
                "let hydra.sweep.subdir hold ${hydra.job.num}"
            )
