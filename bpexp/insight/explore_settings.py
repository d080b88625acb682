"""The options of `task=explore`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from bpexp.registry import Positive, Range

Several = Annotated[int, Range(least=2, most=100)]
Few = Annotated[int, Range(least=1, most=50)]
Beside = Literal["auto", "sigmoid_mse", "relu_cross_entropy", "none"]


@dataclass(frozen=True, slots=True)
class Explore:
    """What the page of task=explore holds.

    Args:
        snapshots: moments of the training between which its slider moves, of a recorded run at most; auto for as many,
            up to 12, as the page has room for.
        samples: training samples to choose from; the first is that of `sample`, the others are of other classes.
        beside: what is trained beside the declared run, from the same weights and with the same batches; sigmoid_mse
            has sigmoid layers and squared error, relu_cross_entropy ReLU layers and cross-entropy, both in case of
            one-hot targets, else the output and the loss of the run; auto takes the one that the run is not, or none.
        beside_lr: learning rate of what is trained beside; null for that of the run.
    """

    snapshots: Annotated[Any, Several | Literal["auto"]] = "auto"
    samples: Few = 4
    beside: Annotated[str, Beside] = "auto"
    beside_lr: Positive | None = None
