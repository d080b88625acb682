"""Charts of several series in one, as MLflow's pages show them: all layers of a run, and a view of an experiment.

The page of a run has a chart for each metric, in sections by the alphabet, and keeps another order in the browser
alone. Two things can be given to it: an address that puts metrics of a run into one chart, and a view of an experiment
that was shared, which MLflow keeps in a tag.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from bpexp.training.metrics import PARTS, metrics

BY_LAYER = {
    "delta_norm": ("delta", "log"),
    "grad_norm": ("gradient of W", "log"),
    "update_ratio": ("update / W", "log"),
    "saturation": ("saturation", "linear"),
    "dead": ("dead units", "linear"),
}
"""The quantities that are compared between layers: how a link calls them, and the scale of their axis."""

EVALUATED, TOGETHER = "loss and accuracy", "all layers in one chart"
"""The sections of the view that MLflow does not make by itself."""

LAYERS = 12
"""The largest number of layers in a chart; a view of an experiment, whose runs may have any depth, has so many."""

_LAYER = re.compile(r"(?P<quantity>[a-z_]+)/(W|layer_)(?P<number>\d+)")

VIEW = "bpexp"
"""The key of the view."""

VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
"""The tag of an experiment in which MLflow looks for the view; its text is that of MLflow 3.17."""

HOW_TO_READ = """**Runs of bpexp.** To compare them: [loss and accuracy, then all layers in one chart]({view}).

- A name begins with what differs between runs; the study or the model comes last. A sweep is a run with its jobs as
  children; its description holds their ranking, that of a study the verdicts on its claims.
- `loss/...`, `accuracy/...` and `r2/...` are of a part of the data, by the number of updates, `loss/batch` of a batch.
- `delta_norm/layer_1`, `grad_norm/W1`, `saturation/...`, `dead/...` and `update_ratio/...` are of single steps, layer 1
  next to the input. The description of a run links to a chart that holds all layers.
- `final/...` is of the saved weights, `best/...` of the best epoch. The table in a run's description has all of them.
"""
"""The description of an experiment."""


def chart_link(experiment_id: str, run_id: str, names: Sequence[str], scale: str = "linear") -> str:
    """The page of MLflow that shows several metrics of a run in one chart, as a link within its interface."""
    query = {
        "runs": _json([run_id]),
        "metric": _json(names[0]),
        "experiments": _json([experiment_id]),
        "plot_metric_keys": _json(list(names)),
        "x_axis": "step",
        "y_axis_scale": scale,
        "line_smoothness": "1",
        "workflowType": "machine_learning",
    }
    return f"#/metric?{urlencode(query, quote_via=quote)}"


def chart_line(experiment_id: str, run_id: str, recorded: Iterable[str], *, figures: bool) -> str:
    """A line of Markdown with links to the charts of a run: first loss and accuracy, then its layers, each in one.

    Args:
        experiment_id, run_id: of MLflow.
        recorded: names of the metrics that the run has.
        figures: whether it has a page of figures.
    """
    links = [
        f"[{words}]({chart_link(experiment_id, run_id, names, scale)})"
        for words, names, scale in (*_evaluated(recorded), *_by_layer(recorded))
    ]
    if figures:
        links.append(f"[all figures](#/experiments/{experiment_id}/runs/{run_id}/artifacts/figures.png)")
    return f"In one chart: {', '.join(links)}" if links else ""


def _evaluated(recorded: Iterable[str]) -> list[tuple[str, list[str], str]]:
    """The parts of the data of each metric that a summary shows."""
    known, found = set(recorded), []
    for metric in metrics.values():
        names = [name for part in PARTS if (name := f"{metric.name}/{part}") in known]
        if metric.headline and names:
            found.append((metric.name.replace("_", " "), names, "linear"))
    return found


def _by_layer(recorded: Iterable[str]) -> list[tuple[str, list[str], str]]:
    """All layers of each quantity; of a single layer there is nothing to compare."""
    layers: dict[str, dict[int, str]] = {}
    for name in recorded:
        if (match := _LAYER.fullmatch(name)) is not None:
            layers.setdefault(match["quantity"], {})[int(match["number"])] = name
    found = [(BY_LAYER[quantity], layers.get(quantity, {})) for quantity in BY_LAYER]
    return [
        (words, _spread([names[l] for l in sorted(names)]), scale) for (words, scale), names in found if len(names) > 1
    ]


def _spread(names: Sequence[str]) -> list[str]:
    """At most LAYERS of the names, from the first to the last."""
    last, steps = len(names) - 1, LAYERS - 1
    return list(names) if last <= steps else [names[round(i * last / steps)] for i in range(LAYERS)]


def how_to_read(experiment_id: str) -> str:
    """The description of an experiment, with the link to its view."""
    page = f"#/experiments/{experiment_id}/runs?workflowType=machine_learning&compareRunsMode=CHART"
    return HOW_TO_READ.format(view=f"{page}&viewStateShareKey={VIEW}")


def view() -> str:
    """The view of an experiment, as MLflow keeps one that is shared: loss and accuracy, then all layers in one chart.

    The charts of single layers and the bars of best/... and final/... stand behind and are folded.
    """
    evaluated = {m.name: [f"{m.name}/{part}" for part in ("test", "train")] for m in metrics.values() if m.headline}
    charts = [_line(EVALUATED, name, names, "linear") for name, names in evaluated.items()]
    charts += [_line(TOGETHER, words, _stems(name), scale) for name, (words, scale) in BY_LAYER.items()]
    folded = [*metrics, *BY_LAYER, "time", "best", "final"]
    state = {
        "orderByKey": "metrics.`final/loss_test`",  # a view that sorts by a metric shows the jobs of sweeps
        "orderByAsc": True,
        "compareRunsMode": "CHART",
        "compareRunCharts": charts,
        "compareRunSections": [_section(name, shown=name not in folded) for name in (EVALUATED, TOGETHER, *folded)],
        "isAccordionReordered": True,
        "hideEmptyCharts": True,
    }
    return f"deflate;{base64.b64encode(zlib.compress(_json(state).encode())).decode()}"


def _stems(quantity: str) -> list[str]:
    stem = "W" if quantity in ("grad_norm", "update_ratio") else "layer_"
    return [f"{quantity}/{stem}{l}" for l in range(1, LAYERS + 1)]


def _line(section: str, title: str, names: Sequence[str], scale: str) -> dict[str, Any]:
    """A chart of lines, as MLflow describes one."""
    return {
        "type": "LINE",
        "uuid": title,
        "metricSectionId": section,
        "displayName": title,
        "metricKey": names[0],
        "selectedMetricKeys": list(names),
        "scaleType": scale,
        "runsCountToCompare": 10,
        "lineSmoothness": 0,
        "xAxisScaleType": "linear",
        "xAxisKey": "step",
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "range": {},
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }


def _section(name: str, *, shown: bool) -> dict[str, Any]:
    return {"uuid": name, "name": name, "display": shown, "isReordered": False}


def _json(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))
