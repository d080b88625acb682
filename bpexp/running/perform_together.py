"""Jobs that are trained together, each with files, records and an end of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from bpexp.errors import BpexpError
from bpexp.records.lock import RunLock
from bpexp.running.blas import blas_threads
from bpexp.running.build import Experiment, build
from bpexp.running.ending.interruption import word
from bpexp.running.ending.record import TrainingEnd
from bpexp.running.ending.signals import Signals
from bpexp.running.execute import broken_off, ended
from bpexp.running.fusing import kinds_of
from bpexp.running.job import Ending, Job
from bpexp.running.open_run import OpenRun, open_run
from bpexp.running.perform import cannot_begin, last_words, perform, unbegun, write_declared
from bpexp.tracking.session import recording
from bpexp.training.events import RunEnded
from bpexp.training.fused.member import Member
from bpexp.training.fused.together import Together

CLOSED = "its sweep ended before it"


def perform_unit(unit: Sequence[Job]) -> Generator[Ending, None, None]:
    """Execute jobs that fit together (`bpexp.running.fusing`), each in its directory, and yield their endings.

    An exception within a run is its outcome. A signal, and closing the generator, end all of them, each recorded.
    """
    if len(unit) == 1:
        yield Ending(unit[0], perform(unit[0]))
        return
    with Signals() as signals, ExitStack() as locks:
        begun, alone = _build(unit, locks, signals)
        if len(begun) > 1:
            yield from Fused(begun, signals).train()
        else:
            alone += [one.job for one in begun]
    for job in alone:
        yield Ending(job, perform(job))


@dataclass(slots=True, eq=False)
class Begun:
    """A job whose folder is locked, and its objects; then its open run, and its place in the training."""

    job: Job
    experiment: Experiment
    run: OpenRun | None = None
    member: Member | None = None


def _build(unit: Sequence[Job], locks: ExitStack, signals: Signals) -> tuple[list[Begun], list[Job]]:
    """The jobs that can begin together, and those that cannot, which are performed alone and so say why."""
    begun: list[Begun] = []
    alone: list[Job] = []
    signals.last_words = partial(_each, [partial(last_words, job) for job in unit])
    try:
        for job in unit:
            try:
                job.directory.mkdir(parents=True, exist_ok=True)
                locks.enter_context(RunLock(job.directory))
                write_declared(job)
                begun.append(Begun(job, build(job.config)))
            except (BpexpError, OSError):
                alone.append(job)
            signals.check()
    except BaseException as error:
        if error is signals.pending:
            for job in unit:
                unbegun(job, "killed", word(error))
        raise
    return sorted(begun, key=lambda one: kinds_of(one.experiment)), alone


def _each(last_words: Sequence[Callable[[str], None]], said: str) -> None:
    for last in last_words:
        last(said)


class Fused:
    """The runs of jobs that are trained together, from their first file to their outcomes."""

    def __init__(self, begun: Sequence[Begun], signals: Signals) -> None:
        self._begun, self._signals = list(begun), signals
        self._together: Together | None = None
        self._last_words: list[Callable[[str], None]] = []

    def train(self) -> Generator[Ending, None, None]:
        """Train all, and yield each ending as soon as it is recorded."""
        signals = self._signals
        with blas_threads(self._begun[0].job.config.threads), recording(signals.arrived):
            signals.last_words = partial(_each, self._last_words)
            try:
                yield from self._open(len(self._begun))
                yield from self._epochs()
            except Exception as error:  # of the computation that all share
                yield from self._end_all(error)
            except BaseException as error:
                for _ in self._end_all(error):
                    pass
                raise

    def _open(self, runs: int) -> Iterator[Ending]:
        """Begin the files and the record of each run; one that cannot begin says why."""
        for one in list(self._begun):
            self._signals.check()
            try:
                info = one.job.info()
                one.run = open_run(one.experiment, info, self._last_words.append, fused=runs)
                one.member = Member(one.experiment.trainer, one.run.callbacks([]), kinds=kinds_of(one.experiment))
            except (BpexpError, OSError) as error:
                self._begun.remove(one)
                yield Ending(one.job, cannot_begin(one.job, error))

    def _epochs(self) -> Iterator[Ending]:
        members = [one.member for one in self._begun if one.member is not None]
        one_order = len({one.job.config.seed for one in self._begun}) == 1
        together = self._together = Together(members, one_order=one_order)
        with self._signals.raised(patience=True):
            together.begin(self._signals.check)
        yield from self._left()
        while together.members:
            with self._signals.raised(patience=True):
                together.epoch(self._signals.check)
            yield from self._left()

    def _left(self) -> Iterator[Ending]:
        """The endings of those that have left the training."""
        assert self._together is not None
        left, self._together.left = self._together.left, []
        for one in [one for one in self._begun if one.member in left]:
            assert one.member is not None
            how = one.member.ended
            assert how is not None
            assert one.run is not None
            yield self._conclude(one, ended(how) if isinstance(how, RunEnded) else broken_off(how, one.run.info))

    def _conclude(self, one: Begun, end: TrainingEnd) -> Ending:
        assert one.run is not None
        self._begun.remove(one)
        return Ending(one.job, one.run.conclude(end, self._signals))

    def _end_all(self, error: BaseException) -> Iterator[Ending]:
        """End those that are left by what ended the training of all."""
        if self._together is not None:
            yield from self._left()
            self._together.settle()
        for one in list(self._begun):
            if one.run is None:
                self._begun.remove(one)
                said = CLOSED if isinstance(error, GeneratorExit) else word(error)
                yield Ending(one.job, unbegun(one.job, "killed", said))
                continue
            one.run.interrupted()
            closed = TrainingEnd("killed", CLOSED, interruption=error)
            yield self._conclude(one, closed if isinstance(error, GeneratorExit) else broken_off(error, one.run.info))
