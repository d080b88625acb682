"""A composed job, as the composer hands it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.types import RunMode
from omegaconf import DictConfig

from bpexp.config.schema import Config


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """One composed job: the typed config, the whole config with Hydra's own node, and its directories.

    `raw` is the whole config as plain data, with interpolations unresolved; parts of it are shared between jobs.
    `whole` is as Hydra made it, and None for a job that shares a composition. `run_dir` and `sweep_dir` are
    hydra.run.dir and hydra.sweep.dir; `subdirectory` is hydra.sweep.subdir.
    """

    config: Config
    raw: Mapping[str, Any]
    whole: DictConfig | None
    run_dir: Path
    sweep_dir: Path
    subdirectory: Path

    @property
    def hydra(self) -> dict[str, Any]:
        """Hydra's own node as plain data, with interpolations unresolved."""
        return dict(self.raw["hydra"])

    @property
    def multirun(self) -> bool:
        """Whether the config itself declares a sweep (hydra.mode)."""
        return bool(self.hydra["mode"] == RunMode.MULTIRUN.name)

    @property
    def sweep_params(self) -> dict[str, Any]:
        """The levels that the config itself declares (hydra.sweeper.params)."""
        return dict(self.hydra["sweeper"]["params"] or {})

    @property
    def launcher(self) -> str:
        """The name of Hydra's launcher; `basic` by default."""
        return self.choice("hydra/launcher") or "basic"

    def choice(self, group: str) -> str | None:
        """The chosen option of a group, such as experiment."""
        chosen = self.hydra["runtime"]["choices"].get(group)
        return None if chosen is None else str(chosen)
