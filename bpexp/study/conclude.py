"""The report of a study, from the folders of its jobs, or again from MLflow only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bpexp.records.provenance import provenance
from bpexp.study.analysis import RunRecord
from bpexp.study.design import Study
from bpexp.study.report import Report, write_report
from bpexp.study.sources import from_mlflow, recorded_study
from bpexp.tracking.store import Store


def conclude(study: Study, runs: Sequence[RunRecord], folder: Path, command: str) -> Report:
    """Analyse the runs of a study and write its report to `folder`; `command` holds the arguments of bpexp."""
    facts = [f"command: python -m bpexp {command}", f"runs: {len(runs)}", *_origin()]
    return write_report(study, runs, folder, facts)


def rebuild(name: str, store: Store, folder: Path) -> Report:
    """Write the report of the newest recorded sweep of a study to `folder`, from the runs in MLflow."""
    study, _, parent = recorded_study(store, name)
    runs = from_mlflow(store, parent.run_id, study)
    facts = [f"parent run {parent.run_id}: {parent.name}", f"runs: {len(runs)}", *_origin()]
    return write_report(study, runs, folder, facts)


def _origin() -> list[str]:
    """The code and versions that made the report."""
    facts = provenance(Path.cwd())
    told = [key for key in ("bpexp", "git_commit", "git_dirty", "numpy", "mlflow", "python", "blas") if key in facts]
    return [", ".join(f"{key} {facts[key]}" for key in told)]
