"""Launchers that are plug-ins of Hydra, and the words that say the same here.

Those that pickle a job to a disk would write down the credentials that the function carries; and one job that dies ends
their sweep. joblib, which sends a job through a pipe, is kept.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from hydra.core.override_parser.types import Override

from bpexp.config.spelling import spelled
from bpexp.errors import ConfigError

LAUNCHER = "hydra/launcher"

INSTEAD = {
    "submitit_slurm": "launcher=submitit",
    "submitit_local": "launcher=submitit launcher.cluster=local",
    "ray": "launcher=ray",
    "ray_aws": "launcher=ray",
    "ray_jobs": "launcher=ray",
}
"""What to type in place of a plug-in."""

SHARED = ("mem_gb", "nodes", "cpus_per_task", "gpus_per_node", "tasks_per_node", "stderr_to_stdout")
"""Parameters of submitit for any cluster; the others are those of SLURM."""

WORDS = {
    "array_parallelism": "launcher.n_jobs",
    "timeout_min": "launcher.timeout_min",
    "ray.init.address": "launcher.address",
    "ray.remote.num_cpus": "launcher.cpus",
}
"""Parameters of the plug-ins that have a key of their own here."""


def refuse_launchers(overrides: Sequence[Override]) -> None:
    """Raise ConfigError for a launcher of Hydra that has a better one here, with the line to type instead."""
    typed = [o for o in overrides if o.key_or_group.replace("/", ".").startswith("hydra.launcher")]
    name = next((str(o.value()) for o in typed if o.key_or_group == LAUNCHER), "")
    if name not in INSTEAD:
        return
    words, parameters = [INSTEAD[name]], []
    for override in typed:
        key = override.key_or_group.removeprefix("hydra.launcher.")
        if key in WORDS:
            words.append(f"{WORDS[key]}={spelled(override.value())}")
        elif key not in (LAUNCHER, "name") and name.startswith("submitit"):
            parameters.append(f"{key if key in SHARED else f'slurm_{key}'}: {spelled(override.value())}")
    words += [f"'launcher.parameters={{{', '.join(parameters)}}}'"] * bool(parameters)
    said = " ".join(str(override.input_line) for override in typed)
    raise ConfigError(f"{said}: this launcher of Hydra is not supported; type {' '.join(words)} in its place")


def workers(said: int) -> int:
    """How many processes joblib makes of n_jobs: -1 stands for one on each core, -2 for one less, and so on."""
    return said if said > 0 else max(1, (os.cpu_count() or 1) + 1 + said)
