"""Checkpoints: files from which a run goes on, in the folder `checkpoints` of its directory. Nothing is pickled.

A file is one line of text, `bpexp checkpoint FORMAT SHA256 LENGTH`, and then an archive (`bpexp.records.archive`) of
that length and hash. It appears under its name when it is whole: it is written to a temporary file, brought to the
disk, and moved.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bpexp.errors import CheckpointError, RecordError
from bpexp.files.regular import open_regular, size_of
from bpexp.files.whole import UNFINISHED, sync_folder
from bpexp.records.archive import packed, unpacked
from bpexp.records.schema import as_record
from bpexp.training.events import State

FOLDER = "checkpoints"
FORMAT = 1
MAGIC = "bpexp checkpoint"
HEADER = 128
"""Largest length of the first line, in bytes."""

_NAME = re.compile(r"step-(\d{6,})\.ckpt")


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A run between two steps.

    Args:
        state: of the training, see `bpexp.training.state`.
        journal: byte offset up to which the journal belongs to it.
        journal_sha256: of the journal up to there.
        config: the composed config, as config.yaml has it.
        config_sha256: the hash of this text.
        data: digest of the data set.
        network: sizes, hidden activations, output and dtype.
        versions: of bpexp, NumPy and Python, BLAS and its threads: what the last digits of a result depend on.
        run: name, overrides and parent of the run, its id in MLflow, and the plug-ins that were installed.
    """

    state: State
    journal: int
    journal_sha256: str
    config: str
    config_sha256: str
    data: str
    network: dict[str, Any]
    versions: dict[str, str]
    run: dict[str, Any]

    @property
    def step(self) -> int:
        """The number of updates."""
        return int(self.state["at"]["step"])


def checkpoints(directory: Path) -> list[Path]:
    """The checkpoints of a run in the order of their steps; raises CheckpointError for a folder that is a link."""
    folder = directory / FOLDER
    if folder.is_symlink():
        raise CheckpointError(f"{str(folder)!r} is a symbolic link; checkpoints lie in the folder of their run")
    found = [(int(match[1]), path) for path in _listed(folder) if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def _listed(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        return list(folder.iterdir())
    return []


def name_of(step: int) -> str:
    """The file name of the checkpoint after that many updates."""
    return f"step-{step:06d}.ckpt"


def write_checkpoint(directory: Path, checkpoint: Checkpoint, *, durable: bool = True) -> Path:
    """Write a checkpoint and return its path; the file is there as a whole or not at all.

    Args:
        directory: the directory of the run.
        checkpoint: its content.
        durable: wait until it has reached the disk, so that it survives a loss of power, too.

    Raises OSError, CheckpointError, and TypeError for a state that holds something else than plain values and arrays.
    """
    payload = packed({field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)})
    folder = directory / FOLDER
    first = not folder.exists()
    folder.mkdir(exist_ok=True)
    checkpoints(directory)  # refuses a link
    remove_unfinished(directory)
    path = folder / name_of(checkpoint.step)
    unfinished = path.with_name(path.name + UNFINISHED)
    header = f"{MAGIC} {FORMAT} {hashlib.sha256(payload).hexdigest()} {len(payload)}\n".encode()
    try:
        with unfinished.open("xb") as file:
            file.write(header)
            file.write(payload)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    if durable:
        for place in (folder, directory) if first else (folder,):
            sync_folder(place)
    return path


def remove_unfinished(directory: Path) -> None:
    """Remove what a process that was killed while it wrote a checkpoint has left."""
    for path in _listed(directory / FOLDER):
        if path.name.endswith(UNFINISHED) and _NAME.fullmatch(path.name.removesuffix(UNFINISHED)):
            path.unlink(missing_ok=True)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; raises CheckpointError for one that is missing, damaged or of another format."""
    where = f"the checkpoint {str(path)!r}"
    try:
        checkpoint = as_record(unpacked(_verified(path), where), Checkpoint, where)
    except RecordError as error:
        raise CheckpointError(str(error)) from None
    at = checkpoint.state.get("at")
    if not isinstance(at, dict) or not all(type(at.get(key)) is int and at[key] >= 0 for key in ("epoch", "step")):
        raise CheckpointError(f"{where}: state: found no position of a training")
    if checkpoint.journal < 0:
        raise CheckpointError(f"{where}: journal: found {checkpoint.journal}; expected an offset")
    return checkpoint


def _verified(path: Path) -> bytes:
    """The archive of a file, whose length and hash were compared with its first line before anything else."""
    where = f"the checkpoint {str(path)!r}"
    if path.is_symlink():
        raise CheckpointError(f"{where} is a symbolic link; expected a regular file")
    with open_regular(path, error=CheckpointError) as file:
        header = file.readline(HEADER)
        wanted, length = _promised(header, path)
        if (size := size_of(file) - len(header)) != length:
            raise CheckpointError(f"{where} is damaged: it has {size} bytes; expected {length}")
        payload = file.read(length)
    if (found := hashlib.sha256(payload).hexdigest()) != wanted:
        raise CheckpointError(f"{where} is damaged: its SHA-256 is {found[:12]}...; expected {wanted[:12]}...")
    return payload


def _promised(header: bytes, path: Path) -> tuple[str, int]:
    """Hash and length of the first line."""
    match = re.fullmatch(rb"bpexp checkpoint (\d{1,6}) ([0-9a-f]{64}) (\d{1,15})\n", header)
    if match is None:
        raise CheckpointError(f"{str(path)!r} is no checkpoint of bpexp: it begins with {header[:32]!r}")
    if int(match[1]) != FORMAT:
        raise CheckpointError(
            f"the checkpoint {str(path)!r} is of format {int(match[1])}, but this bpexp reads {FORMAT}"
        )
    return match[2].decode(), int(match[3])
