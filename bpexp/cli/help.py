"""The help page: usage, the options of every group, and the parameters of an option.

Names, parameters, ranges, defaults and meanings are read from the registries and the schema.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

from bpexp.config.groups import GROUPS, config_folder, options
from bpexp.config.plugins import load_plugins
from bpexp.config.schema import Config, scalars
from bpexp.docstrings import summary
from bpexp.errors import ConfigError, nearest
from bpexp.registry import Parameter, declared_parameters, spell
from bpexp.running.tasks.figures_words import FORMATS, FigureSettings

USAGE = """\
bpexp: declare a network, train it in NumPy, compare the runs in MLflow.

  python -m bpexp model=mnist_relu lr=0.1      one run
  python -m bpexp model=deep_sigmoid probe=full
                                               one in which a gradient vanishes
  python -m bpexp -m model=mnist_sigmoid,mnist_relu lr=0.1,0.3 'seed=range(3)'
                                               a sweep: all combinations, ranked
  python -m bpexp model=mnist_small --cfg job  show the config, run nothing
  python -m bpexp optimizer=adam --help        an option and its parameters
  python -m bpexp loss --help                  all options of a group
  python -m bpexp resume=FOLDER                go on with a broken-off run
                                               (epochs=N: with a finished one)
  python -m bpexp experiment=vanishing_gradients model.depth=2,8 study.repeats=2
                                               a study, shortened
  python -m bpexp task=explore model=deep_sigmoid
                                               a page: click through its passes
  python -m bpexp task=trace model=chain       one sample, every number
  python -m bpexp task=report                  list the recorded studies
                                               (study=NAME: write its report)
  python -m bpexp task=figures run=FOLDER figures.style=slides format=pdf
                                               draw the figures of a run again
  python -m bpexp.ui                           show the runs in a browser
"""

MORE = """\
group.parameter=value sets a parameter (loss=mse loss.factor=0.5);
      model.hidden=[64,64] and the like take lists.
Flags: -m sweep over comma lists and ranges; --config-dir FOLDER adds your own
      options; --cfg job|hydra|all shows the composed config; --version;
      --hydra-help for the rest of Hydra's flags.
Tab completion of the `bpexp` command: eval "$(bpexp -sc install=bash)"
"""

FILES = ("model", "pairing", "experiment")
"""Groups whose options are YAML files, not components."""

SECTIONS = ("model", "penalty", "clip", "evaluation", "checkpoint", "doctor", "explore", "limits")
"""Keys that hold a mapping of single values."""

WIDTH = 100
"""Columns of a page, on a terminal that has them."""


def text(words: Sequence[str] = ()) -> str:
    """The help page, or the description of words such as `optimizer=adam` and `optimizer`.

    Raises ConfigError for a word that is not a group, an option or a single value.
    """
    load_plugins()
    if words:
        return "\n".join(_about(word) for word in words)
    groups = [_wrapped(f"{name}=", ", ".join(options(name))) for name in sorted([*GROUPS, *FILES])]
    lines = [USAGE, "Choices (group=name):", *groups, "", "Single values, with their defaults:"]
    lines += [_described(name, parameter) for name, parameter in scalars().items()]
    lines += ["", "Sections (section.key=value):"]
    for section in SECTIONS:
        keys = declared_parameters(declared_parameters(Config)[section].hint)
        lines += [_described(f"{section}.{name}", parameter) for name, parameter in keys.items() if name != "name"]
    lines += ["", "Figures of a recorded run, sweep or study (task=figures run=FOLDER_OR_ID):"]
    lines += [_filled(f"format=png  (some of {', '.join(FORMATS)}) endings of the files; gif of figures that move.")]
    lines += [
        _described(f"figures.{name}", parameter) for name, parameter in declared_parameters(FigureSettings).items()
    ]
    return "\n".join([*lines, "", MORE])


def _about(word: str) -> str:
    """The description of a group, or of one option of it."""
    name, _, option = word.lstrip("+").partition("=")
    if name in scalars():
        return _described(name, scalars()[name])
    if name in FILES:
        return _file(name, option)
    if name not in GROUPS:
        known = [*GROUPS, *FILES, *scalars()]
        raise ConfigError(f"--help knows no {word!r}; {nearest(name, known)}choose from: {', '.join(known)}")
    group = GROUPS[name]
    chosen = [option] if option else sorted(group.registry)
    values = [_filled(f"{value}: {told}") for value, told in group.values().items()]
    return "\n".join([*(_component(name, choice) for choice in chosen), *values])


def _file(name: str, option: str) -> str:
    """The options of a group of files, or the text of one of them."""
    known = options(name)
    if not option:
        return f"{name}: {', '.join(known)}\n"
    if option not in known:
        raise ConfigError(f"unknown {name} {option!r}; {nearest(option, known)}choose from: {', '.join(known)}")
    return f"{name}={option}\n\n" + (config_folder() / name / f"{option}.yaml").read_text(encoding="utf-8")


def _component(name: str, option: str) -> str:
    group = GROUPS[name]
    factory = group.registry.require(option)
    lines = [f"{name}={option}", _filled(summary(factory), indent=2)]
    lines += [_described(f"{name}.{key}", parameter) for key, parameter in group.parameters(option).items()]
    return "\n".join(lines) + "\n"


def _described(key: str, parameter: Parameter) -> str:
    """A parameter with its default, type, range and meaning."""
    default = "" if parameter.required else f"={_shown(parameter.default)}"
    return _filled(f"{key}{default}  ({spell(parameter.hint)}) {parameter.meaning}")


def _filled(words: str, first: int = 2, indent: int = 6) -> str:
    """Words in lines that fit the terminal, so that it does not break them."""
    width = max(40, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))
    return textwrap.fill(words, width, initial_indent=" " * first, subsequent_indent=" " * indent)


def _shown(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return "[]" if callable(value) or type(value).__name__ == "_HAS_DEFAULT_FACTORY_CLASS" else str(value)


def _wrapped(label: str, words: str) -> str:
    return f"  {label:<13}{_filled(words, 15, 15)[15:]}"
