"""One sweep under every launcher that is installed: the SHA-256 of theta of each job, which is to be the same.

python -m experiments.scale.digests [--what mnist|xor|presets] [--launchers serial,dask]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from experiments.scale.launchers import SWEEPS, sweep

LAUNCHERS = {
    "serial": ["launcher=serial"],
    "process": ["launcher=process", "launcher.n_jobs=2"],
    "ray": ["launcher=ray", "launcher.n_jobs=2"],
    "dask": ["launcher=dask", "launcher.n_jobs=2"],
    "submitit": ["launcher=submitit", "launcher.cluster=local", "launcher.n_jobs=2"],
}
MODULES = {"ray": "ray", "dask": "distributed", "submitit": "submitit"}


def installed() -> list[str]:
    """The launchers whose engine is there."""
    return [name for name in LAUNCHERS if name not in MODULES or find_spec(MODULES[name]) is not None]


def compared(folder: Path, what: str, launchers: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The digests of a sweep under each launcher, and those that differ from the first."""
    digests = {name: sweep(folder / name, what, list(words))["digests"] for name, words in launchers.items()}
    first = next(iter(digests.values()))
    return {
        "jobs": len(first),
        "digests": len(set(first.values())),
        "launchers": list(digests),
        "differ": {
            name: sorted(job for job in first if found.get(job) != first[job]) for name, found in digests.items()
        },
    }


def main() -> None:
    """Compare what the command line says, in a temporary folder, and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--what", choices=list(SWEEPS), default="mnist")
    parser.add_argument("--launchers", default=",".join(installed()))
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        chosen = {name: LAUNCHERS[name] for name in said.launchers.split(",")}
        print(json.dumps(compared(Path(folder), said.what, chosen), indent=1))


if __name__ == "__main__":
    main()
