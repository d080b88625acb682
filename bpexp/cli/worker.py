"""The entries of processes that perform jobs for a sweep: their output cannot fail."""

from __future__ import annotations

from bpexp.cli.output import lasting_output
from bpexp.cli.process import left_in_time
from bpexp.running.away import child
from bpexp.running.launchers.fork_server import forked
from bpexp.running.launchers.worker import serve


def main(handle: int, preload: bool, tracking: bool, modules: list[str]) -> None:
    """Fork workers for the sweep at the connection `handle`, each of which performs jobs."""
    lasting_output()
    worker = forked(handle, preload, tracking, modules)
    if worker is not None:
        with left_in_time():
            serve(*worker)


def away(handle: int) -> None:
    """Perform the jobs of a worker of an engine, which come through the connection `handle`."""
    lasting_output()
    child.heed_signals()
    with left_in_time():
        child.serve(handle)
