"""The declared data set, loaded once a process, and the random streams that a seed stands for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from bpexp.config import validation as checks
from bpexp.config.schema import Config
from bpexp.data import DataSet, Raw, datasets, prepare
from bpexp.errors import ConfigError

COMMON_DATA = ("validation", "test", "one_hot", "scaling", "limit")
"""What every data set understands beside its own parameters."""


@dataclass(frozen=True, slots=True, eq=False)
class Streams:
    """One seed, six independent streams: runs that differ in the loss alone see the same weights and batches."""

    init: np.random.Generator
    split: np.random.Generator
    shuffle: np.random.Generator
    data: np.random.Generator
    method: np.random.Generator
    check: np.random.Generator


def streams(seed: int) -> Streams:
    """The random streams of a run."""
    return Streams(*(np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(6)))


@lru_cache(maxsize=2)
def _raw(name: str, params: str, seed: int | None) -> Raw:
    """A loaded data set; runs of one process share it. seed is None where it does not matter."""
    generator = streams(0 if seed is None else seed).data
    return datasets.build(name, **json.loads(params))(generator)


def load_data(config: Config, random: Streams) -> DataSet:
    """The declared data, split and scaled."""
    name, params = checks.split_name("data", config.data)
    common = {key: params.pop(key) for key in COMMON_DATA if key in params}
    _check_common(common)
    seeded = datasets.build(name, **params).seeded
    raw = _raw(name, json.dumps(params, sort_keys=True), config.seed if seeded else None)
    try:
        return prepare(raw, name=name, rng=random.split, dtype=config.dtype, **common)
    except ConfigError as error:
        raise ConfigError(f"data.{error}") from None


def _check_common(common: dict[str, Any]) -> None:
    for key in ("validation", "test"):
        value = common.get(key, 0.0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"data.{key} must be a fraction in [0, 1), not {value!r}")
    limit = common.get("limit")
    if isinstance(limit, bool) or not isinstance(limit, int | None):
        raise ConfigError(f"data.limit must be a whole number or null, not {limit!r}")
    if not isinstance(common.get("one_hot", True), bool):
        raise ConfigError(f"data.one_hot must be true or false, not {common['one_hot']!r}")
