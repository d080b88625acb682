"""The options of `tracking`: where a run is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bpexp.errors import ConfigError
from bpexp.registry import Count, FilePath, NonNegative, Registry


@dataclass(frozen=True, slots=True)
class TrackingSettings:
    """Where a run is recorded, and what is recorded; `mlflow` is False for its own directory only."""

    mlflow: bool
    experiment: str = "bpexp"
    uri: str | None = None
    every: int | Literal["auto"] = "auto"
    points: int | None = 500
    patience: float = 1.0
    model: bool = False
    figures: bool = False


tracking_settings: Registry[TrackingSettings] = Registry("tracking")


@tracking_settings.register("mlflow")
def mlflow(
    experiment: str = "bpexp",
    uri: FilePath | None = None,
    every: Count | Literal["auto"] = "auto",
    points: Count | None = 500,
    patience: NonNegative = 1.0,
    model: bool = True,
    figures: bool = True,
) -> TrackingSettings:
    """Record runs in MLflow, and in their own directories.

    Args:
        experiment: name of the MLflow experiment.
        uri: address of the store; null for MLFLOW_TRACKING_URI, else sqlite:///mlflow.db in the working directory.
        every: steps between two batch losses that are sent; auto sends about 250 of a run. The journal keeps all.
        points: rows of a metric that are all sent; of those after them every second one until their number has
            doubled, then every fourth until it has doubled again, and so on, and the last; null sends all. The journal
            keeps all.
        patience: seconds that a command waits in all for a store that is slow or fails. What is missing then is
            delivered by the next start in the same folder, or by task=sync.
        model: log the trained network as a pyfunc model.
        figures: draw the figures of the run.
    """
    if not experiment.strip():
        raise ConfigError(f"experiment must be a name, not {experiment!r}")
    return TrackingSettings(True, experiment, uri, every, points, patience, model, figures)


@tracking_settings.register("none")
def none(
    experiment: str = "bpexp",
    uri: str | None = None,
    every: Count | Literal["auto"] = "auto",
    points: Count | None = 500,
    patience: NonNegative = 1.0,
    model: bool = False,
    figures: bool = False,
) -> TrackingSettings:
    """Record runs in their own directories only, without importing MLflow; parameters of tracking=mlflow are accepted.

    Args:
        experiment: has no effect here.
        uri: has no effect here.
        every: has no effect here.
        points: has no effect here.
        patience: has no effect here.
        model: has no effect here; the network is in the run's directory.
        figures: draw the figures of the run.
    """
    return TrackingSettings(False, figures=figures)
