"""`task=report`: the report of a recorded study, rewritten from the runs in MLflow."""

from __future__ import annotations

from pathlib import Path

from bpexp.config.schema import Config
from bpexp.errors import ConfigError
from bpexp.study.conclude import rebuild
from bpexp.study.report import Report
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.settings import TrackingSettings, tracking_settings
from bpexp.tracking.store import open_store


def rebuild_report(config: Config, folder: Path) -> Report:
    """Write the report of the newest recorded sweep of the study `config.study` to `folder`.

    Raises ConfigError without the name of a study or with tracking=none, TrackingError if none is recorded.
    """
    if not isinstance(config.study, str):
        raise ConfigError(
            f"task=report needs the name of a study, as in study=vanishing_gradients, not {config.study!r}"
        )
    tracking: TrackingSettings = tracking_settings.from_config(config.tracking)
    if not tracking.mlflow:
        raise ConfigError("task=report reads MLflow; leave tracking=mlflow")
    with mlflow_environment():
        return rebuild(config.study, open_store(tracking.uri, tracking.experiment), folder)
