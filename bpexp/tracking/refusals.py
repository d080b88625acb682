"""What a store refuses for good, such as another value of a parameter that it holds: the rest is delivered without it.

It is told once, and recorded in delivery.json and in a tag of the run, so that no later start tries it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bpexp.tracking.credentials import scrubbed
from bpexp.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Param

TAG = "bpexp.refused"
"""The tag of a run that names what the store has refused of it."""

LONGEST = 5000
"""Characters that MLflow keeps of a tag."""


def is_refusal(store: Store, run_id: str, error: Exception) -> bool:
    """Whether the same request would be refused at any time; not so that of a deleted run, which may be restored."""
    from mlflow.exceptions import MlflowException

    if not isinstance(error, MlflowException) or error.error_code != "INVALID_PARAMETER_VALUE":
        return False
    return bool(store.client.get_run(run_id).info.lifecycle_stage == "active")


def log_params(store: Store, run_id: str, params: Sequence[Param]) -> dict[str, str]:
    """Send parameters; returns the names of those that the store refuses for good, with the reason."""
    try:
        store.client.log_batch(run_id, params=list(params))
    except Exception as error:  # a store may raise anything
        if not is_refusal(store, run_id, error):
            raise
    else:
        return {}
    held = store.client.get_run(run_id).data.params
    refused = {
        param.key: f"{param.key} is {held[param.key]} there, and {param.value} here"
        for param in params
        if held.get(param.key, param.value) != param.value
    }
    for param in params:
        if param.key in held:
            continue
        try:
            store.client.log_batch(run_id, params=[param])
        except Exception as error:
            if not is_refusal(store, run_id, error):
                raise
            refused[param.key] = reason(error)
    return refused


def reason(error: Exception) -> str:
    """Why a store refuses something, in one line without credentials."""
    return scrubbed(" ".join(str(error).split()))[:200]


def tell_store(store: Store, run_id: str, refused: Mapping[str, str]) -> None:
    """Name in a tag of the run what was refused of it."""
    store.client.set_tag(run_id, TAG, "; ".join(refused.values())[:LONGEST])
