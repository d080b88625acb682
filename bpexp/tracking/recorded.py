"""What a run and the parent of a sweep have in common: their place in MLflow, as far as it is known."""

from __future__ import annotations

from bpexp.tracking.parcel import Parcel
from bpexp.tracking.session import Session, current


class Recorded:
    """A folder that is recorded in MLflow; with tracking=none there is no parcel, and nothing is known."""

    def __init__(self) -> None:
        self._session: Session = current()
        self._parcel: Parcel | None = None

    @property
    def run_id(self) -> str | None:
        """MLflow's id; None while it is not known."""
        return self._parcel.delivery.sent.run_id if self._parcel else None

    @property
    def experiment_id(self) -> str | None:
        """MLflow's id of the experiment; None while it is not known."""
        return self._parcel.delivery.sent.experiment_id if self._parcel else None

    @property
    def store_uri(self) -> str | None:
        """The address of the store, without credentials."""
        return self._parcel.delivery.facts.store if self._parcel else None
