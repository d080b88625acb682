"""The pictures of a run: its learning curve or its page of figures, drawn at its end or later."""

from __future__ import annotations

from bpexp.insight.histograms import FILE as HISTOGRAMS
from bpexp.records.outcome import RunInfo
from bpexp.records.summary import Series
from bpexp.running.build import Experiment
from bpexp.running.drawing import samples_of


def draw(experiment: Experiment, info: RunInfo, series: Series) -> bool:
    """The page of figures, or of a job of a sweep the learning curve; returns whether the config wants one."""
    if not (experiment.tracking.draws(one_of_many=info.one_of_many) and series):
        return False
    from bpexp.figures.learning_curve import learning_curve  # matplotlib is not needed without figures
    from bpexp.figures.run_page import figure_page

    folder = info.directory
    if info.one_of_many:
        learning_curve(series, folder / "learning_curve.png")
        return True
    histograms = folder / HISTOGRAMS
    figure_page(
        series,
        folder / "figures.png",
        network=experiment.trainer.network,
        histograms=histograms if histograms.exists() else None,
        samples=samples_of(experiment),
        title=info.name,
    )
    return True
