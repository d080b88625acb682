"""What is printed at the end of a study: the table of its arms, and the verdicts on its claims."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rich.console import Console

from bpexp.cli.ranking_table import PROBLEMS, print_link
from bpexp.cli.rows import row
from bpexp.cli.tables import Ranked, alike, listed, numbers_first, print_ranked
from bpexp.running.sweep import Sweep
from bpexp.running.tasks.recorded_studies import RecordedStudy
from bpexp.study.analysis import Analysis
from bpexp.study.declaration import moment
from bpexp.study.measures import Measure
from bpexp.study.report import Report
from bpexp.study.words import shown, told
from bpexp.training.metrics import metrics

VERDICTS = {"supported": "bold", "holds": "bold", "refuted": "bold red", "violated": "bold red"}
"""The styles of an answer; of any other it is magenta. They can be read on a white terminal, too."""


def print_report(console: Console, report: Report, sweep: Sweep | None) -> None:
    """Print the arms of a study and the verdicts on its claims; `sweep` is None for a recorded study."""
    analysis, standings = report.analysis, report.standings
    factors = _factors(analysis)
    same = alike(factors)
    left_out = print_ranked(console, _arms(analysis, {name: factors[name] for name in factors if name not in same}))
    if same:
        row(console, "all alike", ", ".join(f"{name} {level}" for name, level in same.items()))
    if left_out:
        row(console, "not shown", f"{listed(left_out)}; see the report")
    if report.unfinished:
        row(console, "note", report.unfinished, "magenta")
    for problem in standings.evidence.problems:
        row(console, "record", problem, "red")
    for verdict in analysis.verdicts:
        said, post_hoc = f"{verdict.claim.text} ({told(verdict)})", standings.of(verdict.claim)
        if not post_hoc.before:
            said = f"post hoc: {said}; {post_hoc.told}"
        row(console, verdict.answer.upper(), said, bold=VERDICTS.get(verdict.answer, "bold magenta"))
    for line in standings.narrowing:
        row(console, "note", f"set on the command line: {line}", "magenta")
    for problem in [*standings.changes, *analysis.problems, *(sweep.ranking.problems[:PROBLEMS] if sweep else [])]:
        row(console, "note", problem, "magenta")
    if standings.evidence.sha256:
        row(console, "declared", f"{moment(standings.evidence.at)}, SHA-256 {standings.evidence.sha256}")
    row(console, "report", str(report.files[0].absolute()))
    print_link(console, sweep, _recorded(analysis.study.measures))


def print_studies(console: Console, studies: Sequence[RecordedStudy]) -> None:
    """Print the recorded studies, the newest first, each with the command that writes its report."""
    for study in studies:
        of = "" if study.declared is None else f" of {study.declared}"
        whole = study.declared is None or study.runs >= study.declared
        state = "" if whole else " (interrupted, or still running)"
        row(console, study.name, f"  {moment(study.began)}, {study.runs}{of} runs with a result{state}", width=0)
        row(console, "", study.command, width=4)


def _recorded(measures: Sequence[Measure]) -> str | None:
    """The metric that the first measure is, if MLflow holds it as a number of each run."""
    found = re.fullmatch(r"final ((\w+)/\w+)", measures[0].text) if measures else None
    return found[1] if found and found[2] in metrics else None


def _factors(analysis: Analysis) -> dict[str, list[str]]:
    """The levels of each factor, and those that the arms chose, by arm, the best one first."""
    arms, tuned = analysis.best, analysis.study.tuned
    found = {factor: [arm.levels[factor] for arm in arms] for factor in (arms[0].levels if arms else ())}
    levels = {factor: found[factor] for factor in numbers_first(list(found), found)}
    return levels | ({f"best {tuned}": [arm.chosen for arm in arms]} if tuned else {})


def _arms(analysis: Analysis, factors: Mapping[str, list[str]]) -> Ranked:
    """The table of arms, best arm first. A narrow terminal goes without the seeds first, and without the rank last."""
    study, arms = analysis.study, analysis.best
    columns = {"rank": [str(place) for place in range(1, len(arms) + 1)], **factors}
    names = [measure.text for measure in study.measures]
    for measure, text in zip(study.measures, names, strict=True):
        columns[text] = [shown(arm.intervals[text], measure, arm.runs, arm.never.get(text, 0)) for arm in arms]
    columns["seeds"] = [str(arm.runs) for arm in arms]
    decisive = names[0] if names else None
    first = "best" if study.measures and study.measures[0].judged else "largest"
    title = f"{study.title}, {first} first by {decisive}" if decisive else study.title
    return Ranked(title, columns, list(factors), decisive, ["seeds", *reversed(names[1:]), "rank"])
