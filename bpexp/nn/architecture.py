"""The options of `model`: the hidden layers of a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from bpexp.errors import ConfigError
from bpexp.registry import Count, Range

DEFAULT_WIDTH = 32
"""Units of a layer where model.depth is given without model.width."""


@dataclass(frozen=True)
class Architecture:
    """The widths of the hidden layers; those of input and output are given by the data.

    Args:
        name: name of the preset.
        hidden: widths of the hidden layers, from the input on.
        depth: number of hidden layers of equal width, in place of hidden; null to use hidden.
        width: units of each hidden layer, in place of the equal widths of hidden, or of each of the depth layers; null
            for those of hidden, and for 32 with depth.
        activations: a list with one activation for each hidden layer; null to use `activation` for all.
    """

    name: str = "custom"
    hidden: list[Count] = field(default_factory=list)
    depth: Annotated[int, Range(least=0)] | None = None
    width: Count | None = None
    activations: list[Any] | None = None

    def __post_init__(self) -> None:
        if self.depth is not None and self.hidden:
            raise ConfigError(
                f"model.hidden={self.hidden} and model.depth={self.depth} contradict each other; "
                "set model.depth=null to use hidden, or model.hidden=[] to use depth"
            )
        if self.depth is None and self.width is not None and len(set(self.hidden)) != 1:
            told = f"the widths of model.hidden={self.hidden} differ" if self.hidden else "there is no hidden layer"
            raise ConfigError(
                f"model.width={self.width} has no effect where {told}; set model.hidden=[] and model.depth=2, "
                f"or model.hidden=[{self.width},{self.width}]"
            )
        per_layer, depth = self.activations, len(self.hidden) if self.depth is None else self.depth
        if per_layer is None or (len(per_layer) == depth and all(isinstance(a, str | dict) for a in per_layer)):
            return
        told = f"null or one name for each of the {depth} hidden layers"
        raise ConfigError(f"model.activations must be {told}, not {per_layer!r}")

    @property
    def widths(self) -> list[int]:
        """n_1, ..., n_{L-1}."""
        if self.depth is not None:
            return [self.width or DEFAULT_WIDTH] * self.depth
        return self.hidden if self.width is None else [self.width] * len(self.hidden)
