"""`task=report`: the report of a recorded study, rewritten from its runs in MLflow or in the folder of its sweep."""

from __future__ import annotations

from pathlib import Path

from bpexp.errors import ConfigError, TrackingError
from bpexp.running.plan import Plan
from bpexp.running.tasks.recorded_studies import RecordedStudy, recorded_studies
from bpexp.study.conclude import rebuild, rebuild_from_folder
from bpexp.study.declaration import shared
from bpexp.study.report import Report
from bpexp.study.revision import Today
from bpexp.tracking.environment import mlflow_environment
from bpexp.tracking.store import Store, recorded_store


def rebuild_report(plan: Plan, folder: Path) -> Report:
    """Write the report of a recorded study to `folder`.

    With `experiment=NAME` it answers the claims of the declaration as it is now, and says of each whether it stood
    before the results; with `study=NAME` those that were recorded. The runs are those of the newest sweep in MLflow, or
    with `hydra.sweep.dir=FOLDER` those in a folder.

    Raises ConfigError where nothing says which study, TrackingError where it is not recorded.
    """
    with mlflow_environment():
        if plan.named:
            return rebuild_from_folder(plan.directory.absolute(), _store_if_there(plan), folder, _today(plan))
        name, store = _name(plan), _store(plan)
        if store is None:
            raise ConfigError(
                "task=report reads MLflow; leave tracking=mlflow, or name the folder of a sweep: hydra.sweep.dir=FOLDER"
            )
        return rebuild(name, store, folder, _today(plan))


def asks_for_a_list(plan: Plan) -> bool:
    """Whether a command names no study and no folder, so that `list_studies` answers it."""
    return plan.study is None and plan.config.study is None and not plan.named


def list_studies(plan: Plan) -> list[RecordedStudy]:
    """The recorded studies; raises TrackingError where there are none."""
    with mlflow_environment():
        found = recorded_studies(_store(plan))
    if not found:
        raise TrackingError(
            "no study is recorded here; run one, as in: python -m bpexp experiment=symmetry data=digits"
        )
    return found


def _name(plan: Plan) -> str:
    if plan.study is not None:
        return plan.study.name
    if not isinstance(plan.config.study, str):
        raise ConfigError(
            "task=report needs the name of a study, as in experiment=vanishing_gradients, or study=vanishing_gradients "
            f"for the claims as they were recorded, not study={plan.config.study!r}"
        )
    return plan.config.study


def _today(plan: Plan) -> Today | None:
    if plan.study is None:
        return None
    return Today(plan.study, plan.first.config.study, shared([job.params for job in plan.jobs]))


def _store(plan: Plan) -> Store | None:
    return recorded_store(plan.tracking.uri, plan.tracking.experiment) if plan.tracking.mlflow else None


def _store_if_there(plan: Plan) -> Store | None:
    """The store whose record is compared with a folder; a folder can be read without one."""
    try:
        return _store(plan)
    except TrackingError:
        return None
