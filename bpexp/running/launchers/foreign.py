"""Components that neither bpexp nor a plug-in of it registered: whether a worker, which imports modules, knows them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bpexp.config.groups import GROUPS
from bpexp.insight.probes import probes
from bpexp.running.job import Job
from bpexp.training.callbacks import callbacks
from bpexp.training.metrics import metrics


@dataclass(frozen=True, slots=True)
class Foreign:
    """A component that code outside bpexp registered in this process, and the module of that code."""

    kind: str
    name: str
    module: str

    @property
    def importable(self) -> bool:
        """Whether a worker finds its module by name; what a script or a notebook registers, it does not find."""
        return self.module != "__main__" and getattr(sys.modules.get(self.module), "__spec__", None) is not None

    def used_by(self, job: Job) -> bool:
        """Whether the name stands in the config of a job."""
        return self.name in _texts(asdict(job.config))

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} is registered in {self.module}, which a worker cannot import"


def modules() -> list[str]:
    """The modules outside bpexp that registered components in this process, which a worker is to import, too."""
    return sorted({found.module for found in _foreign() if found.importable})


def unknown() -> list[Foreign]:
    """The components that no worker can know."""
    return [found for found in _foreign() if not found.importable]


def _foreign() -> Iterator[Foreign]:
    registries = [*(group.registry for group in GROUPS.values()), callbacks]
    made: list[tuple[str, str, Any]] = [(r.kind, name, r[name]) for r in registries for name in r]
    made += [("probe", name, probe.measure) for name, probe in probes.items()]
    made += [("metric", name, metric.measure) for name, metric in metrics.items()]
    for kind, name, function in made:
        module = str(getattr(function, "__module__", None))
        if module.partition(".")[0] != "bpexp":
            yield Foreign(kind, name, module)


def _texts(content: Any) -> Iterator[str]:
    """All keys and texts of plain data."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield str(key)
            yield from _texts(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _texts(value)
    elif isinstance(content, str):
        yield content
