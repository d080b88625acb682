"""The declared data set, loaded, split and scaled; the last one is cached."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache

from bpexp.config.groups import GROUPS
from bpexp.config.schema import Config
from bpexp.data import DataSet, Raw, prepare
from bpexp.data.cache import load_raw
from bpexp.data.memory import MEMORY
from bpexp.data.prepare import test_fraction
from bpexp.errors import ConfigError
from bpexp.running.bounds import refuse_made, refuse_prepared
from bpexp.running.streams import streams


def load_data(config: Config) -> DataSet:
    """The declared data, split and scaled; raises ConfigError or DataError.

    Validation and the run itself load the same data set one after the other, so the last one is cached. A file that has
    changed is read again.
    """
    declared = GROUPS["data"].declared(config.data)
    refuse_made(config)
    raw = load_raw(declared.name, declared.own, config.seed, lambda: streams(config.seed).data)
    refuse_prepared(config, raw)
    try:
        shared = {**declared.shared, "test": test_fraction(raw, declared.shared.get("test"))}
        return _prepared(raw, declared.name, json.dumps(shared), config.seed, config.dtype)
    except ConfigError as error:
        raise ConfigError(f"data.{error}") from None


def in_memory(config: Config) -> bool:
    """Whether the declared data are those that a Python process gave, which no other process has."""
    return bool(config.data.get("name") == MEMORY)


def as_it_runs(config: Config, data: DataSet) -> Config:
    """The config with the fraction of the test part that was taken for null, for the records."""
    return replace(config, data={**config.data, "test": data.test_fraction})


@lru_cache(maxsize=1)
def _prepared(raw: Raw, name: str, shared: str, seed: int, dtype: str) -> DataSet:
    return prepare(raw, name=name, rng=streams(seed).split, dtype=dtype, **json.loads(shared))
