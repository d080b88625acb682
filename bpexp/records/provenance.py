"""The origin of a result: code, interpreter, libraries and machine, without user and host name."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import numpy as np

import bpexp
from bpexp.nn.products import numpys_blas

PACKAGES = ("numpy", "scipy", "mlflow", "hydra-core")
GIT_SECONDS = 5.0


def provenance(start: Path) -> dict[str, str]:
    """Facts as text, by name; unknown ones are left out.

    The commit is that of the repository of the running code, else of the one that contains `start`.
    """
    code = Path(bpexp.__file__).resolve().parent
    return {**(_repository(code) or _repository(start)), **_software(), **_machine()}


def arithmetic(threads: int, engine: str = "numpy") -> dict[str, str]:
    """What the last digits of a run depend on beside its config and data: versions, BLAS and its threads, processor.

    Compiled steps depend on their compiler, and on SciPy, whose BLAS they call.
    """
    compiled = {} if engine == "numpy" else {name: metadata.version(name) for name in (engine, "scipy")}
    return {**_arithmetic(), "threads": str(threads), **compiled}


@lru_cache(maxsize=1)
def _arithmetic() -> dict[str, str]:
    """What stays the same as long as the process lives."""
    blas = numpys_blas()
    named = {"blas": "internal_api", "blas_version": "version", "blas_architecture": "architecture"}
    facts = {key: str(blas.get(name)) for key, name in named.items()}
    versions = {"bpexp": bpexp.__version__, "numpy": np.__version__, "python": platform.python_version()}
    return {**versions, **facts, "machine": platform.machine()}


def _repository(folder: Path) -> dict[str, str]:
    """Commit, branch and whether there are changes, if `folder` holds files under version control.

    An untracked folder, such as a package installed inside a project, is not part of that repository: {}.
    """
    if not _git(folder, "ls-files", "--", "."):
        return {}
    facts = {"git_commit": _git(folder, "rev-parse", "HEAD"), "git_branch": _git(folder, "branch", "--show-current")}
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if changes is not None:
        facts["git_dirty"] = "true" if changes else "false"
    return {name: value for name, value in facts.items() if value}


def _git(folder: Path, *arguments: str) -> str | None:
    """The output of git; None without git, repository or commit."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # set in a hook
    environment = {**inherited, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}  # do not write the index
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=GIT_SECONDS, env=environment, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace").strip()


def _software() -> dict[str, str]:
    """The versions of Python, bpexp and PACKAGES, without importing them."""
    facts = {"python": platform.python_version(), "bpexp": bpexp.__version__}
    for package in PACKAGES:
        try:
            facts[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return facts


def _machine() -> dict[str, str]:
    """Platform, processors, and the BLAS with its number of threads, which affect the last bits of a result."""
    facts = {
        "platform": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu_count": str(os.cpu_count()),
        "cpu_usable": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
    }
    blas = numpys_blas()
    for name, key in (("internal_api", "blas"), ("version", "blas_version"), ("architecture", "blas_architecture")):
        if blas.get(name):
            facts[key] = str(blas[name])
    if "num_threads" in blas:
        facts["blas_threads"] = str(blas["num_threads"])
    return facts
