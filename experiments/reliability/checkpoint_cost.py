"""What journal and checkpoints cost: processor time of trainings with and without them, in pairs, one after the other.

    BPEXP_DATA=FOLDER taskset -c 0 python -m experiments.reliability.checkpoint_cost [--pairs 7] [--job] [WORDS ...]

WORDS declare the run: all of MNIST with the default network, unless they say otherwise. The training is the same in
each process, without probes, bars and MLflow: with nothing, with the journal, and with journal and checkpoints. The
figures are medians over the pairs of the ratio of processor times, system calls included, and of that of elapsed times.
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
from bpexp.records.checkpointing import CheckpointSettings
from bpexp.records.journal import Journal
from bpexp.records.outcome import RunInfo
from bpexp.running.blas import blas_threads
from bpexp.running.build import build
from bpexp.running.keeping import checkpointing, open_journal
from bpexp.running.perform import perform
from bpexp.running.plan import Plan, plan
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
    with blas_threads(1):
        journal = open_journal(experiment, info, None) if kind != "nothing" else None
        watching: list[Any] = [journal] if isinstance(journal, Journal) else []
        writers = checkpointing(experiment, info, journal, None, None) if journal and kind == "both" else []
        for writer in writers:
            writer.watch(experiment.trainer, watching)
        written = 0
        if writers:
            write = writers[0].write

            def counted(**how: Any) -> None:
                nonlocal written
                written += 1
                write(**how)

            writers[0].write = counted  # type: ignore[method-assign]
        begun = time.process_time(), time.monotonic()
        train(experiment.trainer, [*watching, *writers])
        if journal:
            journal.close("finished", "")
        spent = time.process_time() - begun[0], time.monotonic() - begun[1]
    return {"processor": spent[0], "elapsed": spent[1], **sizes(folder), "written": written}


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


def words_of(words: Sequence[str]) -> list[str]:
    """The words of the run, with all of MNIST where they name no data."""
    data = [] if any(word.startswith("data=") for word in words) else ["data=mnist", "epochs=3"]
    probes = [] if any(word.startswith("probe=") for word in words) else ["probe=off"]
    return [*data, *words, *probes, "tracking=none", "progress=false"]


def share(found: dict[str, list[dict[str, float]]], kind: str, of: str) -> str:
    """How much more time was spent, in percent: the median over the pairs, the smallest and the largest."""
    pairs = zip(found[kind], found["nothing"], strict=True)
    ratios = [100 * (one[of] / other[of] - 1) for one, other in pairs]
    return f"+{statistics.median(ratios):.2f} % ({min(ratios):+.2f} to {max(ratios):+.2f})"


if __name__ == "__main__":
    main()
