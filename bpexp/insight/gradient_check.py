"""The gradient check: compares the method's gradient with differences of the cost; a wrong gradient fails the run.

Coordinates are compared on at most 256 samples drawn from the batch. The gradient of a larger batch is then held, in
every entry, to the sum over all of its samples.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from bpexp.errors import ConfigError
from bpexp.gradients.method import GradientMethod
from bpexp.gradients.verification import SAMPLES, Verification, verify
from bpexp.gradients.whole_batch import WholeBatch, verify_whole
from bpexp.registry import Count, Range, Registry
from bpexp.training.events import Callback, RunStarted, State, Step

Tolerance = Annotated[float, Range(above=0, below=1)]


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """Settings of the gradient check.

    Args:
        on: whether the gradient is checked.
        every: steps between two checks; None checks the first step only.
        coordinates: number of entries of every W and b that are compared.
        tolerance: largest relative error of an entry.
    """

    on: bool
    every: int | None = None
    coordinates: int = 6
    tolerance: float = 1e-5


gradient_checks: Registry[CheckSettings] = Registry("check")


@gradient_checks.register("off")
def off() -> CheckSettings:
    """The gradient is not checked."""
    return CheckSettings(False)


@gradient_checks.register("start")
def start(coordinates: Count = 6, tolerance: Tolerance = 1e-5) -> CheckSettings:
    """Check the gradient at the first step; a wrong gradient fails the run, with the layer in the message.

    Args:
        coordinates: number of entries of every W and b that are compared.
        tolerance: largest relative error of an entry.
    """
    return CheckSettings(True, None, coordinates, tolerance)


@gradient_checks.register("every_n")
def every_n(every: Count = 100, coordinates: Count = 6, tolerance: Tolerance = 1e-5) -> CheckSettings:
    """Check the gradient at the first and at every n-th step; a wrong one fails the run, with the layer in the message.

    Args:
        every: steps between two checks.
        coordinates: number of entries of every W and b that are compared.
        tolerance: largest relative error of an entry.
    """
    return CheckSettings(True, every, coordinates, tolerance)


def refuse_check(method: GradientMethod, name: str, settings: CheckSettings) -> None:
    """Raise ConfigError if the check is on and the method, by design, does not compute the gradient."""
    if settings.on and not method.checkable:
        raise ConfigError(
            f"check compares the gradient with differences of the cost, but gradient={name} is not the gradient by "
            "design; use check=off (the angle to the gradient is recorded) or gradient=backprop"
        )


class GradientWrong(ArithmeticError):
    """The gradient of a method differs from differences of the cost by more than the tolerance."""


class GradientCheck(Callback):
    """Verifies the gradient at the first step, and at every `every`-th if set; records check/worst_error.

    Of a batch of more than 256 samples the sum is verified too; its relative error is check/whole_batch_error.

    Args:
        settings: when and how closely to check.
        rng: draws the samples and coordinates that are compared.
        keep: called with (step, measures) after each check.
        always_whole: verify the sum of a small batch, too, where other code than the method computes the steps.

    Raises GradientWrong for an error above the tolerance.
    """

    def __init__(
        self,
        settings: CheckSettings,
        *,
        rng: np.random.Generator,
        keep: Callable[[int, dict[str, float]], None],
        always_whole: bool = False,
    ) -> None:
        self._settings, self._rng, self._keep, self._always_whole = settings, rng, keep, always_whole

    def on_start(self, event: RunStarted) -> None:
        self._run = event

    def on_step(self, event: Step) -> None:
        run, settings = self._run, self._settings
        if self.next_step(event.number) != event.number:
            return
        found = verify(
            run.method,
            run.network,
            run.head,
            event.x,
            event.y,
            rng=self._rng,
            coordinates=settings.coordinates,
            tolerance=settings.tolerance,
        )
        measures: dict[str, Any] = {"check/worst_error": found.error, "check/coordinates": found.compared}
        wrong: Verification | WholeBatch | None = None if found.error <= settings.tolerance else found
        if event.x.shape[1] > SAMPLES or self._always_whole:
            whole = verify_whole(
                *(run.method, run.network, run.head, event.x, event.y, event.gradient.vector),
                tolerance=settings.tolerance,
            )
            measures["check/whole_batch_error"] = whole.error
            wrong = wrong or (None if whole.error <= settings.tolerance else whole)
        self._keep(event.number, measures)
        if wrong is not None:
            raise GradientWrong(f"{wrong} at step {event.number}")

    def next_step(self, number: int) -> int:
        every = self._settings.every
        return number + (-number % every) if every else number if number == 0 else sys.maxsize

    def state(self) -> State:
        return {"rng": self._rng.bit_generator.state}

    def load_state(self, state: State) -> None:
        self._rng.bit_generator.state = state["rng"]
