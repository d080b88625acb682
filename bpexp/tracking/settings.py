"""The options of `tracking`: where a run is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bpexp.errors import ConfigError
from bpexp.registry import Count, FilePath, NonNegative, Registry

Choice = bool | Literal["auto"]
Points = Count | Literal["auto"] | None

POINTS, POINTS_OF_MANY = 500, 5
"""What `points: auto` stands for: of a run alone, and of a job of a sweep, where nobody looks at every curve."""


@dataclass(frozen=True, slots=True)
class TrackingSettings:
    """Where a run is recorded, and what is recorded; `mlflow` is False for its own directory only."""

    mlflow: bool
    experiment: str = "bpexp"
    uri: str | None = None
    every: int | Literal["auto"] = "auto"
    points: int | Literal["auto"] | None = "auto"
    patience: float = 1.0
    model: Choice = False
    figures: Choice = False

    def rows(self, *, one_of_many: bool) -> int | None:
        """The number of rows of a metric that are all sent, of a run alone or of a job of a sweep; None for all."""
        if self.points == "auto":
            return POINTS_OF_MANY if one_of_many else POINTS
        return self.points

    def models(self, *, one_of_many: bool) -> bool:
        """Whether the network of a run is logged as a model at its end."""
        return self.mlflow and self.model is not False and (self.model is True or not one_of_many)

    def draws(self, *, one_of_many: bool) -> bool:
        """Whether the pictures of a run are drawn at its end."""
        return self.figures is True or (self.figures == "auto" and self.mlflow and not one_of_many)

    def left_out(self) -> str:
        """What a job of a sweep leaves out that a run alone records, for a tag."""
        return ", ".join(name for name in ("figures", "model") if self.mlflow and getattr(self, name) == "auto")


tracking_settings: Registry[TrackingSettings] = Registry("tracking")


@tracking_settings.register("mlflow")
def mlflow(
    experiment: str = "bpexp",
    uri: FilePath | None = None,
    every: Count | Literal["auto"] = "auto",
    points: Points = "auto",
    patience: NonNegative = 1.0,
    model: Choice = "auto",
    figures: Choice = "auto",
) -> TrackingSettings:
    """Record runs in MLflow, and in their own directories.

    Args:
        experiment: name of the MLflow experiment.
        uri: address of the store; null for MLFLOW_TRACKING_URI, else sqlite:///mlflow.db in the working directory.
        every: steps between two batch losses that are sent; auto sends about 250 of a run. The journal keeps all.
        points: rows of a metric that are all sent; of those after them every second one until their number has
            doubled, then every fourth until it has doubled again, and so on, and the last; null sends all. The journal
            keeps all. auto is 500, and 5 for the jobs of a sweep.
        patience: seconds that a command waits in all for a store that is slow or fails. What is missing then is
            delivered by the next start in the same folder, or by task=sync.
        model: log the trained network as a pyfunc model; auto does for a run alone, and for the best job of a sweep.
        figures: draw the figures of the run; auto does for a run alone. task=figures draws them later.
    """
    if not experiment.strip():
        raise ConfigError(f"experiment must be a name, not {experiment!r}")
    return TrackingSettings(True, experiment, uri, every, points, patience, model, figures)


@tracking_settings.register("none")
def none(
    experiment: str = "bpexp",
    uri: str | None = None,
    every: Count | Literal["auto"] = "auto",
    points: Points = "auto",
    patience: NonNegative = 1.0,
    model: Choice = False,
    figures: Choice = False,
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
