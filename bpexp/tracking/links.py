"""Links to the pages of MLflow's interface that show a run or an experiment."""

from __future__ import annotations

from urllib.parse import urlencode

LOCAL = "http://127.0.0.1:5000"
"""Where `python -m bpexp.ui` serves, unless the port is taken."""


def base_of(store: str | None) -> str | None:
    """The address that serves a store: a server's own; None for a database, which `python -m bpexp.ui` serves."""
    return store.rstrip("/") if store is not None and store.startswith(("http://", "https://")) else None


def experiment_link(base: str, experiment_id: str, sort_by: str = "accuracy/test") -> str:
    """The page that lists all runs of an experiment beside their charts.

    Without the workflow type MLflow opens another product's page; unless it sorts by a metric it hides the children
    of a sweep. Runs that lack the metric are listed all the same.
    """
    query = {"orderByKey": f"metrics.`{sort_by}`", "orderByAsc": "false", "compareRunsMode": "CHART"}
    return f"{base}/#/experiments/{experiment_id}/runs?workflowType=machine_learning&{urlencode(query)}"


def run_link(base: str, experiment_id: str, run_id: str) -> str:
    """The page of one run, opened at its charts."""
    return f"{base}/#/experiments/{experiment_id}/runs/{run_id}/model-metrics?workflowType=machine_learning"
