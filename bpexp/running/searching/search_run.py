"""Execution of a search: trials below one parent run, decided by the results so far, then what was found."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpexp.errors import ConfigError, RecordError, warn
from bpexp.records.escaping import typed
from bpexp.records.lock import make_room
from bpexp.running.ending.signals import Signals
from bpexp.running.job import Ending, Job, labels_of
from bpexp.running.launch import LAUNCHER, chosen_for, execute_jobs
from bpexp.running.progress import tell, waiting
from bpexp.running.resuming.sweep_record import plain
from bpexp.running.searching.asking import Asking
from bpexp.running.searching.confirming import confirm
from bpexp.running.searching.trials import Trials
from bpexp.running.sweep import Sweep, conclude_sweep, log_best_model, write_declaration
from bpexp.running.sweep_header import notes_of
from bpexp.running.tasks.recovery import deliver_left
from bpexp.search.confirmation import Confirmation
from bpexp.search.found import found_by
from bpexp.search.report import write_report
from bpexp.search.storage import STORAGE, Stored, begin, goes_on
from bpexp.search.summary import metrics, note, params, series
from bpexp.study.origin import this_code
from bpexp.tracking.parent import ParentRun
from bpexp.tracking.session import recording

if TYPE_CHECKING:
    from bpexp.running.plan import Plan


def run_search(plan: Plan, directory: Path, command: Sequence[str], signals: Signals) -> Sweep:
    """Execute the trials of a search in a folder that is locked; one that is resumed goes on where it was."""
    trials = plan.trials
    assert trials is not None
    stored = _begin(plan, trials, directory, command)
    sweep = Sweep(directory)
    tell(notes_of(plan), plan.config.progress)
    with recording(signals.arrived) as session:
        signals.check()
        deliver_left(plan.tracking, session)
        with waiting("beginning the record of the search", plan.config.progress):
            parent = ParentRun(plan.tracking, directory, _name(plan, trials), command)
        signals.last_words = lambda word: parent.end("KILLED")
        sweep.experiment_id, sweep.store, sweep.parent = parent.experiment_id, parent.store_uri, parent.run_id
        tags = {"bpexp.search": trials.search.sampler, LAUNCHER: chosen_for(plan).words, **labels_of(plan.jobs)}
        parent.declare(params(trials.search), tags, [])
        asking = Asking(trials, stored, directory, parent.run_id, sweep.endings)
        confirmed: Confirmation | None = None
        status = "KILLED"
        try:
            with signals.raised():
                whole = execute_jobs(plan, asking.jobs_to_do(asking.recognised()), sweep, trials.search.trials)
                asking.tell()
                if whole:  # not ended by sweep.on_error=stop
                    best = found_by(trials.search, stored.study, importance=False)
                    confirmed = confirm(trials, best, directory, parent.run_id, partial(_execute, plan, directory))
            status = "FINISHED" if whole else "FAILED"
        except Exception:
            status = "FAILED"
            raise
        finally:
            asking.tell()
            make_room(directory)
            sweep.found, sweep.confirmed = found_by(trials.search, stored.study), confirmed
            parent.history(series(sweep.found))
            told, numbers = status if sweep.ok else _worse(status), metrics(sweep.found, confirmed)
            conclude_sweep(sweep, asking.jobs, parent, told, command, numbers, note(sweep.found, confirmed))
            sweep.ranking.problems.extend(asking.unmade)
            sweep.experiment_id = parent.experiment_id
            signals.last_words = None
        if signals.pending is None:
            log_best_model(sweep, parent)
            _report(plan, sweep, parent, command, signals)
    return sweep


def _execute(plan: Plan, directory: Path, jobs: Sequence[Job], endings: list[Ending]) -> None:
    """Execute the runs that confirm a search."""
    apart = Sweep(directory, endings)
    tell([f"confirming on {len(jobs)} runs"], plan.config.progress)
    execute_jobs(plan, jobs, apart, len(jobs) + len(endings))


def _report(plan: Plan, sweep: Sweep, parent: ParentRun, command: Sequence[str], signals: Signals) -> None:
    """Write the report, and put it on the parent run."""
    assert sweep.found is not None
    facts = [f"command: {typed(command)}", *this_code()]
    try:
        with signals.raised():
            file = write_report(sweep.found, sweep.confirmed, sweep.directory, facts, sweep.ranking.problems)
            parent.attach([file], note(sweep.found, sweep.confirmed))
    except OSError as error:  # a full disk: the trials are there
        warn(f"no report in {sweep.directory} ({error.strerror or error})")


def _begin(plan: Plan, trials: Trials, directory: Path, command: Sequence[str]) -> Stored:
    """Record what a new search declares, or open the storage of one that goes on."""
    preset = plain(plan.jobs[0].params)
    if plan.resumed is None or not (directory / STORAGE).exists():
        return _new(plan, trials, directory, command, preset)
    stored = goes_on(directory, trials.search, preset)
    states = [trial.state.is_finished() for trial in stored.study.get_trials(deepcopy=False)]
    told = f"{sum(states)} of {trials.search.trials} trials are over"
    tell([f"resumed {directory}: {told}"], True)
    return stored


def _new(plan: Plan, trials: Trials, directory: Path, command: Sequence[str], preset: dict[str, Any]) -> Stored:
    if plan.resumed is None:
        write_declaration(plan, directory, command)
    elif begun := [path.name for path in directory.iterdir() if path.name.isdigit()]:
        raise RecordError(
            f"{str(directory / STORAGE)!r} is gone, so that nothing tells what trial {begun[0]} was; begin a new search"
        )
    try:
        return begin(directory, trials.search, preset)
    except OSError as error:
        raise ConfigError(f"cannot write to the directory {str(directory)!r} ({error.strerror or error})") from error


def _worse(status: str) -> str:
    """The status of a search without a complete trial."""
    return "FAILED" if status == "FINISHED" else status


def _name(plan: Plan, trials: Trials) -> str:
    said = " ".join(text for text in plan.said if not text.lstrip("+").startswith(("hydra.", "hydra/", "search")))
    return f"search={trials.search.sampler} {said}"
