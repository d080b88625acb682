"""The learning rates that the journal records: that of the last step before each evaluation, if the rate changes."""

from __future__ import annotations

import numpy as np

from bpexp.training.events import State


class LearningRates:
    """The learning rate before each evaluation; held back until it changes, so that a constant one is not recorded."""

    def __init__(self) -> None:
        self._lr: float | None = None
        self._changes = False
        self._held: list[tuple[int, float]] = []

    def add(self, lr: float) -> None:
        """Take note of the learning rate of one step."""
        if lr != self._lr:
            self._changes |= self._lr is not None
            self._lr = lr

    def due(self, step: int) -> list[tuple[int, float]]:
        """(step, lr) of this evaluation and of those held back, in order; none while the rate has never changed."""
        if self._lr is not None:
            self._held.append((step, self._lr))
        if not self._changes:
            return []
        due, self._held = self._held, []
        return due

    def state(self) -> State:
        """For a checkpoint; those held back as arrays."""
        steps, rates = np.array([s for s, _ in self._held], np.int64), np.array([lr for _, lr in self._held])
        return {"lr": self._lr, "changes": self._changes, "steps": steps, "rates": rates}

    def load_state(self, state: State) -> None:
        """Take back what `state` gave."""
        self._lr, self._changes = state["lr"], state["changes"]
        self._held = list(zip(state["steps"].tolist(), state["rates"].tolist(), strict=True))
