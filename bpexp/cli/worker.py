"""The entry of a process of `launcher=process`, whose output cannot fail, like that of the command itself."""

from __future__ import annotations

from bpexp.cli.output import lasting_output
from bpexp.running.launchers.worker import serve


def main(handle: int, memory: int | None) -> None:
    """Perform the jobs that come through the connection `handle`, in at most `memory` MiB."""
    lasting_output()
    serve(handle, memory)
