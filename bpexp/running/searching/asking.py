"""Asking for the next trial and telling its result: between Optuna's storage and the jobs of a launcher."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, Trial, TrialState

from bpexp.errors import BpexpError, warn
from bpexp.running.job import Ending, Job
from bpexp.running.resuming.results import await_others, read, result
from bpexp.running.searching.trials import Trials, in_a_trial
from bpexp.running.searching.values import value_of
from bpexp.search.begun import DIVERGED, PLACE, REASON
from bpexp.search.declared import place_of
from bpexp.search.space import said_of, suggested
from bpexp.search.storage import STORAGE, Stored, quiet


class Asking:
    """The trials of a search as jobs, each decided when a launcher can begin it.

    Args:
        trials: what makes the jobs.
        stored: the search in its file.
        directory: the folder of the search.
        parent: MLflow's id of its run.
        endings: those of the jobs so far, which the launcher's caller adds to.
    """

    def __init__(
        self, trials: Trials, stored: Stored, directory: Path, parent: str | None, endings: list[Ending]
    ) -> None:
        self.jobs: list[Job] = []
        self.unmade: list[str] = []
        self._trials, self._search, self._stored = trials, trials.search, stored
        self._directory, self._parent, self._endings, self._told = directory, parent, endings, 0

    def recognised(self) -> list[Job]:
        """Of the trials that an earlier process decided, the jobs without a result; the endings of the others are kept.

        Waits for the processes that a killed search left behind.
        """
        known = [self._known(trial) for trial in self._stored.study.get_trials()]
        return [job for job in known if job is not None]

    def jobs_to_do(self, earlier: Sequence[Job]) -> Iterator[Job]:
        """The jobs of earlier trials, then one new trial after the other, decided by the endings so far."""
        yield from earlier
        while len(self._stored.study.get_trials(deepcopy=False)) < self._search.trials:
            self.tell()
            job = self._asked()
            if job is not None:
                yield job

    def tell(self) -> None:
        """Tell the storage of the endings that are new."""
        for ending in self._endings[self._told :]:
            self._told += 1
            if not self._frozen(ending.job.number).state.is_finished():
                self._tell(ending)

    def _asked(self) -> Job | None:
        """A new trial; None where its config is not valid, which is told."""
        number = len(self._stored.study.get_trials(deepcopy=False))
        with quiet():
            self._stored.fit(self._search, number)
            trial = self._stored.study.ask()
            said = suggested(self._search.space, trial)
        return self._made(number, said)

    def _known(self, trial: FrozenTrial) -> Job | None:
        """An earlier trial; None where it is over, with its ending added to the others."""
        number, said = trial.number, said_of(self._search.space, trial.params)
        if trial.state.is_finished():
            self._remember(trial, said)
            return None
        with quiet():  # killed while it was decided: what it lacks is decided now, as it would have been
            self._stored.fit(self._search, number)
            going_on = Trial(self._stored.study, self._stored.trial_id(number))
            said = suggested(self._search.space, going_on)
        job = self._made(number, said, again=True)
        if job is None:
            return None
        await_others([job])
        if (outcome := result(job)) is None:
            return job
        self._endings.append(Ending(job, outcome))
        self.tell()
        return None

    def _remember(self, trial: FrozenTrial, said: dict[str, str]) -> None:
        reason = str(trial.user_attrs.get(REASON, ""))
        try:
            job = self._job(trial.number, said, again=True)
        except BpexpError as error:
            self.unmade.append(f"trial {trial.number}: {error}")
            return
        self.jobs.append(job)
        self._endings.append(Ending(job, read(job.directory), reason))
        self._told = len(self._endings)

    def _made(self, number: int, said: dict[str, str], *, again: bool = False) -> Job | None:
        try:
            job = self._job(number, said, again=again)
        except BpexpError as error:
            told = str(in_a_trial(error, said))
            self.unmade.append(f"trial {number}: {told}")
            warn(f"trial {number} is not run: {told}")
            self._fail(number, told)
            return None
        self._note(number, PLACE, str(job.subdirectory))
        self.jobs.append(job)
        return job

    def _job(self, number: int, said: dict[str, str], *, again: bool) -> Job:
        made = self._trials.job(number, said)
        place = place_of(self._search, str(self._directory / STORAGE), number)
        return replace(made.below(self._directory, self._parent), again=again, trial=place)

    def _tell(self, ending: Ending) -> None:
        number, outcome = ending.job.number, ending.outcome
        if outcome is None or not outcome.ok:
            self._fail(number, ending.reason if outcome is None else f"{outcome.status}: {outcome.reason}")
            return
        if outcome.status == "pruned":
            self._finish(number, TrialState.PRUNED)
            return
        values = [value_of(outcome, name) for name in self._search.objectives]
        if not all(math.isfinite(value) for value in values):
            self._fail(number, f"{outcome.status}: {' and '.join(self._search.objectives)} is not finite")
            return
        if outcome.status == "diverged":
            self._note(number, DIVERGED, outcome.reason)
        self._finish(number, TrialState.COMPLETE, values)

    def _fail(self, number: int, reason: str) -> None:
        self._note(number, REASON, reason)
        self._finish(number, TrialState.FAIL)

    def _note(self, number: int, name: str, text: str) -> None:
        self._stored.storage.set_trial_user_attr(self._stored.trial_id(number), name, text)

    def _finish(self, number: int, state: TrialState, values: list[float] | None = None) -> None:
        with quiet():
            self._stored.fit(self._search, number)
            self._stored.study.tell(number, values, state=state)

    def _frozen(self, number: int) -> Any:
        return self._stored.storage.get_trial(self._stored.trial_id(number))
