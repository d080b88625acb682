"""The command: `python -m bpexp`, or `bpexp`. Checks everything, then runs one experiment or a sweep."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bpexp.errors import BpexpError, ConfigError

PARENT = "BPEXP_PARENT_RUN"
"""The environment variable by which a sweep tells its jobs, in whatever process, the MLflow run they belong to."""


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
    sys.exit(code)


def _asks(args: Any) -> bool:
    """Whether the command line wants to know something and not to run."""
    return bool(args.help or args.hydra_help or args.cfg or args.info or args.shell_completion)


def _inform(args: Any) -> int:
    """Print our help; leave --cfg, --info, --hydra-help and tab completion to Hydra."""
    import hydra

    from bpexp import help
    from bpexp.compose import config_folder, register_schema

    register_schema()
    if args.help:
        print(help.text(config_folder()))
        return 0
    hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="config")(job)()
    return 0


def _run(args: Any) -> int:
    from hydra import version

    from bpexp.compose import composed

    version.setbase("1.3")
    with composed(args) as plan:
        if plan.master.task == "report":
            return _report(plan)
        return _sweep(plan) if plan.multirun else _single(plan)


def _single(plan: Any) -> int:
    from bpexp.build import build
    from bpexp.compose import compose_job, quoted
    from bpexp.report import print_outcome
    from bpexp.result import read_outcome

    config = compose_job(plan, plan.jobs[0])
    build(config)
    directory = claim(plan, "run")
    plan.hydra.run(plan.config_name, job, [*plan.overrides, f"hydra.run.dir={quoted(directory)}"])
    outcome = read_outcome(directory)
    if (config.progress and config.task == "train") or not outcome.ok:
        print_outcome(outcome)
    return 0 if outcome.ok else 1


def _sweep(plan: Any) -> int:
    from omegaconf import OmegaConf

    from bpexp.checks import tracking_of
    from bpexp.compose import quoted
    from bpexp.report import print_ranking, print_report
    from bpexp.study.conclude import conclude
    from bpexp.study.sweep import Sweep

    tracking = tracking_of(check_jobs(plan))
    directory = claim(plan, "sweep")
    with Sweep(tracking, directory, len(plan.jobs), sys.argv[1:]) as sweep:
        if sweep.run_id:
            os.environ[PARENT] = sweep.run_id
        try:
            with _composed_already(plan):
                plan.hydra.multirun(plan.config_name, job, [*plan.overrides, f"hydra.sweep.dir={quoted(directory)}"])
        finally:
            os.environ.pop(PARENT, None)
    if plan.study is None:
        print_ranking(sweep.ranking, str(directory), sweep.experiment_id)
    else:
        declaration: Any = OmegaConf.to_container(plan.master.study, resolve=True)
        report = conclude(plan.study, declaration, sweep, directory, " ".join(sys.argv[1:]))
        print_report(report, sweep.ranking, sweep.experiment_id)
    return 0 if sweep.ok else 1


def _report(plan: Any) -> int:
    from bpexp.checks import tracking_of
    from bpexp.compose import typed
    from bpexp.report import print_report
    from bpexp.study.conclude import rebuild

    config = typed(plan.master)
    if not isinstance(config.study, str):
        raise ConfigError(
            f"task=report needs the name of a study, as in study=vanishing_gradients, not {config.study!r}"
        )
    report = rebuild(config.study, tracking_of(config), Path.cwd())
    print_report(report, None, None)
    return 0


def _composed_already(plan: Any) -> Any:
    """Spare the grid sweeper its own composition of every job ahead of the first, where `check_jobs` has done it.

    It costs as much as a short run: 0.08 s a job.
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    return (
        patch.object(BasicSweeper, "validate_batch_is_legal", lambda self, batch: None) if plan.jobs else nullcontext()
    )


def check_jobs(plan: Any) -> Any:
    """Build every job of a grid before the first one runs; answers with the config of one of them."""
    from bpexp.build import build
    from bpexp.compose import compose_job

    config = None
    for overrides in plan.jobs or [[]]:
        try:
            config = compose_job(plan, overrides)
            build(config)
        except BpexpError as error:
            raise type(error)(f"{error} (in the job {' '.join(overrides)})" if overrides else str(error)) from error
    return config


def job(cfg: Any) -> float:
    """One run, called by Hydra in its run directory; answers with the run's objective, for sweepers that optimise.

    Never raises for what goes wrong inside a run: that is an outcome, and the other jobs of a sweep go on.
    """
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    from bpexp.build import build
    from bpexp.compose import parameters, typed
    from bpexp.report import run_name
    from bpexp.result import Outcome, write_outcome
    from bpexp.run import Order, execute
    from bpexp.tracing import execute_trace

    hydra = HydraConfig.get()
    directory = Path(hydra.runtime.output_dir)
    OmegaConf.save(cfg, directory / "config.yaml")
    overrides = list(hydra.overrides.task)
    params = parameters(OmegaConf.to_container(cfg, resolve=True))  # type: ignore[arg-type]
    name = run_name(params, overrides)
    try:
        experiment = build(typed(cfg))
    except BpexpError as error:
        outcome = Outcome(name, str(directory), "failed", str(error), overrides, params, 0.0)
        write_outcome(outcome, directory)
    else:
        order = Order(name, directory, overrides, params, parent=os.environ.get(PARENT))
        outcome = (execute_trace if experiment.config.task == "trace" else execute)(experiment, order)
    return outcome.objective


def claim(plan: Any, kind: str) -> Path:
    """Make the directory of a run or a sweep, which nobody else has: two that start in one second get two.

    A directory that was asked for by name is taken as it is, unless a run lies in it.
    """
    wanted = Path(plan.directory).absolute()
    named = any(o.lstrip("+").startswith(f"hydra.{kind}.dir=") for o in plan.overrides)
    try:
        if named:
            if any((wanted / mark).exists() for mark in ("metrics.jsonl", "multirun.yaml")):
                raise ConfigError(f"{str(wanted)!r} already holds a {kind}; choose another hydra.{kind}.dir")
            wanted.mkdir(parents=True, exist_ok=True)
            return wanted
        wanted.parent.mkdir(parents=True, exist_ok=True)
        for n in range(10_000):
            directory = wanted if n == 0 else wanted.with_name(f"{wanted.name}-{n}")
            try:
                directory.mkdir()
            except FileExistsError:
                continue
            return directory
    except OSError as error:
        raise ConfigError(
            f"cannot make the directory {str(wanted)!r} ({error.strerror}); "
            f"go to a folder that you may write to, or set hydra.{kind}.dir"
        ) from error
    raise ConfigError(f"no free name beside {str(wanted)!r}; set hydra.{kind}.dir")
