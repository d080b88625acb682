"""Weights at several epochs of a training, in the folder `snapshots` of a run, for figures of how a network changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bpexp.errors import RecordError, warn
from bpexp.files.npz import open_npz
from bpexp.files.whole import writing_whole
from bpexp.nn.arrays import Array
from bpexp.training.events import Callback, EpochEnded, RunStarted

FOLDER = "snapshots"

MOST = 1 << 30
"""Largest size of the weights of one snapshot that is read, in bytes."""

_NAME = re.compile(r"step-(\d{6,12})\.npz")


class Kept(NamedTuple):
    """The weights theta (P,) after an epoch and so many updates."""

    epoch: int
    step: int
    theta: Array


class Snapshots(Callback):
    """Writes the weights before the first step and after some evaluated epochs, evenly spaced, the last one included.

    A training that is resumed removes those of later steps, and goes on. One that cannot be written costs a warning.

    Args:
        directory: the directory of the run.
        count: number of epochs after which weights are written.
    """

    def __init__(self, directory: Path, count: int) -> None:
        self._folder, self._count = directory / FOLDER, count
        self._warned = False

    def on_start(self, event: RunStarted) -> None:
        self._network, epochs = event.network, event.epochs
        count = min(self._count, epochs)
        self._due = {0, *(round(i * epochs / count) for i in range(1, count + 1))}
        self._last = event.epoch
        for step, path in _files(self._folder.parent):
            if step > event.step:
                path.unlink(missing_ok=True)

    def on_epoch(self, event: EpochEnded) -> None:
        due = any(self._last < epoch <= event.epoch for epoch in self._due) or event.epoch == 0
        self._last = event.epoch
        if not due:
            return
        try:
            self._folder.mkdir(exist_ok=True)
            with writing_whole(self._folder / f"step-{event.step:06d}.npz") as file:
                np.savez(file, theta=self._network.theta, epoch=event.epoch)
        except OSError as error:
            if not self._warned:
                warn(f"no snapshot in {self._folder} ({error.strerror or error})")
            self._warned = True


def read_snapshots(directory: Path, parameters: int) -> list[Kept]:
    """The snapshots of a run in the order of their steps; raises RecordError for one that is damaged.

    `parameters` is P, the number of weights that each must have.
    """
    return [_read(path, step, parameters) for step, path in _files(directory)]


def _files(directory: Path) -> list[tuple[int, Path]]:
    """Step and path of each snapshot, in order; a folder that is a link holds none."""
    folder = directory / FOLDER
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted((int(match[1]), path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)))


def _read(path: Path, step: int, parameters: int) -> Kept:
    with open_npz(path, error=RecordError) as archive:
        theta, epoch = archive.read("theta", "f", most=MOST), archive.read("epoch", "iu", most=8)
    if theta.shape != (parameters,) or epoch.shape or int(epoch) < 0:
        raise RecordError(f"{str(path)!r}: found the shape {theta.shape}; expected {parameters} weights of an epoch")
    return Kept(int(epoch), step, theta)
