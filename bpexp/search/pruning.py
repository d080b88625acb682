"""The callback of a trial that may be pruned: it reports the objective after each epoch, and ends the training.

It reads and writes the storage of the search in its folder, from whatever process the trial runs in.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bpexp.errors import ConfigError
from bpexp.search.declared import TrialPlace
from bpexp.search.pruners import Pruning
from bpexp.search.sampling import pruner_of
from bpexp.search.storage import opened, quiet
from bpexp.training.events import Callback, EpochEnded, RunStarted, StopTraining

PRUNED = "bpexp.pruned_after"
"""The attribute of a trial with the epoch after which it was pruned."""


class Pruner(Callback):
    """Ends a trial whose objective is too far behind those of others at the same epoch.

    It remembers nothing: what it knows is in the storage. A trial that goes on from a checkpoint reports an epoch a
    second time, with the same value.
    """

    def __init__(self, place: Mapping[str, Any]) -> None:
        self._place = place_of = TrialPlace(**place)
        path = Path(place_of.storage)
        if not path.is_file():
            raise ConfigError(
                f"the trial {place_of.number} cannot be pruned: {place_of.storage!r} is not there for its process; "
                "prune where all processes share that folder, or say search.pruner=none"
            )
        self._stored = opened(path)
        self._stored.study.pruner = pruner_of(Pruning(**place_of.pruning), place_of.epochs)
        self._trial = self._stored.trial_id(place_of.number)

    def on_start(self, event: RunStarted) -> None:
        self._epochs = event.epochs

    def on_epoch(self, event: EpochEnded) -> None:
        value = event.metrics.get(self._place.objective, math.nan)
        if event.epoch == 0 or not math.isfinite(value):
            return  # the untrained network; a run that diverges is told as that
        with quiet():
            behind = self._behind(event.epoch, value)
        if behind and event.epoch < self._epochs:
            raise StopTraining(
                f"pruned after epoch {event.epoch} of {self._epochs} by search.pruner={self._place.pruner}: "
                f"{self._place.objective} {value:.4g} is behind other trials",
                status="pruned",
            )

    def _behind(self, epoch: int, value: float) -> bool:
        """Report the value of an epoch, and have the pruner decide; what was decided of it before stays."""
        storage, study = self._stored.storage, self._stored.study
        trial = storage.get_trial(self._trial)
        if trial.user_attrs.get(PRUNED) == epoch:
            return True
        if epoch not in trial.intermediate_values:
            storage.set_trial_intermediate_value(self._trial, epoch, value)
        trial = copy.copy(storage.get_trial(self._trial))
        trial.intermediate_values = {step: v for step, v in trial.intermediate_values.items() if step <= epoch}
        behind = study.pruner.prune(study, trial)
        if behind and epoch < self._epochs:
            storage.set_trial_user_attr(self._trial, PRUNED, epoch)
        return behind
