"""Stages of a study that adds seeds until its claims are decided: `repeats: auto`, with `stages: [5, 10, 20]`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from bpexp.errors import ConfigError
from bpexp.study.claims import Claim

AUTO = "auto"

DEFAULT = (5, 10, 20)
"""Numbers of seeds after which a study is looked at, unless it declares others."""

FEWEST = 5
"""Fewest seeds of a look: fewer decide nothing."""


def read_repeats(given: Mapping[str, Any], claims: Sequence[Claim]) -> tuple[int, tuple[int, ...]]:
    """The largest number of seeds, and the stages, of which a study with a fixed number has none; raises ConfigError.

    `stages` are read with `repeats: auto` alone, so that `study.repeats=8` on a command line fixes the number.
    """
    repeats = given.get("repeats", 1)
    if repeats == AUTO:
        stages = _stages(given.get("stages") or list(DEFAULT))
        if all(claim.theorem is not None for claim in claims):
            raise ConfigError("study.repeats=auto adds seeds until the claims are decided, and there is none to decide")
        return stages[-1], stages
    if not isinstance(repeats, int) or isinstance(repeats, bool) or repeats < 1:
        raise ConfigError(f"study.repeats must be a number of seeds of at least 1, or auto, not {repeats!r}")
    return repeats, ()


def _stages(node: Any) -> tuple[int, ...]:
    told = f"study.stages must be a list of growing numbers of seeds, from {FEWEST} on, such as [5, 10, 20]"
    if (
        not isinstance(node, list | tuple)
        or not node
        or not all(isinstance(n, int) and not isinstance(n, bool) for n in node)
    ):
        raise ConfigError(f"{told}, not {node!r}")
    if node[0] < FEWEST or any(after <= before for before, after in pairwise(node)):
        raise ConfigError(f"{told}, not {list(node)!r}")
    return tuple(node)


def refuse_seeds(stages: Sequence[int], seeds: Sequence[int]) -> None:
    """Raise ConfigError for seeds that are not as many as the stages take."""
    if stages and len(seeds) != stages[-1]:
        raise ConfigError(
            f"a study with the stages {', '.join(map(str, stages))} takes {stages[-1]} seeds, not {len(seeds)}; "
            f"give so many, as in seed=range(100,{100 + stages[-1]}), or a number of seeds, study.repeats={len(seeds)}"
        )


def stage_of(stages: Sequence[int], place: int) -> int:
    """The stage, from 0, to which the seed at a place belongs."""
    return bisect_right(stages, place)
