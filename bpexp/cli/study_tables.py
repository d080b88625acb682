"""What is printed at the end of a study: the table of its arms, and the verdicts on its claims."""

from __future__ import annotations

from rich.console import Console

from bpexp.cli.ranking_table import PROBLEMS, print_link
from bpexp.cli.rows import row
from bpexp.cli.tables import Ranked, numbers_first, print_ranked
from bpexp.running.sweep import Sweep
from bpexp.study.analysis import Analysis
from bpexp.study.declaration import moment
from bpexp.study.report import Report
from bpexp.study.words import shown, told

VERDICTS = {"supported": "green", "holds": "green", "refuted": "red", "violated": "red"}


def print_report(console: Console, report: Report, sweep: Sweep | None) -> None:
    """Print the arms of a study and the verdicts on its claims; `sweep` is None for a recorded study."""
    analysis, standings = report.analysis, report.standings
    if left_out := print_ranked(console, _arms(analysis)):
        row(console, "not shown", f"{', '.join(left_out)}; see the report")
    for problem in standings.evidence.problems:
        row(console, "record", problem, "red")
    for verdict in analysis.verdicts:
        said, post_hoc = f"{verdict.claim.text} ({told(verdict)})", standings.of(verdict.claim)
        if not post_hoc.before:
            said = f"post hoc: {said}; {post_hoc.told}"
        row(console, verdict.answer.upper(), said, bold=VERDICTS.get(verdict.answer, "yellow"))
    for problem in [*standings.changes, *analysis.problems, *(sweep.ranking.problems[:PROBLEMS] if sweep else [])]:
        row(console, "note", problem, "yellow")
    if standings.evidence.sha256:
        row(console, "declared", f"{moment(standings.evidence.at)}, SHA-256 {standings.evidence.sha256}")
    row(console, "report", str(report.files[0].absolute()))
    print_link(console, sweep)


def _arms(analysis: Analysis) -> Ranked:
    """The table of arms, best arm first. A narrow terminal goes without the seeds first, and without the rank last."""
    study, arms = analysis.study, analysis.best
    found = {factor: [arm.levels[factor] for arm in arms] for factor in (arms[0].levels if arms else ())}
    swept = numbers_first(list(found), found)
    columns = {"rank": [str(place) for place in range(1, len(arms) + 1)], **{name: found[name] for name in swept}}
    if study.tuned:
        chosen = f"best {study.tuned}"
        columns[chosen] = [arm.chosen for arm in arms]
        swept.append(chosen)
    names = [measure.text for measure in study.measures]
    for measure, text in zip(study.measures, names, strict=True):
        columns[text] = [shown(arm.intervals[text], measure, arm.runs, arm.never.get(text, 0)) for arm in arms]
    columns["seeds"] = [str(arm.runs) for arm in arms]
    decisive = names[0] if names else None
    title = f"{study.title}, best first by {decisive}" if decisive else study.title
    return Ranked(title, columns, swept, decisive, ["seeds", *reversed(names[1:]), "rank"])
