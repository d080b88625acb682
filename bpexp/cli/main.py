"""The command `python -m bpexp`, or `bpexp`: validate everything, then execute one run, a sweep or a report."""

from __future__ import annotations

import argparse
import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bpexp.cli.once import ONCE
from bpexp.cli.output import lost
from bpexp.errors import BpexpError, ConfigError, disk_full, say, visible
from bpexp.running.ending.interruption import Terminated, exit_code, told
from bpexp.running.ending.signals import Signals

if TYPE_CHECKING:
    from bpexp.config.composition import CommandLine
    from bpexp.records.outcome import Outcome
    from bpexp.running.plan import Plan
    from bpexp.running.resuming.resume_words import Wanted
    from bpexp.running.tasks.figures_words import Wanted as FiguresWanted


def main() -> None:
    """Execute the command line.

    Exit codes: 0; 1 if a run failed; 2 for an error in the command line, reported in one line before anything is
    written; 130, 143 or 129 after SIGINT, SIGTERM or SIGHUP.
    """
    from bpexp.cli.arguments import asks_hydra, parse
    from bpexp.config.logins import without_credentials

    _let_any_letter_pass()
    try:
        _refuse_nowhere()
        sys.argv[1:] = without_credentials(sys.argv[1:])
        options = parse(sys.argv[1:])
        if options.help or asks_hydra(options):
            code = _answered(_help(options) if options.help else _show(options))
        else:
            code = _run(options)
    except BpexpError as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        say(f"bpexp: {error}")
        code = 2
    except (KeyboardInterrupt, Terminated) as error:
        say(f"bpexp: {told(error)}")
        code = exit_code(error)
    except OSError as error:  # what a run left is on its own
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        say(f"bpexp: {error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        code = 1
    sys.exit(code)


def _let_any_letter_pass() -> None:
    """Escape what the terminal's encoding lacks, in place of a failure after all the work."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _answered(code: int) -> int:
    """The exit code of a question: 1 where its answer went to a full disk; whoever closes a pipe has had it."""
    with suppress(Exception):
        sys.stdout.flush()
    reason = lost(sys.stdout)
    if reason is None or not disk_full(reason):
        return code
    say(f"bpexp: standard output took nothing ({reason.strerror})")
    return 1


def _refuse_nowhere() -> None:
    """Raise ConfigError where the working directory was removed: no path has a meaning there."""
    try:
        os.getcwd()
    except OSError as error:
        raise ConfigError(
            f"the working directory cannot be found ({error.strerror}); go to a folder that is there"
        ) from error


def _help(options: argparse.Namespace) -> int:
    from bpexp.cli import help

    print(help.text(options.overrides), flush=True)
    return 0


def _show(options: argparse.Namespace) -> int:
    from bpexp.cli.show import show

    return show(options)


def _run(options: argparse.Namespace) -> int:
    from bpexp.cli.arguments import command_line
    from bpexp.running.plan import plan
    from bpexp.running.tasks.figures_words import figures_wanted
    from bpexp.running.tasks.status_words import asked

    line = command_line(options)
    if (question := asked(line.overrides)) is not None:
        return _status(*question, multirun=line.multirun)
    if (figures := figures_wanted(line.overrides)) is not None:
        return _redraw(figures, multirun=line.multirun)
    if any(word.startswith("resume") for word in line.overrides):  # the imports take time, and serve nothing else
        from bpexp.running.resuming.resume_sweep import resumed_sweep
        from bpexp.running.resuming.resume_words import resume_wanted

        if (sweep := resumed_sweep(line)) is not None:
            return _sweep(sweep)
        if (wanted := resume_wanted(line)) is not None:
            return _resume(wanted, line)
    if not line.multirun:
        return _executed(plan(line))
    from bpexp.running.launchers.early import started_early

    with started_early(line.overrides):
        return _executed(plan(line))


def _executed(planned: Plan) -> int:
    task = planned.config.task
    if (once := TASKS.get(task)) is not None:
        with Signals() as signals, signals.raised():
            signals.keep(f"task={task} has not come to its end")
            return once(planned)
    return _sweep(planned) if planned.multirun else _single(planned)


def _resume(wanted: Wanted, line: CommandLine) -> int:
    from bpexp.running.resuming.resume import resume
    from bpexp.running.resuming.resume_words import changes_of, found

    changes = changes_of(wanted, line)
    outcome = resume(found(wanted), changes, previous=wanted.previous)
    return _told(outcome, bool(changes.get("progress", True)))


def _single(planned: Plan) -> int:
    from bpexp.running.sweep import run_single

    outcome = run_single(planned)
    if planned.config.task == "trace" and outcome.ok:  # which has been printed
        return 0
    return _told(outcome, planned.config.progress)


def _told(outcome: Outcome, told: bool) -> int:
    """Print the outcome, in one line if it is not to be told and there is a result; returns the exit code."""
    from bpexp.cli.outcome_rows import one_line, print_outcome
    from bpexp.cli.rows import wide_console

    if told or not outcome.ok:
        print_outcome(wide_console(), outcome)
    else:
        print(visible(one_line(outcome)), flush=True)
    return 0 if outcome.ok else 1


def _sweep(planned: Plan) -> int:
    """Execute a sweep and print what came of it, in one line if it is not to be told and every job has a result."""
    from bpexp.cli.ranking_table import print_ranking
    from bpexp.cli.rows import wide_console
    from bpexp.running.launch import common_words
    from bpexp.running.sweep import run_sweep

    sweep, console = run_sweep(planned, sys.argv[1:]), wide_console()
    if not planned.config.progress and all(outcome.ok for outcome in sweep.outcomes):
        from bpexp.cli.sweep_line import sweep_line

        print(visible(sweep_line(sweep, common_words(planned))), flush=True)
    elif sweep.found is not None:
        from bpexp.cli.search_tables import print_search

        print_search(console, sweep, sweep.found)
    elif sweep.report is None:
        print_ranking(console, sweep)
    else:
        from bpexp.cli.study_tables import print_report

        print_report(console, sweep.report, sweep)
    return 0 if sweep.ok else 1


def _report(planned: Plan) -> int:
    from bpexp.cli.rows import wide_console
    from bpexp.cli.study_tables import print_report, print_studies
    from bpexp.running.tasks.report_task import asks_for_a_list, list_studies, rebuild_report

    if asks_for_a_list(planned):
        print_studies(wide_console(), list_studies(planned))
        return 0
    print_report(wide_console(), rebuild_report(planned, Path.cwd()), None)
    return 0


def _status(task: str, folder: Path, *, multirun: bool) -> int:
    from bpexp.cli.status import print_status

    if multirun:
        raise ConfigError(f"task={task} is done once; leave -m out")
    return print_status(task, folder)


def _redraw(wanted: FiguresWanted, *, multirun: bool) -> int:
    from bpexp.cli.figures import draw

    if multirun:
        raise ConfigError("task=figures is done once; leave -m out")
    with Signals() as signals, signals.raised():
        return draw(wanted)


TASKS = {"report": _report, **ONCE}
"""The tasks that are no runs."""
