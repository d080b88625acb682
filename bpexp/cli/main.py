"""The command `python -m bpexp`, or `bpexp`: validate everything, then execute one run, a sweep or a report."""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bpexp.errors import BpexpError

if TYPE_CHECKING:
    from bpexp.running.plan import Plan


def main() -> None:
    """Execute the command line.

    Exit codes: 0; 1 if a run failed; 2 for an error in the command line, reported in one line before anything is
    written; 130 after an interruption.
    """
    from bpexp.cli.arguments import asks_hydra, parse

    _let_any_letter_pass()
    options = parse(sys.argv[1:])
    try:
        code = _help(options) if options.help else _show(options) if asks_hydra(options) else _run(options)
    except BpexpError as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        print(f"bpexp: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("bpexp: interrupted; what was done is kept", file=sys.stderr)
        code = 130
    except BrokenPipeError:  # the reader closed the pipe, as in `--help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:  # standard output goes to a full disk, say; what a run left is on its own
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        print(f"bpexp: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
        code = 1
    sys.exit(code)


def _let_any_letter_pass() -> None:
    """Escape what the terminal's encoding lacks, in place of a failure after all the work."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


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

    planned = plan(command_line(options))
    if planned.config.task == "report":
        return _report(planned)
    return _sweep(planned) if planned.multirun else _single(planned)


def _single(planned: Plan) -> int:
    from bpexp.running.sweep import run_single

    outcome = run_single(planned)
    if not outcome.ok or (planned.config.progress and planned.config.task == "train"):
        from bpexp.cli.terminal import print_outcome

        print_outcome(outcome)
    return 0 if outcome.ok else 1


def _sweep(planned: Plan) -> int:
    from bpexp.cli.terminal import print_ranking
    from bpexp.running.sweep import run_sweep

    sweep = run_sweep(planned, sys.argv[1:])
    if sweep.report is None:
        print_ranking(sweep)
    else:
        from bpexp.cli.study_tables import print_report

        print_report(sweep.report, sweep)
    return 0 if sweep.ok else 1


def _report(planned: Plan) -> int:
    from bpexp.cli.study_tables import print_report
    from bpexp.running.report_task import rebuild_report

    print_report(rebuild_report(planned, Path.cwd()), None)
    return 0
