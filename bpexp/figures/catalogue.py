"""The figures of a run by name.

catalogue()["delta"].draw(material, Wish(style="slides"))      a matplotlib figure
catalogue()["boundary"].missing(material)                      why it cannot be drawn; empty where it can
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpexp.errors import ConfigError, nearest
from bpexp.figures.boundary import BOUNDARY
from bpexp.figures.material import RunFigure
from bpexp.figures.over_training import TRAINING
from bpexp.figures.regression import REGRESSION
from bpexp.figures.run_figures import PANELS, metric_figures


def catalogue() -> dict[str, RunFigure]:
    """Every figure of a run, by its name; one for each metric that is registered now."""
    return {figure.name: figure for figure in (*metric_figures(), *PANELS, BOUNDARY, *REGRESSION, *TRAINING)}


def named(names: Sequence[str], known: Mapping[str, object]) -> list[str]:
    """The names, each once; raises ConfigError, which lists the choices, for an unknown one."""
    for name in names:
        if name not in known:
            raise ConfigError(f"there is no figure {name!r}; {nearest(name, known)}choose from: {', '.join(known)}")
    return list(dict.fromkeys(names))
