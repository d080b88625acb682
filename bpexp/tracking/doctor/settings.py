"""The options of `task=doctor`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Doctor:
    """What the doctor may do.

    Args:
        mend: mend what can be mended without a loss; false only tells what is wrong.
        move_away: move a damaged database away, so that task=sync can fill a new one from the folders of the runs.
        close: MLflow's ids of runs that you know to be over, where nothing else tells.
    """

    mend: bool = True
    move_away: bool = False
    close: list[str] = field(default_factory=list)
