"""The figure of the README: how rare a failure must be that the trials did not show.

python -m experiments.reliability.figure     draw failures.svg from the tables of the README

Only trials at random moments, of random damage or in a race are drawn: the share of failures among them has a meaning.
"""

from __future__ import annotations

import re
from pathlib import Path

from matplotlib.figure import Figure
from scipy import stats

from bpexp.figures.output import svg
from bpexp.figures.palette import BLUE, VERMILION
from experiments.dots import CROSS, RING, Dot, dots_figure
from experiments.readme_tables import labelled

FOLDER = Path(__file__).parent
README = FOLDER / "README.md"
NOW, ALONE = "bpexp: none failed; a line ends at the rate that so many trials leave open", "MLflow alone"
SERIES = {NOW: {"color": BLUE, "marker": "|", **RING}, ALONE: {"color": VERMILION, **CROSS}}
LEAST = 1e-3
"""Where the axis, which is logarithmic, begins, in percent: the lines go on to 0."""

TRIALS = {
    "The store": {
        "16 processes open one new store": "first starts of 16 processes, SQLite",
        "PostgreSQL as the store": "first starts of 4 processes, PostgreSQL",
        "kills in the store's creation": "SIGKILL while the store is made",
    },
    "Runs and sweeps": {
        "SIGKILLs of runs that are resumed": "runs killed and resumed: same weights and journal",
        "the same with MLflow (SQLite), task=sync": "the same, recorded in MLflow",
        "a sweep of 6 in MLflow, its own process killed": "sweeps killed and resumed: same ranking, no row twice",
        "signals at random moments of start-up": "SIGTERM, SIGINT, SIGHUP: a true record and exit code",
        "SIGKILL at random moments of processes that write": "SIGKILL of writers of checkpoints: all readable",
    },
    "Files": {
        "17 kinds of files, each damaged": "files damaged at random: refused, or read rightly",
    },
}
"""Panel -> the first words of a row of the README -> what the figure calls it."""

COUNTS = (
    re.compile(r"^(?P<good>[\d ]+) of (?P<tries>[\d ]+)"),
    re.compile(r"^\d+ kills in (?P<tries>\d+) runs.*; (?P<bad>0) (?:of the runs differ|differences)"),
    re.compile(r"^(?P<tries>\d+) kills, .* (?P<bad>0) unreadable"),
)
"""How a row says how many trials there were, and how many ended as they should or did not."""

OTHERS = re.compile(r"with MLflow alone (?P<good>\d+) of (?P<tries>\d+)")


def counted(figure: str) -> tuple[int, int]:
    """Failures and trials, from the words of a row; raises ValueError where they say neither."""
    match = next((found for pattern in COUNTS if (found := pattern.search(figure))), None)
    if match is None:
        raise ValueError(f"no count of trials in {figure!r}")
    said = {key: int(value.replace(" ", "")) for key, value in match.groupdict().items()}
    return said.get("bad", said["tries"] - said.get("good", 0)), said["tries"]


def dots(figure: str) -> list[Dot]:
    """The rate that the trials leave open, and beside it what MLflow alone does."""
    failures, trials = counted(figure)
    if failures:
        raise ValueError(f"{figure!r} tells of failures, for which the figure has no mark")
    bound = 100 * float(stats.binomtest(0, trials, alternative="less").proportion_ci(0.95).high)
    text = f"0 of {trials:,}".replace(",", " ")
    found = [Dot(NOW, bound, LEAST, bound, text)]
    if (other := OTHERS.search(figure)) is not None:
        tried = int(other["tries"])
        failed = tried - int(other["good"])
        interval = stats.binomtest(failed, tried).proportion_ci(0.95, method="exact")
        found.append(Dot(ALONE, 100 * failed / tried, 100 * interval.low, 100 * interval.high, f"{failed} of {tried}"))
    return found


def figure() -> Figure:
    """A panel for each subject, a row for each measurement."""
    groups = {
        title: {label: dots(row[1]) for label, row in labelled(README, labels).items()}
        for title, labels in TRIALS.items()
    }
    drawn = dots_figure(groups, SERIES, "trials that failed, % (95 % bounds)", width=7.6, log=True)
    last = drawn.axes[-1]
    last.set_xlim(LEAST, 400)
    ticks = [0.001, 0.01, 0.1, 1, 10, 100]
    last.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    last.minorticks_off()
    return drawn


if __name__ == "__main__":
    (FOLDER / "failures.svg").write_bytes(svg(figure()))
