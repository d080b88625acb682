"""What journal and checkpoints cost: processor time of trainings with and without them, in pairs, one after the other.

    BPEXP_DATA=FOLDER taskset -c 0 python -m experiments.reliability.checkpoint_cost [--pairs 7] [--job] [WORDS ...]

WORDS declare the run: all of MNIST with the default network, unless they say otherwise. The training is the same in
each process, without probes, bars and MLflow: with nothing, with the journal, and with journal and checkpoints. The
figures are medians over the pairs of the ratio of processor times, system calls included, and of that of elapsed times.
On a machine that others use, too, these ratios scatter widely. So the last figure is measured within each training: the
processor time of everything that journal and checkpoints do at the end of an epoch and for a checkpoint, and of what
they do in a step, from a loop of as many calls as there were steps, as a share of the processor time of the training.
With --job it is a job of a sweep as a whole, from its config to its network file, with and without checkpoints.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bpexp.config.composition import CommandLine
from bpexp.records.checkpoint import checkpoints
from bpexp.records.checkpointing import Checkpointing, CheckpointSettings
from bpexp.records.journal import Journal
from bpexp.records.outcome import RunInfo
from bpexp.running.blas import blas_threads
from bpexp.running.build import build
from bpexp.running.perform import perform
from bpexp.running.plan import Plan, plan
from bpexp.running.resuming.keeping import checkpointing, open_journal
from bpexp.training.events import Callback, Position, RunStarted, Step
from bpexp.training.trainer import train

KINDS = ("nothing", "journal", "both")


def measured(action: Callable[[], dict[str, float]]) -> dict[str, float]:
    """What an action returns, in a process of its own."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, json.dumps(action()).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    found: dict[str, float] = json.loads(text)
    return found


def job(planned: Plan, kind: str, folder: Path) -> dict[str, float]:
    """Times of a whole job."""
    done = planned.jobs[0]
    if kind == "nothing":
        done = replace(done, config=replace(done.config, checkpoint=CheckpointSettings(every=None)))
    begun = time.process_time(), time.monotonic()
    perform(done.below(folder))
    return {"processor": time.process_time() - begun[0], "elapsed": time.monotonic() - begun[1], **sizes(folder)}


def sizes(folder: Path) -> dict[str, float]:
    """Of the checkpoints that are there."""
    found = [path.stat().st_size for path in checkpoints(folder)]
    return {"written": len(found), "bytes": max(found, default=0)}


def training(planned: Plan, kind: str, folder: Path) -> dict[str, float]:
    """Processor time and elapsed time of one training, and its number of checkpoints."""
    experiment = build(planned.config)
    info = RunInfo("cost", folder, [], {})
    spent_within = Within()
    with blas_threads(1):
        journal = open_journal(experiment, info, None) if kind != "nothing" else None
        watching: list[Any] = [journal] if isinstance(journal, Journal) else []
        writers = checkpointing(experiment, info, journal, None, None) if journal and kind == "both" else []
        for writer in writers:
            writer.watch(experiment.trainer, watching)
        for watcher in (*watching, *writers):
            spent_within.watch(watcher)
        begun = time.process_time(), time.monotonic()
        last = LastStep()
        train(experiment.trainer, [*watching, *writers, last])
        if journal:
            journal.close("finished", "")
        spent = time.process_time() - begun[0], time.monotonic() - begun[1]
        own = spent_within.seconds + (in_steps(planned, folder, last, experiment.trainer.at) if writers else 0.0)
    times = {"processor": spent[0], "elapsed": spent[1], "own": own / (spent[0] - own)}
    return {**times, **sizes(folder), "written": spent_within.writes}


class LastStep(Callback):
    """Keeps the last step and the number of steps."""

    def on_step(self, event: Step) -> None:
        self.step = event


class Within:
    """The processor time of what watchers do at the end of an epoch, and for a checkpoint, which is not nested."""

    def __init__(self) -> None:
        self.seconds, self.writes, self._inside = 0.0, 0, False

    def watch(self, watcher: Any) -> None:
        """Measure the hooks of one watcher."""
        for name in ("on_epoch", "after_epoch", "write", "on_end"):
            if isinstance(watcher, Checkpointing) or name == "on_epoch":
                setattr(watcher, name, self._timed(getattr(watcher, name), name))

    def _timed(self, hook: Callable[..., None], name: str) -> Callable[..., None]:
        def timed(*given: Any, **how: Any) -> None:
            outermost, self._inside = not self._inside, True
            self.writes += name == "write"
            begun = time.process_time()
            try:
                hook(*given, **how)
            finally:
                if outermost:
                    self.seconds += time.process_time() - begun
                    self._inside = False

        return timed


def in_steps(planned: Plan, folder: Path, last: LastStep, at: Position) -> float:
    """Processor time of what journal and checkpoints do in as many steps as there were, without a checkpoint."""
    again = folder / "again"
    again.mkdir()
    experiment = build(replace(planned.config, checkpoint=CheckpointSettings(every=1e9)))
    info = RunInfo("cost", again, [], {})
    journal = open_journal(experiment, info, None)
    (writer,) = checkpointing(experiment, info, journal, None, None)
    writer.on_start(RunStarted(experiment.trainer.network, experiment.trainer.head, experiment.trainer.method, 1, 1))
    on_step, after_step, step = journal.on_step, writer.after_step, last.step
    begun = time.process_time()
    for _ in range(at.step):
        on_step(step)
        after_step(at)
    return time.process_time() - begun


def main() -> None:
    """Measure the pairs and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--job", action="store_true")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    planned = plan(CommandLine(tuple(words_of(options.words))))
    kinds, measure = (("nothing", "both"), job) if options.job else (KINDS, training)
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as scratch:
        for pair in range(options.pairs):
            for kind in kinds if pair % 2 else kinds[::-1]:
                folder = Path(scratch) / f"{kind}-{pair}"
                folder.mkdir()
                found[kind].append(measured(partial(measure, planned, kind, folder)))
    for kind in kinds[1:]:
        told = [f"{of} {share(found, kind, of)}" for of in ("processor", "elapsed")]
        last = found[kind][-1]
        print(f"{kind}: {'; '.join(told)}; checkpoints {last['written']:.0f} of {last['bytes'] / 1000:.0f} kB")
    if not options.job:
        own = [100 * one["own"] for one in found["both"]]
        print(f"within the training: {statistics.median(own):.2f} % ({min(own):.2f} to {max(own):.2f})")


def words_of(words: Sequence[str]) -> list[str]:
    """The words of the run, with all of MNIST where they name no data."""
    data = [] if any(word.startswith("data=") for word in words) else ["data=mnist", "epochs=3"]
    probes = [] if any(word.startswith("probe=") for word in words) else ["probe=off"]
    return [*data, *words, *probes, "tracking=none", "progress=false"]


def share(found: dict[str, list[dict[str, float]]], kind: str, of: str) -> str:
    """How much more time was spent, in percent: the median over the pairs, the smallest and the largest."""
    pairs = zip(found[kind], found["nothing"], strict=True)
    ratios = [100 * (one[of] / other[of] - 1) for one, other in pairs]
    return f"{statistics.median(ratios):+.2f} % ({min(ratios):+.2f} to {max(ratios):+.2f})"


if __name__ == "__main__":
    main()
