"""Optuna's samplers and pruners, made from their declarations. A sampler is made anew for each trial.

Its random numbers come from the seed of the search and the number of the trial, so that a trial depends on the results
before it alone: a search that was killed goes on with the trials that it would have had.
"""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning

from bpexp.search.pruners import Pruning
from bpexp.search.samplers import Sampling

DRAWS_APART = ("CmaEsSampler", "GPSampler", "QMCSampler")
"""Samplers that have another one draw what they cannot decide."""


WARNS = ("warn_independent_sampling", "warn_asynchronous_seeding")
"""What such a sampler would say at each trial, since it is made anew."""


def sampler_of(sampling: Sampling, seed: int, number: int) -> optuna.samplers.BaseSampler:
    """The sampler of one trial."""
    own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    kind: type[optuna.samplers.BaseSampler] = getattr(optuna.samplers, sampling.sampler)
    settings: dict[str, Any] = {**sampling.settings, "seed": seed if sampling.one_sequence else own}
    if sampling.sampler in DRAWS_APART:
        settings["independent_sampler"] = optuna.samplers.RandomSampler(seed=own)
    known = inspect.signature(kind).parameters  # Optuna 4.0 has fewer than 5.0
    settings |= {name: False for name in WARNS if name in known and sampling.sampler in DRAWS_APART}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return kind(**settings)


def pruner_of(pruning: Pruning, epochs: int) -> optuna.pruners.BasePruner:
    """The pruner of trials of so many epochs."""
    settings = dict(pruning.settings) | ({pruning.horizon: epochs} if pruning.horizon else {})
    made: optuna.pruners.BasePruner = getattr(optuna.pruners, pruning.pruner)(**settings)
    return made
