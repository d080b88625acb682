"""The sections of a study's page: arms, comparisons and shares, each as HTML; the claims are in `claim_list`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bpexp.records.escaping import html
from bpexp.study.analysis import Analysis, Arm
from bpexp.study.statistics import LEVEL
from bpexp.study.words import label, p_text, shown

INTERVALS = (
    "Mean and Student's 95 % interval over seeds. It assumes that the values of the seeds scatter normally. Simulated "
    "with five seeds, it contains the true mean in 95 of 100 studies of normal values, in 82 where they are skewed "
    "(lognormal), and in 45 where one run in ten lies far off, because five runs often show none of those."
)


def problems(analysis: Analysis) -> str:
    """What a reader must know before anything else."""
    items = "".join(f"<li>{html(problem)}</li>" for problem in analysis.problems)
    return f'<ul class="problems">{items}</ul>' if items else ""


def arms(analysis: Analysis, ranked: Sequence[Arm]) -> str:
    """A table of arms, best first."""
    study = analysis.study
    factors = list(ranked[0].levels) if ranked else []
    tuned = study.tuned if any(arm.tuned_to for arm in ranked) else None
    chosen = [f"best {tuned}"] if tuned else []
    counts = ["seeds", "diverged", "left out"]
    rows = []
    for place, arm in enumerate(ranked, start=1):
        cells = [shown(arm.intervals[m.text], m, arm.runs, arm.never.get(m.text, 0)) for m in study.measures]
        numbers = [str(arm.runs), str(arm.diverged), str(arm.missing)]
        rows.append([str(place), *arm.levels.values(), *([arm.chosen] if tuned else []), *cells, *numbers])
    return table(["rank", *factors, *chosen, *(m.text for m in study.measures), *counts], rows)


def arms_note(analysis: Analysis) -> str:
    """What stands behind the table of arms."""
    study = analysis.study
    told = [INTERVALS]
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
    return _note(" ".join(told))


def comparison(analysis: Analysis) -> str:
    """Every arm beside the best one."""
    if not analysis.comparison:
        return ""
    measure = analysis.study.measures[0]
    rows = []
    for one in analysis.comparison:
        answer = "worse" if one.worse else one.note or "not told apart"
        arm = label(analysis.best[one.second].levels)
        rows.append([arm, shown(one.interval, measure), p_text(one.p), answer])
    best = label(analysis.best[0].levels)
    told = (
        f"{measure.text} of {best} minus that of the arm, paired by seed. Intervals and p hold for all arms together "
        "and account for choosing the best from the same runs: of equal arms, any is called worse in at most 5 of 100 "
        "studies (multiple comparisons with the best, simulated for equal variances)."
    )
    head = ["arm", "difference, simultaneous 95 % interval", "p", "against the best"]
    return f"<h2>Differences from the best arm</h2>{table(head, rows)}{_note(told)}"


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
    return f"<h2>Share of the variance by factor</h2><table>{rows}</table>{_note(told)}"


def gap(analysis: Analysis) -> str:
    """The Shapley shares of the gap between two arms."""
    found = analysis.gap
    if found is None:
        return ""
    measure, start, end = found.gap.measure, label(found.gap.start), label(found.gap.end)
    head = f"<h2>What the gap from {html(start)} to {html(end)} is made of</h2>"
    if found.whole is None:
        return head + _note(f"There are no shares: {found.reason}.")
    rows = [[name, shown(one, measure), f"{found.percent(one):.0f} %"] for name, one in found.parts]
    rows.append(["the whole gap", shown(found.whole, measure), "100 %"])
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
    return head + table(["factor", "share of the gap", "of the mean gap"], rows) + _note(told)


def _note(text: str) -> str:
    return f'<p class="note">{html(text)}</p>'


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """An HTML table of text."""

    def row(tag: str, cells: Iterable[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(row("td", cells) for cells in rows)
    return f'<div class="scroll"><table><thead>{row("th", head)}</thead><tbody>{body}</tbody></table></div>'
