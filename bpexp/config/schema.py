"""What a config may say: the typed schema. `bpexp.config.validation` holds what types cannot express."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

AUTO = "auto"


@dataclass
class ModelConfig:
    """The widths of the hidden layers, and their activations where they differ from layer to layer.

    `depth`, where it is given, stands for so many hidden layers of `width` units and wins over `hidden`.
    """

    name: str = "custom"
    hidden: list[int] = field(default_factory=list)
    depth: int | None = None
    width: int = 32
    activations: list[Any] | None = None

    @property
    def widths(self) -> list[int]:
        """n_1, ..., n_{L-1}."""
        return self.hidden if self.depth is None else [self.width] * self.depth


@dataclass
class PenaltyConfig:
    """l1 sum |w| + l2 / 2 sum w^2, added to the cost."""

    l1: float = 0.0
    l2: float = 0.0


@dataclass
class ClipConfig:
    """Bounds of the gradient: its Euclidean norm, each of its entries."""

    norm: float | None = None
    value: float | None = None


@dataclass
class EvaluationConfig:
    """Every how many epochs the parts are evaluated, and how many training samples; validation and test are whole."""

    every: int = 1
    train_samples: int = 10_000


@dataclass
class Config:
    """One declared run. The groups are mappings with a `name` and the parameters of what the name stands for."""

    task: str = "train"
    sample: int = 0
    lr: float = 0.1
    batch_size: Any = 32
    epochs: int = 10
    seed: int = 0
    dtype: str = "float32"
    threads: int = 1
    progress: bool = True
    run_name: str | None = None
    objective: str | None = None
    model: ModelConfig = field(default_factory=ModelConfig)
    activation: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    loss: dict[str, Any] = field(default_factory=dict)
    pairing: str | None = None
    init: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    schedule: dict[str, Any] = field(default_factory=dict)
    gradient: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    probe: dict[str, Any] = field(default_factory=dict)
    check: dict[str, Any] = field(default_factory=lambda: {"name": "off"})
    tracking: dict[str, Any] = field(default_factory=dict)
    penalty: PenaltyConfig = field(default_factory=PenaltyConfig)
    clip: ClipConfig = field(default_factory=ClipConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    study: Any = None
    callbacks: dict[str, Any] = field(default_factory=lambda: {"early_stopping": {"patience": None}})


@dataclass(frozen=True)
class TrackingConfig:
    """Where a run is recorded, and what of it."""

    name: str
    experiment: str = "bpexp"
    uri: str | None = None
    every: int | str = AUTO
    model: bool = True
    figures: bool = True


@dataclass(frozen=True)
class CheckConfig:
    """When the gradient in use is held to differences of the cost, and how closely."""

    name: str
    every: int | None = None
    coordinates: int = 6
    tolerance: float = 1e-5


@dataclass(frozen=True)
class ProbeConfig:
    """Which probes look at which steps, histograms, and how many samples of the data are measured at every epoch."""

    name: str
    every: int | str = AUTO
    measures: list[str] = field(default_factory=list)
    histograms: bool = False
    fixed: int = 0
