"""A laboratory for back-propagation: declared networks, verified gradients, recorded runs.

The packages, from the lowest layer: `nn` and `data`, `gradients`, `papers` and `training`, `insight`, `figures` and
`records`, `tracking`, `study`, `search`, `config`, `running`, and on top `cli`, `ui` and `api`. The docstring of each
states what belongs there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bpexp.api import BpexpError, Dataset, Result, RunFailed, SweepResult, load, resume, run, sweep

__version__ = "0.1.0"
__all__ = [
    "BpexpError",
    "Dataset",
    "Result",
    "RunFailed",
    "SweepResult",
    "__version__",
    "load",
    "resume",
    "run",
    "sweep",
]


def __getattr__(name: str) -> Any:
    """Import `bpexp.api` at the first access, so that importing the mathematics stays fast."""
    if name in __all__:
        from bpexp import api

        return getattr(api, name)
    raise AttributeError(f"module 'bpexp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
