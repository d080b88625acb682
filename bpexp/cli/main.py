"""The command: `python -m bpexp`, or `bpexp`. Checks everything, then runs one experiment or a sweep."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from bpexp.errors import BpexpError, ConfigError


def main() -> None:
    """Run the command line; a mistake in it ends with one line and exit code 2, before anything was made."""
    from hydra._internal.utils import get_args_parser

    args = get_args_parser().parse_args()
    try:
        code = _inform(args) if _asks(args) else _run(args)
    except BpexpError as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        print(f"bpexp: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("bpexp: interrupted; what was done is kept", file=sys.stderr)
        code = 130
    except BrokenPipeError:  # who reads has had enough, as in `--help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _asks(args: Any) -> bool:
    """Whether the command line wants to know something and not to run."""
    return bool(args.help or args.hydra_help or args.cfg or args.info or args.shell_completion)


def _inform(args: Any) -> int:
    """Print our help; leave --cfg, --info, --hydra-help and tab completion to Hydra."""
    import hydra

    from bpexp.cli import help
    from bpexp.config.composition import config_folder, register_schema
    from bpexp.running.launch import job

    register_schema()
    if args.help:
        print(help.text(config_folder()), flush=True)
        return 0
    hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="config")(job)()
    return 0


def _run(args: Any) -> int:
    from hydra import version

    from bpexp.config.composition import composed

    version.setbase("1.3")
    with composed(args) as plan:
        if plan.master.task == "report":
            return _report(plan)
        return _sweep(plan) if plan.multirun else _single(plan)


def _single(plan: Any) -> int:
    from bpexp.running.launch import launch_run

    outcome = launch_run(plan)
    if not outcome.ok or (plan.master.progress and plan.master.task == "train"):
        from bpexp.cli.terminal import print_outcome

        print_outcome(outcome)
    return 0 if outcome.ok else 1


def _sweep(plan: Any) -> int:
    from bpexp.running.launch import launch_sweep

    sweep, report = launch_sweep(plan, sys.argv[1:])
    from bpexp.cli.terminal import print_ranking, print_report

    if report is None:
        print_ranking(sweep.ranking, str(sweep.directory), sweep.experiment_id)
    else:
        print_report(report, sweep.ranking, sweep.experiment_id)
    return 0 if sweep.ok else 1


def _report(plan: Any) -> int:
    from bpexp.cli.terminal import print_report
    from bpexp.config.composition import typed
    from bpexp.config.validation import tracking_of
    from bpexp.study.conclude import rebuild

    config = typed(plan.master)
    if not isinstance(config.study, str):
        raise ConfigError(
            f"task=report needs the name of a study, as in study=vanishing_gradients, not {config.study!r}"
        )
    report = rebuild(config.study, tracking_of(config), Path.cwd())
    print_report(report, None, None)
    return 0
