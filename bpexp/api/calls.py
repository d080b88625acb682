"""The calls: one run, a sweep, a run that goes on, and a recorded run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bpexp.api.result import Result, SweepResult, checked_run, checked_sweep
from bpexp.api.words import given, naming, of_run, of_sweep, refuse_data
from bpexp.config.composition import CommandLine
from bpexp.config.logins import without_credentials
from bpexp.data.memory import holding
from bpexp.errors import BpexpError, ConfigError
from bpexp.running.collector import collecting_seldom
from bpexp.running.plan import ONCE, Plan, plan
from bpexp.running.resuming.resume_sweep import RESUME, resumed_sweep

Check = bool | str | Mapping[str, Any]


@contextmanager
def _told_shortly() -> Iterator[None]:
    """Leave out of the traceback of a mistake what our libraries said about it: the message says what would work."""
    try:
        yield
    except BpexpError as error:
        raise error from None


@collecting_seldom()
@_told_shortly()
def run(*overrides: str, data: Any = None, check: Check = True, **settings: Any) -> Result:
    """One run, declared as on the command line: `run("model=mnist_relu", "loss.factor=0.5", lr=0.1)`.

    Nothing is printed unless progress=True.

    Args:
        overrides: as on the command line.
        data: the name of a data set; a pair of arrays (X, y); a data frame with the name of its target or with the
            targets, (frame, "target") or (frame, series); or a `bpexp.Dataset`. Keys such as data.validation apply too.
        check: False returns a run without a result, whose status is failed or killed, in place of raising RunFailed. A
            run that diverged has a result. Any text is the key `check` of the config, as in check="start".
        settings: further keys, each with one value: a text, which needs no quotes, a number, a list or a mapping.

    Raises RunFailed for a run without a result, ConfigError or DataError for an invalid declaration.
    """
    from bpexp.running.sweep import run_single

    raising, settings = _raising(check, settings)
    dataset, settings = _data(data, settings)
    with holding(dataset):
        named = [] if dataset is None else naming(dataset)
        planned = _planned([*overrides, *named, *of_run(settings)], multirun=False)
        if planned.multirun:
            raise ConfigError("these overrides are a sweep; call bpexp.sweep with them")
        result = Result(Path(run_single(planned).directory), dataset)
    return checked_run(result, raising)


@collecting_seldom()
@_told_shortly()
def sweep(*overrides: str, data: Any = None, check: Check = True, **settings: Any) -> SweepResult:
    """Every combination of the levels given, as `-m` on the command line.

    In `settings` a list, tuple, range or array holds levels, and anything else is one value. A level may be a list:
    `sweep(**{"model.hidden": [[32], [64, 64]]})` has two levels. `sweep("search=tpe", "lr=interval(0.01,1)")` is a
    search, whose `found` has its best trial and what mattered. `sweep(resume=FOLDER)`, or resume=True beside the same
    levels, goes on with a sweep that was broken off.

    Args:
        overrides: as on the command line.
        data: as in `run`. Data in memory are not in that of other processes: such a sweep is serial.
        check: False returns a sweep of which runs have no result, in place of raising RunFailed; see `run`.
        settings: further keys, with their levels.

    Raises RunFailed when all is done and a run has no result, ConfigError or DataError for an invalid declaration.
    """
    from bpexp.running.sweep import run_sweep

    raising, settings = _raising(check, settings)
    dataset, settings = _data(data, settings)
    with holding(dataset):
        words = [*overrides, *of_sweep(settings)]
        if dataset is not None and not any(word.startswith(f"{RESUME}=") and word[7:] != "true" for word in words):
            words = [*naming(dataset), *words]  # a folder has its words already
        words = without_credentials(words)
        swept = run_sweep(_planned(words, multirun=True), words)
    return checked_sweep(SweepResult.of(swept, dataset), raising)


@collecting_seldom()
@_told_shortly()
def resume(
    run: str | Path,
    *,
    epochs: int | None = None,
    previous: bool = False,
    uri: str | None = None,
    data: Any = None,
    check: bool = True,
) -> Result:
    """Go on with a run that was killed, stopped or failed, or with a finished one to more epochs.

    Args:
        run: its folder, or MLflow's id of it.
        epochs: of the whole run; None for as many as it was to have.
        previous: go on from the last checkpoint but one, because the newest is damaged.
        uri: address of the store in which the id is looked up; None as in `load`.
        data: of a run that began with data in memory, the same data; None for one that reads its own.
        check: as in `bpexp.run`.

    Raises BpexpError, and changes nothing, for a run that cannot be resumed, RunFailed for one that fails then.
    """
    from bpexp.running.resuming.resume import resume as go_on
    from bpexp.running.resuming.resume_words import Wanted, found

    changes = {} if epochs is None else {"epochs": epochs}
    folder = found(Wanted(str(run), changes={"tracking.uri": uri} if uri else {}))
    dataset = given(data)
    refuse_data(folder, dataset)
    with holding(dataset):
        outcome = go_on(folder, {"progress": False, **changes}, previous=previous)
    return checked_run(Result(Path(outcome.directory), dataset), check)


@collecting_seldom()
@_told_shortly()
def load(run_id: str, *, uri: str | None = None, experiment: str = "bpexp", into: str | Path | None = None) -> Result:
    """Load a recorded run from MLflow; its files are written to the folder `into`, or to a temporary one.

    Args:
        run_id: MLflow's id of the run.
        uri: address of the store; None for MLFLOW_TRACKING_URI, else sqlite:///mlflow.db in the working directory.
        experiment: name of the MLflow experiment.
        into: folder for the files.

    Raises TrackingError if the run cannot be read.
    """
    from bpexp.tracking.environment import mlflow_environment
    from bpexp.tracking.fetch import fetch_run, refuse_id
    from bpexp.tracking.store import recorded_store

    refuse_id(run_id)

    with mlflow_environment():
        store = recorded_store(uri, experiment, required=False)
        return Result(fetch_run(store, run_id, None if into is None else Path(into)))


def _raising(check: Check, settings: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    """Whether a run without a result raises, and the settings with the key `check` of the config, if it is given."""
    return (check, settings) if isinstance(check, bool) else (True, {**settings, "check": check})


def _data(data: Any, settings: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The data set in memory, if one is given, and the settings with the data set that is named, if one is."""
    dataset = given(data)
    return dataset, settings if dataset is not None or data is None else {"data": data, **settings}


def _planned(said: Iterable[str], *, multirun: bool) -> Plan:
    words = without_credentials(list(said))
    if not any(word.startswith("progress=") for word in words):
        words.append("progress=false")
    for word in words:
        key, _, task = word.partition("=")
        if key == "task" and task in ONCE:
            raise ConfigError(f"task={task} is a command, not a run: python -m bpexp task={task}")
    line = CommandLine(tuple(words), multirun)
    return (resumed_sweep(line) if multirun else None) or plan(line)
