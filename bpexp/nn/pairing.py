"""The options of `pairing`: an output and its loss, chosen together."""

from __future__ import annotations

from dataclasses import dataclass

from bpexp.errors import ConfigError


@dataclass(frozen=True)
class Pairing:
    """What a pairing chooses; every field is None where none is chosen.

    Args:
        name: name of the pairing.
        output: function of the last layer that it chooses.
        loss: cost of a sample that it chooses.
    """

    name: str | None = None
    output: str | None = None
    loss: str | None = None

    def refuse_others(self, output: str, loss: str) -> None:
        """Raise ConfigError if the output or the loss of the run is not the one that the pairing chooses."""
        for key, chosen, found in (("output", self.output, output), ("loss", self.loss, loss)):
            if self.name is not None and chosen != found:
                raise ConfigError(
                    f"pairing={self.name} chooses {key}={chosen}, but {key}={found} overrules it; leave out one of them"
                )
