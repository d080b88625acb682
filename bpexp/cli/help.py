"""What `--help` prints: how to call the command, and every name that a config may say."""

from __future__ import annotations

import textwrap
from dataclasses import MISSING, fields
from pathlib import Path

from bpexp.config.schema import Config

USAGE = """\
bpexp: declare a network, train it in NumPy, compare the runs in MLflow.

  python -m bpexp model=mnist_relu lr=0.1                      one run
  python -m bpexp -m model=mnist_sigmoid,mnist_relu lr=0.1,0.3 'seed=range(3)'
                                                               a sweep: every combination, ranked
  python -m bpexp model=mnist_small --cfg job                  show the composed config, run nothing
  python -m bpexp.ui                                           look at the recorded runs in a browser
"""

MORE = """\
Parameters of a choice: --cfg job shows them, group.parameter=value sets them (loss=mse loss.factor=0.5).
More: model.hidden=[64,64]  model.activations=[tanh,relu]  penalty.l2=0.001  clip.norm=1  data.limit=1000
      data.path=FILE  callbacks.early_stopping.patience=5  evaluation.train_samples=10000  hydra.run.dir=FOLDER
Flags: -m sweep over comma lists and ranges; --config-dir FOLDER adds your own options; --hydra-help for Hydra's flags.
Tab completion of the `bpexp` command: eval "$(bpexp -sc install=bash)"
"""


def text(conf: Path) -> str:
    """The whole page; the options are read from the folder of configs and from what plug-ins registered."""
    from hydra.core.config_store import ConfigStore

    stored = {
        group: {name.removesuffix(".yaml") for name in options}
        for group, options in ConfigStore.instance().repo.items()
        if isinstance(options, dict)
    }
    lines = [USAGE, "Choices (group=name):"]
    for folder in sorted(path for path in conf.iterdir() if path.is_dir() and path.name != "hydra"):
        names = sorted({file.stem for file in folder.glob("*.yaml")} | stored.get(folder.name, set()))
        if names:
            lines.append(_wrapped(f"{folder.name}=", ", ".join(names)))
    scalars = [f"{f.name}={f.default}" for f in fields(Config) if f.default is not MISSING]
    return "\n".join([*lines, "", "Scalars, with their defaults:", _wrapped("", "  ".join(scalars)), "", MORE])


def _wrapped(label: str, words: str) -> str:
    indent = " " * 15
    filled = textwrap.fill(words, 100, initial_indent=indent, subsequent_indent=indent)
    return f"  {label:<13}{filled[15:]}"
