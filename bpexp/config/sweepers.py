"""Sweepers that are plug-ins of Hydra, and the words that say the same here."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.override_parser.types import Override

from bpexp.errors import ConfigError

SWEEPER = "hydra/sweeper"

SAMPLERS = {"optuna": "tpe", "nevergrad": "cmaes", "ax": "gp"}
"""What comes closest to the default of each plug-in."""

WORDS = {
    "hydra.sweeper.n_trials": "search.trials",
    "hydra.sweeper.optim.budget": "search.trials",
    "hydra.sweeper.ax_config.max_trials": "search.trials",
    "hydra.sweeper.sampler.seed": "search.seed",
    "hydra.sweeper.optim.seed": "search.seed",
    "hydra.sweeper.n_jobs": "launcher=process launcher.n_jobs",
    "hydra.sweeper.optim.num_workers": "launcher=process launcher.n_jobs",
    "hydra/sweeper/sampler": "search",
}
"""Keys of the plug-ins, and the words in their place, to which the value is added."""

NAMES = {"motpe": "tpe", "nsgaii": "nsga2", "quasirandom": "quasi_random", "qmc": "quasi_random", "grid": "random"}
"""Samplers that have another name here."""


def refuse_sweepers(overrides: Sequence[Override]) -> None:
    """Raise ConfigError for a sweeper of Hydra, with the line to type instead."""
    of_sweepers = [o for o in overrides if o.key_or_group.replace("/", ".").startswith("hydra.sweeper")]
    named = next((str(o.value()) for o in of_sweepers if o.key_or_group == SWEEPER), None)
    if not of_sweepers or named == "basic":
        return
    told = {"search": f"search={SAMPLERS.get(str(named), 'tpe')}"}
    for override in of_sweepers:
        word = WORDS.get(override.key_or_group)
        if word is not None:
            value = str(override.value())
            told[word] = f"{word}={NAMES.get(value, value) if word == 'search' else value}"
    said = " ".join(str(override.input_line) for override in of_sweepers)
    raise ConfigError(f"{said}: no sweeper of Hydra is supported; type {' '.join(told.values())} in its place")
