"""The figure of the README: how many times as fast a sweep is, by what runs it, and by training its runs together.

python -m experiments.scale.figure     draw ratios.svg from the tables of the README
"""

from __future__ import annotations

import re
from pathlib import Path

from matplotlib.figure import Figure

from bpexp.figures.output import svg
from bpexp.figures.palette import BLACK, BLUE, VERMILION
from experiments.dots import CROSS, RING, Dot, dots_figure
from experiments.readme_tables import labelled

FOLDER = Path(__file__).parent
README = FOLDER / "README.md"
PAIR, AIM = "measured, a ring for each pair or round", "aimed at"
SERIES = {PAIR: {"color": BLUE, "marker": "o", **RING}, AIM: {"color": VERMILION, **CROSS}}

RATIOS = {
    "two workers of launcher=process, by the clock": {
        "240 runs of 5 epochs on all of MNIST": "240 runs of 5 epochs, MNIST",
        "24 runs of 50 epochs": "24 runs of 50 epochs, mnist_5k",
        "100 runs of 1 epoch on xor": "100 runs of 1 epoch, xor",
        "24 runs of 1 epoch on mnist_5k (": "24 runs of 1 epoch, mnist_5k",
    },
    "two workers of Dask or Ray, by the clock": {
        "24 runs of 1 epoch on mnist_5k, 2 at once": "24 runs of 1 epoch, dask; 24 runs of 1 epoch, ray",
        "100 runs of xor |": "100 runs of xor, dask; 100 runs of xor, ray",
    },
    "240 runs beside an older bpexp, by the clock": {
        "serial |": "one process",
        "`launcher=process`, 2 workers": "two workers",
        "`launcher.fuse=auto`, serial": "trained together, one process",
        "both (aim": "trained together, two workers",
    },
    "runs that are trained together, processor time": {
        "2-8-2, B = 4, shared batches, K = 32": "32 of 2-8-2, batches of 4",
        "2-8-2, B = 4, a seed each": "32 of 2-8-2, a seed each",
        "1-1-1-1-1, B = 8": "32 of 1-1-1-1-1, batches of 8",
        "64-32-32-10, B = 32, shared batches, K = 32": "32 of 64-32-32-10, batches of 32",
        "64-32-32-10, B = 32, a seed each": "32 of 64-32-32-10, a seed each",
        "784-32-32-10, B = 32, shared batches, K = 8": "8 of 784-32-32-10, batches of 32",
        "784-32-32-10, B = 128, shared batches, K = 8": "8 of 784-32-32-10, batches of 128",
    },
}
"""Panel -> the first words of a row of the README -> what the figure calls it; two names for a row of two engines."""


def dots(label: str, row: list[str]) -> dict[str, list[Dot]]:
    """The ratios in the second cell of a row, and the aim in its first one."""
    aim = re.search(r"\(aim: ([\d.]+)\)", row[0])
    aims = [Dot(AIM, float(aim[1]))] if aim else []
    names, parts = label.split("; "), row[1].split("; ")
    return {
        name: [*(Dot(PAIR, float(ratio)) for ratio in part.split()), *aims]
        for name, part in zip(names, parts, strict=True)
    }


def figure() -> Figure:
    """A panel for each subject; right of 1 it is faster."""
    groups: dict[str, dict[str, list[Dot]]] = {}
    for title, labels in RATIOS.items():
        groups[title] = {}
        for label, row in labelled(README, labels).items():
            groups[title] |= dots(label, row)
    drawn = dots_figure(groups, SERIES, "times as fast as one run after the other", log=True)
    for axes in drawn.axes:
        axes.axvline(1.0, color=BLACK, linewidth=0.9, linestyle="--", zorder=1)
    ticks = [0.5, 1, 2, 4, 8, 16]
    drawn.axes[-1].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    drawn.axes[-1].minorticks_off()
    return drawn


if __name__ == "__main__":
    (FOLDER / "ratios.svg").write_bytes(svg(figure()))
