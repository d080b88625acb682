"""Questions about a config, which run nothing: --cfg, and those that Hydra answers, checked as a run would be."""

from __future__ import annotations

import argparse
import io
import os
import shlex
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress

import hydra
from omegaconf import DictConfig, ListConfig, OmegaConf, flag_override

from bpexp.cli.arguments import command_line, hydras_words
from bpexp.config.composition import VERSION_BASE, CommandLine, composer, prepared
from bpexp.config.groups import config_folder
from bpexp.config.hydra_errors import one_line
from bpexp.errors import ConfigError, say
from bpexp.tracking.credentials import scrubbed

HELP = ("help", "hydra_help")
"""What --cfg hydra leaves out: the texts of Hydra's own help pages."""


def show(options: argparse.Namespace) -> int:
    """Print the composed config, or have Hydra answer; raises ConfigError for what a run would refuse."""
    line = command_line(options)
    if options.cfg == "jobs":
        return _list_jobs(line)
    if not options.shell_completion:
        with composer(line) as composing, one_line():
            whole = composing.try_out(options.overrides)
            if options.cfg:
                print(scrubbed(_text(whole, options)), end="", flush=True)
                return 0
    with prepared(line), one_line():
        _ask_hydra(options)
    return 0


def _list_jobs(line: CommandLine) -> int:
    """Print number and overrides of every job, composed and checked as for a sweep; raises BpexpError as that would."""
    from bpexp.running.plan import plan

    planned = plan(line)
    jobs = planned.jobs
    if planned.trials is not None:
        search = planned.trials.search
        print("\n".join(f"{dimension.key}: {dimension}" for dimension in search.space), flush=True)
        say(f"a search of {search.trials} trials, checked; each is decided as the search runs; nothing was run")
        return 0
    width = len(str(len(jobs) - 1))
    print("\n".join(f"{job.number:>{width}}  {shlex.join(job.overrides)}".rstrip() for job in jobs), flush=True)
    checked = "1 job, composed" if len(jobs) == 1 else f"{len(jobs)} jobs, each composed"
    say(f"{checked} and checked; nothing was run")
    return 0


def _text(whole: DictConfig, options: argparse.Namespace) -> str:
    """The part of a composed config that --cfg and --package name, as YAML; raises ConfigError where there is none."""
    with flag_override(whole, ["struct", "readonly"], False), flag_override(whole.hydra, ["struct", "readonly"], False):
        for key in [key for key in whole if (key == "hydra") == (options.cfg == "job") and options.cfg != "all"]:
            del whole[key]
        for key in HELP if options.cfg == "hydra" else ():
            del whole.hydra[key]
    if options.package in (None, "_global_"):
        return OmegaConf.to_yaml(whole, resolve=options.resolve)
    found = OmegaConf.select(whole, options.package, throw_on_missing=False)
    if found is None:
        raise ConfigError(
            f"--package {options.package!r} is not in the config; --cfg {options.cfg} shows what there is"
        )
    if not isinstance(found, DictConfig | ListConfig):
        return f"{found}\n"
    return f"# @package {options.package}\n{OmegaConf.to_yaml(found, resolve=options.resolve)}"


def _ask_hydra(options: argparse.Namespace) -> None:
    """Have Hydra answer --info, --hydra-help or tab completion, from the folders whose files are checked.

    Tab completion answers nothing to a line that is not understood: the next prompt is no place for a traceback.
    """
    sys.argv[1:] = hydras_words(options)
    if options.shell_completion and "COMP_LINE" in os.environ:
        with suppress(SystemExit), redirect_stderr(io.StringIO()):
            _hydra()
        return
    told = io.StringIO()
    try:
        with redirect_stdout(told):
            _hydra()
    finally:  # a config file may hold the password of a store
        print(scrubbed(told.getvalue()), end="", flush=True)


def _hydra() -> None:
    hydra.main(version_base=VERSION_BASE, config_path=str(config_folder()), config_name="config")(_nothing)()


def _nothing(config: object) -> None:
    """No-op: the task function that Hydra requires; it is not called for these flags."""
