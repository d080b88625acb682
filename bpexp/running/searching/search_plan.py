"""From a command line to a declared search: its space and everything that a trial could meet is validated before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpexp.config.composed import Composition
from bpexp.config.composition import CommandLine, Composer
from bpexp.config.effects import refuse_launching
from bpexp.config.groups import GROUPS
from bpexp.config.limits import Limits, raised
from bpexp.config.overrides import Override, has_ends
from bpexp.config.schema import Config
from bpexp.config.search_space import searched, space_of, spelled_dimension
from bpexp.data import DataSet
from bpexp.errors import BpexpError, ConfigError
from bpexp.running.checking import Seen
from bpexp.running.job import Job
from bpexp.running.loading import load_data
from bpexp.running.searching.trials import Trials, in_a_trial, made
from bpexp.search.declared import Search, refuse_absent_packages, refuse_objectives, refuse_unsuited
from bpexp.search.pruners import declared_pruner
from bpexp.search.space import Dimension, corners
from bpexp.training.metrics import chooser, measured

ROOT, SPACE = "search", "search.space."


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """A declared search: what makes its trials, the composition of what they share, and that as a job, the preset."""

    trials: Trials
    first: Composition
    preset: Job


def names_search(said: Sequence[Override]) -> bool:
    """Whether a command line names a search, or a range that only a search can try."""
    named = (override for override in said if _root(override) == ROOT and override.value() is not None)
    return any(has_ends(override) for override in said) or next(named, None) is not None


def planned_search(composing: Composer, said: Sequence[Override], line: CommandLine) -> Planned:
    """The search of a command line, with its preset; raises BpexpError, and writes nothing."""
    for override in said:
        if searched(override) and override.key_or_group.startswith(SPACE):
            word = str(override.input_line).removeprefix(SPACE)
            raise ConfigError(f"{override.input_line}: on the command line a key is searched by itself; write {word}")
        if searched(override) and _root(override) == ROOT:
            raise ConfigError(f"{override.input_line} cannot be swept; use one value")
    fixed = [override for override in said if not searched(override)]
    first = composing.compose(fixed)
    _refuse_none(first, said)
    _refuse_surroundings(first, fixed)
    declared = GROUPS[ROOT].declared(first.config.search)
    extra = _from_file(composing, declared.shared["space"], said)
    texts = tuple(str(override.input_line) for override in fixed if _root(override) != ROOT)
    seen = Seen({}, set())
    preset = _preset(composing, texts, seen)
    data = seen.of(first.config) or load_data(first.config)
    objectives = _objectives(first.config, data, declared.shared["objectives"])
    space = space_of([*extra, *(override for override in said if searched(override))], objectives, composing.limits)
    search = _search(first.config, objectives, space, composing.limits)
    _refuse_launcher(search, first)
    trials = Trials(search, line, texts, composing, seen)
    one = _refuse_trials(trials, composing, preset)
    if isinstance(preset, BpexpError) and search.confirm:
        raise type(preset)(f"{preset} (in the preset, with which search.confirm compares; say search.confirm=0)")
    return Planned(trials, first, one if isinstance(preset, BpexpError) else preset)


def _preset(composing: Composer, texts: Sequence[str], seen: Seen) -> Job | BpexpError:
    """What all trials share, as a job of its own; the reason where that is none without what is searched."""
    try:
        return made(composing, texts, 0, seen)
    except BpexpError as error:
        return error


def _root(override: Override) -> str:
    return override.key_or_group.replace("/", ".").partition(".")[0]


def _refuse_none(first: Composition, said: Sequence[Override]) -> None:
    """Raise ConfigError where no sampler is named."""
    if first.config.search.get("name"):
        return
    for override in said:
        if has_ends(override):
            key = override.key_or_group
            raise ConfigError(
                f"{override.input_line}: an interval has no levels; list them, as in {key}=0.1,0.3, or have them "
                "searched: search=tpe"
            )
        if _root(override) == ROOT and override.key_or_group != ROOT:
            raise ConfigError(f"{override.input_line} has no effect without search=NAME, such as search=tpe")


def _refuse_surroundings(first: Composition, fixed: Sequence[Override]) -> None:
    """Raise ConfigError for what excludes a search."""
    config, name = first.config, first.config.search.get("name")
    if config.task != "train":
        raise ConfigError(f"task={config.task} cannot be searched; leave search={name} out")
    if isinstance(config.study, dict):
        which = first.choice("experiment") or "study"
        raise ConfigError(
            f"search={name} and the study {which!r} exclude each other: a study runs what its claims compare; "
            "leave one out"
        )
    if first.sweep_params:
        raise ConfigError(
            f"hydra.sweeper.params declares a grid; declare what search={name} tries in search.space, or leave one out"
        )
    if first.launcher != "basic":
        raise ConfigError(
            f"search={name} decides each trial by the results before it, and hydra/launcher={first.launcher} wants all "
            "jobs at once; say launcher=process launcher.n_jobs=2"
        )
    refuse_launching(first, fixed, multirun=True)


def _from_file(composing: Composer, space: Any, said: Sequence[Override]) -> list[Override]:
    """The dimensions that search.space declares; a key of the command line is searched, or fixed, as that says."""
    keys = {override.get_key_element() for override in said}
    texts = [spelled_dimension(str(key), value) for key, value in (space or {}).items() if key not in keys]
    parsed = composing.parse(texts)
    for override in parsed:
        if not searched(override):
            raise ConfigError(
                f"search.space: {override.input_line} is one value, which leaves nothing to search; set it outside of "
                "search.space, or write interval(LOW,HIGH) or choice(A,B)"
            )
    return parsed


def _objectives(config: Config, data: DataSet, said: list[str] | None) -> tuple[str, ...]:
    """The objectives, which are of the validation part; without any, accuracy or r2 there."""
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    present = [name for name, part in parts.items() if part is not None]
    names = measured(data.task, data.n_outputs, present, penalty=bool(config.penalty))
    wanted = tuple(said or ([config.objective] if config.objective else []))
    if not wanted and "validation" not in present:
        raise ConfigError("a search needs a validation part, by which it chooses; set data.validation=0.1")
    wanted = wanted or (str(chooser(names)),)
    refuse_objectives(wanted, names)
    return wanted


def _search(config: Config, objectives: tuple[str, ...], space: tuple[Dimension, ...], limits: Limits) -> Search:
    declared = GROUPS[ROOT].declared(config.search)
    sampling = GROUPS[ROOT].registry.build(declared.name, **declared.own)
    pruner, pruning = declared_pruner(declared.shared["pruner"])
    counts = {key: declared.shared[key] for key in ("trials", "seed", "confirm")}
    search = Search(declared.name, sampling, pruner, pruning, **counts, objectives=objectives, space=space,
                    epochs=config.epochs)  # fmt: skip
    number = search.trials + 2 * search.confirm
    if number > limits.jobs:
        raise ConfigError(f"search.trials={search.trials} is more than {limits.jobs} jobs; {raised('jobs', number)}")
    refuse_absent_packages(declared.name, sampling)
    refuse_unsuited(search)
    return search


def _refuse_launcher(search: Search, first: Composition) -> None:
    """Raise ConfigError where trials would report to a storage that they do not see."""
    name = first.config.launcher["name"]
    if search.prunes and not GROUPS["launcher"].build(first.config.launcher).shares_folder:
        raise ConfigError(
            f"search.pruner={search.pruner} needs processes that share the folder of the search, which launcher={name} "
            "does not promise; say launcher=process, or search.pruner=none"
        )


def _refuse_trials(trials: Trials, composing: Composer, preset: Job | BpexpError) -> Job:
    """Compose and validate trials with every choice and the ends of every range; returns the first of them.

    Raises the error of the first that has one; as that of the preset where it is the same.
    """
    places: dict[Path, Job] = {}
    for number, said in enumerate(corners(trials.search.space)):
        try:
            job = made(composing, [*trials.fixed, *(f"{k}={v}" for k, v in said.items())], number, trials.seen)
        except BpexpError as error:
            same = isinstance(preset, BpexpError) and str(error) == str(preset)
            raise error if same else in_a_trial(error, said) from None
        _refuse_place(job, places)
    return min(places.values(), key=lambda job: job.number)


def _refuse_place(job: Job, places: dict[Path, Job]) -> None:
    """Raise ConfigError for trials that would share a folder, or write outside that of the search."""
    place = job.subdirectory
    if not place.parts or place.is_absolute() or ".." in place.parts:
        raise ConfigError(f"hydra.sweep.subdir must lie below hydra.sweep.dir, not at {str(place)!r}")
    if places.setdefault(place, job) is not job:
        raise ConfigError(
            f"trials would share the folder {str(place)!r}; let hydra.sweep.subdir hold ${{hydra.job.num}}"
        )
