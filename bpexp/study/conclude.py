"""The end of a study: its report from the folder of the sweep, or once more from MLflow alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bpexp.config.schema import TrackingConfig
from bpexp.errors import ConfigError
from bpexp.running.sweep import Sweep
from bpexp.study.design import Study
from bpexp.study.report import Report, write_report
from bpexp.study.sources import STUDY_TAG, find_parent, from_folder, from_mlflow, study_of


def conclude(study: Study, declaration: Mapping[str, Any], sweep: Sweep, folder: Path, command: str) -> Report:
    """Analyse the jobs of a sweep, write the report to its folder and put it on the parent run."""
    runs = from_folder(folder)
    facts = [f"command: python -m bpexp {command}", f"runs: {len(runs)}", *_origin()]
    report = write_report(study, declaration, runs, folder, facts)
    sweep.attach(report.files, report.note, {STUDY_TAG: study.name})
    return report


def rebuild(name: str, tracking: TrackingConfig, folder: Path) -> Report:
    """Write the report of the newest recorded sweep of a study, from what MLflow holds."""
    from bpexp.tracking.store import open_store

    if tracking.name != "mlflow":
        raise ConfigError("task=report reads MLflow; leave tracking=mlflow")
    store = open_store(tracking.uri, tracking.experiment)
    parent = find_parent(store, name)
    study, declaration = study_of(store, parent)
    runs = from_mlflow(store, parent, study)
    facts = [f"parent run {parent.info.run_id}: {parent.info.run_name}", f"runs: {len(runs)}", *_origin()]
    return write_report(study, declaration, runs, folder, facts)


def _origin() -> list[str]:
    """The code and versions that made the report."""
    from bpexp.records.provenance import provenance

    facts = provenance(Path.cwd())
    told = [key for key in ("bpexp", "git_commit", "git_dirty", "numpy", "mlflow", "python", "blas") if key in facts]
    return [", ".join(f"{key} {facts[key]}" for key in told)]
