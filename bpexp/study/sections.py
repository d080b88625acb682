"""The sections of a study's page: arms, comparisons and shares, each as HTML; the claims are in `claim_list`."""

from __future__ import annotations

from collections.abc import Sequence

from bpexp.records.escaping import html
from bpexp.study.analysis import Analysis, Arm
from bpexp.study.measures import Measure, difference_bounds
from bpexp.study.parts import items, note, scrolling, table
from bpexp.study.statistics import LEVEL
from bpexp.study.words import label, p_text, shown

INTERVALS = (
    "Mean and Student's 95 % interval over seeds. It assumes that the values of the seeds scatter normally. Simulated "
    "with five seeds, it contains the true mean in 95 of 100 studies of normal values, in 82 where they are skewed "
    "(lognormal), and in 45 where one run in ten lies far off, because five runs often show none of those."
)


ABREAST, COLUMNS = 3, 8
"""Largest number of measures in a table, one less with logarithms, and of its columns without counts.

More are wider than a page.
"""


def problems(lines: Sequence[str]) -> str:
    """What a reader must know before anything else."""
    return items(lines, "problems")


def arms(analysis: Analysis, ranked: Sequence[Arm]) -> str:
    """Tables of all arms, best first, with a few measures each; the first counts the runs, where they differ."""
    study = analysis.study
    factors = list(ranked[0].levels) if ranked else []
    tuned = study.tuned if any(arm.tuned_to for arm in ranked) else None
    head = ["rank", *factors, *([f"best {tuned}"] if tuned else [])]
    lead = [[str(i), *arm.levels.values(), *([arm.chosen] if tuned else [])] for i, arm in enumerate(ranked, start=1)]
    counts = [(arm.runs, arm.diverged, arm.missing) for arm in ranked]
    equal = len(set(counts)) == 1 and counts[0][1:] == (0, 0)
    widest = ABREAST - any(measure.log for measure in study.measures)
    tables, abreast = [], max(1, min(widest, COLUMNS - len(head)))
    for start in range(0, len(study.measures), abreast):
        some, counting = study.measures[start : start + abreast], start == 0 and not equal
        rows = [
            [*first, *(_measured(arm, m) for m in some), *(count if counting else ())]
            for first, arm, count in zip(lead, ranked, counts, strict=True)
        ]
        columns = [*head, *(m.text for m in some), *(["seeds", "diverged", "left out"] if counting else [])]
        tables.append(table(columns, rows, f"arms: {', '.join(m.text for m in some)}"))
    seeds = f"Seeds of every arm: {counts[0][0]}. No run diverged, and none is left out." if equal else ""
    return "".join([*tables, note(seeds)])


def _measured(arm: Arm, measure: Measure) -> str:
    return shown(arm.intervals[measure.text], measure, arm.runs, arm.never.get(measure.text, 0))


def arms_note(analysis: Analysis) -> str:
    """What stands behind the table of arms."""
    study = analysis.study
    told = [INTERVALS]
    if not study.measures[0].judged:
        told.insert(0, f"The rank is by the size of {study.measures[0].text}, of which no value is better.")
    if any(measure.log for measure in study.measures):
        told.append("A number in brackets is the mean without the logarithm: a geometric mean.")
    if study.diverged == "survivors":
        told.append("Every number is of the runs that survived. Left out: runs that diverged, failed or were killed.")
    else:
        told.append(
            "A run that diverged counts as one that learned nothing (chance level, or the untrained network's value; "
            "never, of epochs). Left out: runs that failed or were killed."
        )
        if (seeds := len(study.seeds)) > 1:
            unseen = 100 * (1 - (1 - LEVEL) ** (1 / seeds))
            told.append(f"If none of {seeds} runs diverged, up to {unseen:.0f} % of all such runs still may (at 95 %).")
    if study.tuned:
        told.append(
            f"The level of {study.tuned} is chosen by the mean of {study.tuned_by.text}, never by the test part."
        )
    return note(" ".join(told))


def comparison(analysis: Analysis) -> str:
    """Every arm beside the first one: the best, or that with the largest value of what is neither better nor worse."""
    if not analysis.comparison:
        return ""
    measure, rows = analysis.study.measures[0], []
    first, behind = ("best", "worse") if measure.judged else ("largest", "smaller")
    apart = difference_bounds(measure.bounds)
    for one in analysis.comparison:
        answer = behind if one.worse else one.note or "not told apart"
        arm = label(analysis.best[one.second].levels)
        rows.append([arm, shown(one.interval.inside(apart), measure), p_text(one.p), answer])
    told = (
        f"{measure.text} of {label(analysis.best[0].levels)} minus that of the arm, paired by seed. Intervals and p "
        f"hold for all arms together and account for choosing the {first} from the same runs: of equal arms, any is "
        f"called {behind} in at most 5 of 100 studies (multiple comparisons with the best, simulated for equal "
        "variances)."
    )
    title = "Differences from the best arm" if measure.judged else "Differences from the arm with the largest value"
    head = ["arm", "difference, simultaneous 95 % interval", "p", f"against the {first}"]
    return f"<h2>{title}</h2>{table(head, rows, title.lower())}{note(told)}"


def shares(analysis: Analysis) -> str:
    """The shares of the variance."""
    if not analysis.shares:
        return ""
    *terms, rest = analysis.shares
    rows = "".join(
        f"<tr><td>{html(one.term)}</td><td>{html(one)}</td>"
        f'<td><span class="bar" style="width:{12 * one.share:.2f}rem"></span></td></tr>'
        for one in [*sorted(terms, key=lambda one: -one.share), rest]
    )
    told = (
        f"Analysis of variance of {analysis.study.measures[0].text} over the runs above, type II, with the seeds as a "
        "block: omega squared, which is 0 on average where a factor does nothing, and its 95 % interval from the "
        "noncentral F distribution, given the other shares."
    )
    shown_shares = scrolling(f"<table>{rows}</table>", "shares of the variance")
    return f"<h2>Share of the variance by factor</h2>{shown_shares}{note(told)}"


def gap(analysis: Analysis) -> str:
    """The Shapley shares of the gap between two arms."""
    found = analysis.gap
    if found is None:
        return ""
    measure, start, end = found.gap.measure, label(found.gap.start), label(found.gap.end)
    head = f"<h2>What the gap from {html(start)} to {html(end)} is made of</h2>"
    if found.whole is None:
        return head + note(f"There are no shares: {found.reason}.")
    apart = difference_bounds(measure.bounds)
    rows = [[name, shown(one.inside(apart), measure), f"{found.percent(one):.0f} %"] for name, one in found.parts]
    rows.append(["the whole gap", shown(found.whole.inside(apart), measure), "100 %"])
    first = found.parts[0][0]
    larger = [found.parts[one.second][0] for one in found.apart if one.worse]
    answer = f"The share of {first} is larger than that of {', '.join(larger)}"
    if not larger:
        answer = "No share is shown to be the largest"
    told = (
        f"Shapley shares of the difference in {measure.text}: what each factor adds, averaged over all orders in which "
        "the factors can be changed, each arm at its own best level; mean and Student's 95 % interval over seeds. "
        f"{answer} (simultaneously at 5 %)."
    )
    return head + table(["factor", "share of the gap", "of the mean gap"], rows, "shares of the gap") + note(told)
