"""Execution of plans: one run, or a sweep with a parent run, a ranking and, for a study, a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bpexp.errors import BpexpError, ConfigError, warn
from bpexp.files.whole import write_whole
from bpexp.records.escaping import code, typed
from bpexp.records.lock import RunLock, make_room
from bpexp.records.outcome import Outcome
from bpexp.records.sweep_file import write_sweep
from bpexp.running.directories import claim, going_on, kept_in, refuse_taken
from bpexp.running.ending.signals import Signals
from bpexp.running.job import Ending, Job, labels_of
from bpexp.running.launch import LAUNCHER, chosen_for, common_words, execute_jobs
from bpexp.running.launchers.choice import launched
from bpexp.running.perform import perform
from bpexp.running.plan import Plan
from bpexp.running.progress import tell, waiting
from bpexp.running.resuming.results import await_others, closed, results
from bpexp.running.resuming.sweep_record import record_of
from bpexp.running.study_run import declare, goes_on, refuse_other_study, report, stages
from bpexp.running.sweep_header import header, notes_of
from bpexp.running.tasks.recovery import deliver_left
from bpexp.running.writing import as_yaml
from bpexp.study.ranking import Ranking, rank
from bpexp.tracking.content import shown_summary
from bpexp.tracking.parent import ParentRun
from bpexp.tracking.session import recording

if TYPE_CHECKING:
    from bpexp.search.confirmation import Confirmation
    from bpexp.search.found import Found  # only a search needs Optuna
    from bpexp.study.report import Report  # only a study needs the statistics that it imports

TABLE = "ranking.csv"


@dataclass(slots=True, eq=False)
class Sweep:
    """The result of a sweep: an ending for every job, the ranking, the report of a study, and what a search found."""

    directory: Path
    endings: list[Ending] = field(default_factory=list)
    ranking: Ranking = field(default_factory=lambda: rank([], []))
    experiment_id: str | None = None
    store: str | None = None
    parent: str | None = None
    report: Report | None = None
    found: Found | None = None
    confirmed: Confirmation | None = None

    @property
    def outcomes(self) -> list[Outcome]:
        """One outcome for each job, with the status `lost` for a job without one."""
        return [ending.outcome or _lost(ending) for ending in self.endings]

    @property
    def ok(self) -> bool:
        """Whether every job has a result; of a search, whether it found anything."""
        if self.found is not None:
            return self.found.best is not None
        return all(outcome.ok for outcome in self.outcomes)


def run_single(plan: Plan) -> Outcome:
    """Execute the single run of a plan."""
    with Signals() as signals, recording(signals.arrived) as session:
        directory = claim(plan.directory, "run", named=plan.named)
        signals.keep(kept_in(directory))
        deliver_left(plan.tracking, session)
        return perform(plan.jobs[0].below(directory))


def run_sweep(plan: Plan, command: Sequence[str]) -> Sweep:
    """Execute every job of a plan below one parent run; a study ends with its report.

    Of a sweep that is resumed, the jobs without a result are executed. The ranking and the parent run are written even
    if the sweep is interrupted; the exception is then re-raised.
    """
    with Signals() as signals, ExitStack() as stack:
        with signals.raised():
            plan = replace(plan, chosen=stack.enter_context(launched(plan)))
        resumed = plan.resumed
        directory = plan.directory if resumed else claim(plan.directory, "sweep", named=plan.named)
        signals.keep(going_on(directory))
        with RunLock(directory):
            if not resumed:
                refuse_taken(directory, "sweep")  # by another process, while this one waited for the lock
            tell([header(plan)], plan.config.progress)
            run = _run_sweep
            if plan.trials is not None:
                from bpexp.running.searching.search_run import run_search as run  # which needs Optuna
            return run(plan, directory, resumed.command if resumed else command, signals)


def _begin(plan: Plan, directory: Path, command: Sequence[str]) -> dict[int, Ending]:
    """Record what is declared; of a sweep that is resumed, find the endings of the jobs that have a result."""
    if plan.resumed is not None:
        jobs = [job.below(directory) for job in plan.jobs]
        await_others(jobs)
        if plan.study is not None:
            refuse_other_study(plan, plan.study, directory)
        done = results(jobs)
        told = "the sweep is complete" if len(done) == len(jobs) else f"{len(done)} of {len(jobs)} jobs have a result"
        tell([f"resumed {directory}: {told}"], True)
        return done
    write_declaration(plan, directory, command)
    return {}


def write_declaration(plan: Plan, directory: Path, command: Sequence[str]) -> None:
    """Record what a new sweep declares; raises ConfigError where the folder takes nothing."""
    said = as_yaml({"overrides": plan.said, "hydra": plan.first.hydra})
    record = record_of(plan.line, command, plan.jobs, chosen_for(plan).words)
    trials, shared = plan.trials.search.trials if plan.trials else None, sorted(common_words(plan))
    try:
        write_sweep(replace(record, trials=trials, shared=shared), directory)
        (directory / "multirun.yaml").write_text(said, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write to the directory {str(directory)!r} ({error.strerror or error})") from error


def _run_sweep(plan: Plan, directory: Path, command: Sequence[str], signals: Signals) -> Sweep:
    done = _begin(plan, directory, command)
    sweep = Sweep(directory)
    tell(notes_of(plan), plan.config.progress)
    with recording(signals.arrived) as session:
        signals.check()
        deliver_left(plan.tracking, session)
        with waiting("beginning the record of the sweep", plan.config.progress):
            parent = ParentRun(plan.tracking, directory, _name(plan), command)
        signals.last_words = lambda word: parent.end("KILLED")
        sweep.experiment_id, sweep.store, sweep.parent = parent.experiment_id, parent.store_uri, parent.run_id
        parent.declare({}, {LAUNCHER: chosen_for(plan).words, **labels_of(plan.jobs)}, [])
        if plan.study is not None:
            declare(plan, plan.study, directory, parent)
        jobs: list[Job] = []
        status = "KILLED"
        try:
            with signals.raised():
                for batch in _batches(plan, sweep, parent):
                    jobs += batch
                    sweep.endings += [replace(done[job.number], job=job) for job in batch if job.number in done]
                    left = [job for job in batch if job.number not in done]
                    if left and not execute_jobs(plan, left, sweep):
                        break
            status = "FINISHED" if sweep.ok else "FAILED"
        except Exception:
            status = "FAILED"
            raise
        finally:
            make_room(directory)
            conclude_sweep(sweep, jobs, parent, status, command)
            sweep.experiment_id = parent.experiment_id  # of a server known later than at the start
            signals.last_words = None
        if signals.pending is None:
            log_best_model(sweep, parent)
        if plan.study is not None and signals.pending is None:
            try:
                with signals.raised(), waiting("writing the report", plan.config.progress):
                    sweep.report = report(plan.study, _folders(sweep), sweep.directory, parent, command)
            except OSError as error:  # a full disk: the runs are there, and task=report can ask for them
                warn(f"no whole report in {sweep.directory} ({error.strerror or error})")
    return sweep


def _batches(plan: Plan, sweep: Sweep, parent: ParentRun) -> Iterator[list[Job]]:
    """The jobs to launch together: all, or those of one stage after the other until the claims are decided."""
    jobs = [job.below(sweep.directory, parent.run_id) for job in plan.jobs]
    if plan.study is None or not plan.study.stages:
        yield jobs
        return
    for batch in stages(plan.study, jobs):
        yield batch
        if not goes_on(plan.study, _folders(sweep), parent, told=plan.config.progress):
            return


def _folders(sweep: Sweep) -> list[Path]:
    return [ending.job.directory for ending in sorted(sweep.endings, key=lambda ending: ending.job.number)]


def _name(plan: Plan) -> str:
    said = " ".join(text for text in plan.said if not text.lstrip("+").startswith(("hydra.", "hydra/", "data.digest=")))
    return f"study: {plan.study.name}" if plan.study else f"sweep: {said}"


def conclude_sweep(
    sweep: Sweep,
    jobs: Sequence[Job],
    parent: ParentRun,
    status: str,
    command: Sequence[str],
    numbers: Mapping[str, float] | None = None,
    head: str = "",
) -> None:
    """Rank the outcomes, write the table and end the parent; a job without an ending is read from disk, else lost.

    `numbers` are recorded beside those of the best run, and `head` opens the description.
    """
    ended = {ending.job.number: ending for ending in sweep.endings}
    sweep.endings = [ended.get(job.number) or closed(job, "") for job in jobs]
    outcomes = sweep.outcomes
    sweep.ranking = rank(outcomes, [ending.job.number for ending in sweep.endings])
    if not all(outcome.ok for outcome in outcomes):
        parent.end_lost()
    table = sweep.directory / TABLE
    try:
        write_whole(table, sweep.ranking.csv())
    except OSError as error:  # a full disk: the parent run is ended all the same
        warn(f"no {TABLE} in {sweep.directory} ({error.strerror or error})")
    counts = {f"jobs/{s}": sum(outcome.status == s for outcome in outcomes) for s in {o.status for o in outcomes}}
    best = sweep.ranking.best
    parts = [head, code(typed(command)), sweep.ranking.meaning, sweep.ranking.markdown()]
    note = "\n\n".join(part for part in parts if part)
    metrics = {**counts, **(shown_summary(best) if best else {}), **(numbers or {})}
    parent.finish(status, metrics=metrics, note=note, files=[table] if table.exists() else [])


def log_best_model(sweep: Sweep, parent: ParentRun) -> None:
    """Log the network of the best run as a model, unless each run has logged its own."""
    best = sweep.ranking.best
    if best is None or best.model is not None:
        return
    try:
        address = parent.log_model(Path(best.directory))
    except (BpexpError, OSError) as error:
        warn(f"no model of {best.directory} ({error})")
        return
    sweep.endings = [
        replace(ending, outcome=replace(best, model=address)) if ending.outcome is best else ending
        for ending in sweep.endings
    ]
    sweep.ranking = replace(sweep.ranking, best=replace(best, model=address))


def _lost(ending: Ending) -> Outcome:
    job = ending.job
    info = job.info()
    return Outcome(info.name, str(job.directory), "lost", ending.reason, info.overrides, info.params, 0.0)
