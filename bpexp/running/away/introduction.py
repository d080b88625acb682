"""What has to be the same on a worker before it gets a job: the code of bpexp, its plug-ins, and the data set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import bpexp
from bpexp.config.plugins import PLUGINS, load_plugins
from bpexp.config.schema import Config, construct
from bpexp.errors import BpexpError
from bpexp.records.provenance import arithmetic
from bpexp.running.loading import load_data

DIGITS = ("python", "numpy", "blas", "blas_version", "blas_architecture", "machine")
"""What may change the last digits of a result: it is told, and no reason to refuse a worker."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """One side: version and SHA-256 of the sources of bpexp, names and versions of the plug-ins, and what rounds."""

    version: str
    code: str
    plug_ins: list[str]
    digits: dict[str, str]

    def refusal(self, here: Introduction) -> str:
        """Why a worker that introduces itself so gets no job of a sweep that is `here`; empty if nothing is wrong."""
        if self.version != here.version:
            return f"it has bpexp {self.version}, and the sweep {here.version}; install the same version there"
        if self.code != here.code:
            return (
                f"the sources of its bpexp {self.version} are others than those of the sweep "
                f"({self.code[:8]} and {here.code[:8]}); install the same there"
            )
        if self.plug_ins != here.plug_ins:
            theirs, ours = (", ".join(side.plug_ins) or "none" for side in (self, here))
            return f"its plug-ins are others than those of the sweep ({theirs}; here {ours}); install the same there"
        return ""

    def rounding(self, here: Introduction) -> str:
        """How its last digits may differ from those of the sweep; empty if they should not."""
        other = [key for key in DIGITS if self.digits.get(key) != here.digits.get(key)]
        return ", ".join(
            f"{key.replace('_', ' ')} {self.digits.get(key)} (here {here.digits.get(key)})" for key in other
        )


@lru_cache(maxsize=1)
def introduction() -> Introduction:
    """This process."""
    digits = {key: value for key, value in arithmetic(1).items() if key in DIGITS}
    return Introduction(bpexp.__version__, _code(), _plug_ins(), digits)


def _code() -> str:
    """SHA-256 of the sources of bpexp, with their names."""
    folder, found = Path(bpexp.__file__).parent, hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content = path.read_bytes()
        found.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return found.hexdigest()


def _plug_ins() -> list[str]:
    return sorted(f"{entry.name} {entry.dist.version if entry.dist else '?'}" for entry in entry_points(group=PLUGINS))


def named_data(config: Config) -> str:
    """Name and digest of the data set of a config, as this process finds it."""
    data = load_data(config)
    return f"{data.name} {data.digest}"


def data_refusal(config: Any, expected: str) -> str:
    """Why a job with this data set, of a config as plain data, cannot run here; empty if the data is the `expected`."""
    try:
        load_plugins()
        found = named_data(construct(Config, config))
    except BpexpError as error:
        return f"its data set is not there: {error}"
    if found == expected:
        return ""
    (name, theirs), ours = found.split(" "), expected.split(" ")[1]
    return f"its data set {name} is another one (digest {theirs[:12]}, and {ours[:12]} in the sweep); copy it there"
