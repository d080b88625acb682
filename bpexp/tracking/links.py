"""Links to the pages of MLflow's interface that show a run or an experiment."""

from __future__ import annotations

from urllib.parse import urlencode

LOCAL = "http://127.0.0.1:5000"
"""The address of `python -m bpexp.ui`, unless the port is in use."""


def base_of(store: str | None) -> str | None:
    """The address of a store that is a server; None for a database, which `python -m bpexp.ui` serves."""
    return store.rstrip("/") if store is not None and store.startswith(("http://", "https://")) else None


def experiment_link(base: str, experiment_id: str) -> str:
    """The page that lists all runs of an experiment, at the address `base`; see `experiment_page`."""
    return base + experiment_page(experiment_id)


def experiment_page(
    experiment_id: str, sort_by: str = "final/accuracy_test", *, ascending: bool = False, parent: str | None = None
) -> str:
    """The page that lists runs of an experiment beside their charts, as it stands behind the server's address.

    Of a sweep these are the children of its `parent`; without one all runs are listed, those of other sweeps too.
    Without workflowType MLflow opens its page for language models; unless it sorts by a metric it hides the children
    of a sweep. Runs without the metric are listed too. The default is of the weights that each run has saved.
    """
    query = {"orderByKey": f"metrics.`{sort_by}`", "orderByAsc": str(ascending).lower(), "compareRunsMode": "CHART"}
    if parent:
        query["searchFilter"] = f"tags.`mlflow.parentRunId` = '{parent}'"
    return f"/#/experiments/{experiment_id}/runs?workflowType=machine_learning&{urlencode(query)}"


def run_link(base: str, experiment_id: str, run_id: str) -> str:
    """The page of one run, opened at its charts, at the address `base`."""
    return base + run_page(experiment_id, run_id)


def run_page(experiment_id: str, run_id: str) -> str:
    """The page of one run, opened at its charts, as it stands behind the server's address."""
    return f"/#/experiments/{experiment_id}/runs/{run_id}/model-metrics?workflowType=machine_learning"
