"""The validation of one job on its data; what the jobs of a command share is loaded and checked once."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace

from bpexp.config.schema import Config
from bpexp.config.validation import validate
from bpexp.data import DataSet
from bpexp.running.loading import as_it_runs, load_data
from bpexp.running.outline import outline
from bpexp.running.progress import tell
from bpexp.running.step_engine import engine_of
from bpexp.tracking.settings import TrackingSettings, tracking_settings
from bpexp.tracking.store import refuse_store


@dataclass(frozen=True, slots=True)
class Seen:
    """What the jobs of a sweep share: data sets by their declaration, stores that were checked, and what was said."""

    data: dict[str, DataSet]
    stores: set[str]
    told: set[str] = field(default_factory=set)

    def of(self, config: Config) -> DataSet | None:
        """The data set of a job; None of one that needs none."""
        return self.data.get(_declared_data(config))

    def named(self, config: Config) -> str:
        """Name and digest of the data set of a job, as the first job with it loaded it."""
        data = self.of(config)
        return "" if data is None else f"{data.name} {data.digest}"


def _declared_data(config: Config) -> str:
    return json.dumps([config.data, config.dtype], default=str)


def checked(config: Config, seen: Seen) -> Config:
    """Validate one job, and return its config as it runs; what several jobs share is checked once."""
    validate(config)
    if config.task == "doctor":  # which has more to say of a store than that it is refused
        return config
    tracking: TrackingSettings = tracking_settings.from_config(config.tracking)
    if tracking.mlflow and str(tracking.uri) not in seen.stores:
        refuse_store(tracking.uri)
        seen.stores.add(str(tracking.uri))
    if config.task in ("report", "sync", "figures"):
        return config
    key = _declared_data(config)
    if key not in seen.data:
        seen.data[key] = load_data(config)
    engine, why = engine_of(config, outline(config, seen.data[key]))
    if (kind := re.sub(r"\d[\d,]*", "", why)) not in seen.told:  # once in a sweep, whatever the numbers of its jobs are
        seen.told.add(kind)
        tell([why], config.progress and bool(why))
    if config.task == "trace":
        from bpexp.running.tasks.traced import refuse_untraceable  # which needs what plans a run

        refuse_untraceable(config)
    return replace(as_it_runs(config, seen.data[key]), engine=engine)
