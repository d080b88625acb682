"""The tasks that are no runs and print little: of the store, of a recorded run, or a page; each gives an exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bpexp.errors import ConfigError

if TYPE_CHECKING:
    from bpexp.running.plan import Plan


def _doctor(planned: Plan) -> int:
    from bpexp.cli.findings import print_findings
    from bpexp.running.tasks.doctor_task import examine

    return print_findings(examine(planned, Path.cwd()))


def _sync(planned: Plan) -> int:
    from bpexp.cli.findings import print_deliveries
    from bpexp.running.tasks.sync_task import deliver_all

    return print_deliveries(deliver_all(planned, Path.cwd()))


def _figures(planned: Plan) -> int:
    from bpexp.cli.findings import print_deliveries
    from bpexp.running.tasks.figures_task import draw_planned
    from bpexp.running.tasks.sync_task import deliver_named

    for picture in draw_planned(planned):
        print(picture, flush=True)
    return print_deliveries(deliver_named(planned, Path.cwd()))


def _explore(planned: Plan) -> int:
    from bpexp.running.progress import tell
    from bpexp.running.tasks.explore_task import explore

    print(explore(planned), flush=True)
    tell(["open this page in a browser"], planned.config.progress)
    return 0


def _nameless(planned: Plan) -> int:
    task = planned.config.task
    raise ConfigError(f"task={task} is said on the command line, as in task={task} sweep=multirun/DATE/TIME")


ONCE = {
    "doctor": _doctor,
    "sync": _sync,
    "figures": _figures,
    "explore": _explore,
    "status": _nameless,
    "stop": _nameless,
}
"""The functions of these tasks, by name."""
