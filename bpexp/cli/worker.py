"""The entries of processes that perform jobs, whose output cannot fail, like that of the command itself."""

from __future__ import annotations

from bpexp.cli.output import lasting_output
from bpexp.running.away import child
from bpexp.running.launchers.worker import serve


def main(handle: int, memory: int | None) -> None:
    """Perform the jobs that come through the connection `handle`, in at most `memory` MiB."""
    lasting_output()
    serve(handle, memory)


def away(handle: int) -> None:
    """Perform the jobs of a worker of an engine, which come through the connection `handle`."""
    lasting_output()
    child.serve(handle)
