"""How a run ended, as far as its journal tells it: for one that cannot tell any more, or not yet."""

from __future__ import annotations

from contextlib import suppress

from bpexp.errors import BpexpError
from bpexp.insight.probe_sets import averaged
from bpexp.records.journal import JOURNAL, history
from bpexp.records.journal_lines import last_line
from bpexp.records.outcome import Outcome, RunInfo
from bpexp.records.summary import Series, summarize
from bpexp.training.metrics import chooser


def outcome_from(info: RunInfo, status: str, reason: str, series: Series, *, restored: bool = False) -> Outcome:
    """The outcome of a run with the metrics of its journal; `restored` if it ended with its best epoch's weights."""
    return Outcome(
        name=info.name,
        directory=str(info.directory),
        status=status,
        reason=reason,
        overrides=info.overrides,
        params=info.params,
        seconds=max((value for _, value in series.get("time/seconds", ())), default=0.0),
        metrics=summarize(series, averaged(), restored=restored),
        chosen_by=chooser(series),
        weights="unevaluated",
    )


def killed(info: RunInfo, reason: str = "its process died") -> Outcome:
    """The outcome of a run whose process died, without metrics where its journal cannot be read.

    Of a run that could not write its own, as on a full disk, status and reason are those of its journal.
    """
    series: Series = {}
    status, said = "killed", last_line(info.directory / JOURNAL) or {}
    if said.get("event") == "ended" and said.get("status") in ("failed", "killed"):
        status, reason = said["status"], str(said.get("reason"))
    with suppress(BpexpError, OSError, ValueError, KeyError, TypeError):
        series = history(info.directory / JOURNAL)
    return outcome_from(info, status, reason, series)
