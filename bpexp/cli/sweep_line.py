"""How a sweep, a study or a search ended, in one line: what is printed in place of its tables with progress=false."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bpexp.running.sweep import Sweep
from bpexp.running.tally import Tally


def sweep_line(sweep: Sweep, common: frozenset[str]) -> str:
    """The jobs that have a result and the best one, or what a search found; the answers to claims; the folder.

    Args:
        sweep: that has ended.
        common: overrides that all jobs have, which tell none from another.
    """
    told = _of_search(sweep) if sweep.found is not None else _of_jobs(sweep, common)
    return "; ".join([*(part for part in told if part), str(sweep.directory)])


def _of_jobs(sweep: Sweep, common: frozenset[str]) -> Iterator[str]:
    tally = Tally(len(sweep.endings), common)
    for ending in sweep.endings:
        tally.add(ending.job.number, ending.outcome)
    yield f"{tally.done} of {tally.total} jobs have a result"
    yield tally.best_line()
    if sweep.report is not None:
        answers = Counter(verdict.answer for verdict in sweep.report.analysis.verdicts)
        yield "claims: " + (", ".join(f"{number} {answer}" for answer, number in answers.items()) or "none")


def _of_search(sweep: Sweep) -> Iterator[str]:
    from bpexp.search.summary import best_line, headline

    assert sweep.found is not None
    yield headline(sweep.found)
    yield f"best: {best_line(sweep.found)}"
    if sweep.confirmed is not None:
        yield f"confirmed: {sweep.confirmed.verdict()}"
