"""What processes that are gone wrote into the journal of a run that is resumed, beyond its checkpoint too."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bpexp.errors import CheckpointError, RecordError
from bpexp.records.journal_lines import checked_line, plain

Values = dict[str, float | str]

CLOCK = "time/"
"""Begins the names of the metrics that two runs of the same steps may measure differently."""


@dataclass(slots=True, eq=False)
class Tail:
    """What stands in the journal of a run that is resumed; nothing, for a run that begins.

    All of it counts, not what follows the checkpoint alone: a process that was itself resumed may have written its
    checkpoint before it came to where the process before it had been.

    Args:
        start: byte offset that the checkpoint covers.
        losses: the steps before this number have a batch loss in the journal.
        metrics: of each step, what is written of it.
        latest: the latest time of a line, in seconds since 1970.
        sha: SHA-256 of the whole journal, to be updated with what is appended.
        differs: whether a value that was computed again was another one.
    """

    start: int = 0
    losses: int = 0
    metrics: dict[int, Values] = field(default_factory=dict)
    latest: float = 0.0
    sha: Any = field(default_factory=hashlib.sha256)
    differs: bool = False

    def missing(self, step: int, values: Values) -> tuple[Values, dict[str, Any]]:
        """The metrics of a step that are not in the journal yet, and the first that differs from what is there."""
        there = self.metrics.get(step, {})
        new = {name: value for name, value in values.items() if name not in there}
        other = [n for n in values if n in there and there[n] != values[n] and not n.startswith(CLOCK)]
        if self.differs or not other:
            return new, {}
        self.differs = True
        return new, {"metric": other[0], "was": there[other[0]], "is": values[other[0]]}


def read_tail(path: Path, offset: int, sha256: str) -> Tail:
    """What stands in the journal at `path`; a last line that was not written to its end is cut off.

    Behind the checkpoint, a line with zeros is cut off with all that follow: those steps are computed again.

    Raises CheckpointError unless what stands before `offset` has that SHA-256: the checkpoint is of another journal, or
    the journal was changed.
    """
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        if size < offset:
            raise CheckpointError(f"{str(path)!r} has {size} bytes, but the checkpoint covers {offset}: some are lost")
        tail = Tail(offset, sha=_digest(file, offset))
        if (found := tail.sha.hexdigest()) != sha256:
            raise CheckpointError(
                f"{str(path)!r} is not the journal of the checkpoint: the SHA-256 of its first {offset} bytes is "
                f"{found[:12]}..., not {sha256[:12]}...; it was changed, or the checkpoint is of another run"
            )
        file.seek(0)
        end = 0
        for line in file:
            if not line.endswith(b"\n") or (end >= offset and b"\0" in line):  # a loss of power leaves zeros
                break
            _take(tail, line, path)
            if end >= offset:
                tail.sha.update(line)
            end += len(line)
        file.truncate(end)
    return tail


def _digest(file: Any, offset: int) -> Any:
    """SHA-256 of the first `offset` bytes, after which the file stands."""
    sha, left = hashlib.sha256(), offset
    while left:
        piece = file.read(min(left, 1 << 20))
        sha.update(piece)
        left -= len(piece)
    return sha


def _take(tail: Tail, line: bytes, path: Path) -> None:
    """Take note of one line; raises CheckpointError for one that is no line of a journal."""
    try:
        said = checked_line(line, repr(str(path)))
    except RecordError as error:
        raise CheckpointError(f"a line cannot be read: {error}") from error
    tail.latest = max(tail.latest, said["time"])
    if "losses" in said:
        tail.losses = max(tail.losses, said["step"] + len(said["losses"]))
    if "metrics" in said:
        written = {name: plain(value) for name, value in said["metrics"].items()}
        tail.metrics.setdefault(said["step"], {}).update(written)
