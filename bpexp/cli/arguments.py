"""The flags of the command line; they have the same names as Hydra's."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from importlib import metadata
from typing import NoReturn

import bpexp
from bpexp.config.composition import CommandLine
from bpexp.errors import nearest, say

HYDRAS = ("--cfg", "--info", "--hydra-help", "--shell-completion")
"""Flags that Hydra itself handles."""


MOST_WORDS = 2_000
"""Overrides and flags of one command."""

COMPLETION = re.compile("(install|uninstall|query)=(bash|fish|zsh)")


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the error, with what was probably meant, and exit with code 2."""
        say(f"bpexp: {message}; {self._meant(message)}--help lists the options")
        self.exit(2)

    def _meant(self, message: str) -> str:
        """The flag or the key that is similar to a word that is no flag; empty where the message is of another kind."""
        from bpexp.config.schema import Config
        from bpexp.registry import declared_parameters

        unknown = re.match(r"unrecognized arguments: (-[^ =]+)", message)
        if unknown is None:
            return ""
        flags = re.findall(r"--[a-z-]+", self.format_usage())
        near = nearest(unknown[1], [*flags, *declared_parameters(Config)])
        return near if not near or "'-" in near else f"{near}keys have no dashes, as in lr=0.1; "


class Version(argparse.Action):
    """--version: prints the versions of bpexp and of the libraries that affect results."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print the versions and exit."""
        others = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "hydra-core", "mlflow"))
        print(f"bpexp {bpexp.__version__} ({others})")  # `exit` would print it on standard error
        parser.exit(0)


def parser() -> argparse.ArgumentParser:
    """The parser of the flags; abbreviations are off, so that a misspelt flag is an error."""
    flags = Parser(prog="bpexp", add_help=False, allow_abbrev=False)
    flags.add_argument("overrides", nargs="*")
    flags.add_argument("--help", "-h", action="store_true")
    flags.add_argument("--version", nargs=0, action=Version)
    flags.add_argument("--multirun", "-m", action="store_true")
    flags.add_argument("--run", "-r", action="store_true")
    flags.add_argument("--config-path", "-cp")
    flags.add_argument("--config-name", "-cn")
    flags.add_argument("--config-dir", "-cd")
    flags.add_argument("--cfg", "-c", choices=["job", "hydra", "all", "jobs"])
    flags.add_argument("--resolve", action="store_true")
    flags.add_argument("--package", "-p")
    info = ["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"]
    flags.add_argument("--info", "-i", nargs="?", const="all", choices=info)
    flags.add_argument("--hydra-help", action="store_true")
    flags.add_argument("--shell-completion", "-sc", action="store_true")
    flags.add_argument("--experimental-rerun")
    return flags


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The flags and overrides of a command line; exits with code 2 for a wrong flag."""
    flags = parser()
    if len(argv) > MOST_WORDS:  # argparse takes time that grows with the square of their number
        flags.error(f"{len(argv)} words are more than {MOST_WORDS}; write what they say into a config file")
    options = flags.parse_intermixed_args(list(argv))
    if options.experimental_rerun is not None:
        flags.error("--experimental-rerun needs a pickle, which bpexp never writes; use --config-path RUN/.hydra")
    if asks_hydra(options) and options.cfg != "jobs" and (options.multirun or options.run):
        flags.error(
            "--cfg, --info, --hydra-help and --shell-completion run nothing; leave out --multirun and --run, "
            "or list the jobs of a sweep by --cfg jobs"
        )
    if options.shell_completion and not (len(options.overrides) == 1 and COMPLETION.fullmatch(options.overrides[0])):
        flags.error("--shell-completion needs one of install=, uninstall= or query=, with bash, fish or zsh")
    if options.shell_completion and options.overrides[0].startswith("query=") and "COMP_LINE" not in os.environ:
        flags.error("--shell-completion query= is asked by a shell, which sets COMP_LINE; use install=SHELL")
    if (options.resolve or options.package is not None) and options.cfg in (None, "jobs"):
        flags.error("--resolve and --package belong to --cfg job, hydra or all; add it, or leave them out")
    return options


def asks_hydra(options: argparse.Namespace) -> bool:
    """Whether a flag that Hydra handles is set, so that nothing is run."""
    return bool(options.cfg or options.info or options.hydra_help or options.shell_completion)


def hydras_words(options: argparse.Namespace) -> list[str]:
    """The same question as Hydra reads it, the overrides last; its folders are in the search path already."""
    values = {name: getattr(options, name) for name in ("info", "config_name")}
    words = [word for name, value in values.items() if value for word in (_flag(name), value)]
    words += [_flag(name) for name in ("hydra_help", "shell_completion") if getattr(options, name)]
    return [*words, *options.overrides]


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def command_line(options: argparse.Namespace) -> CommandLine:
    """The overrides and config flags, without those of the command itself."""
    return CommandLine(
        tuple(options.overrides), options.multirun, options.config_path, options.config_name, options.config_dir
    )
