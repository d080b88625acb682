"""The files of a run as artifacts in MLflow."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bpexp.tracking.manifest import Sent
from bpexp.tracking.store import Store


def send_files(store: Store, sent: Sent, files: Sequence[Path]) -> None:
    """Send those files that are new or have changed, in one call: for each call MLflow reads the whole run."""
    found = {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    changed = [file for file, sha in found.items() if sent.files.get(file.name) != sha]
    if not changed:
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        for file in changed:
            _put(file, Path(scratch) / file.name)
        store.client.log_artifacts(str(sent.run_id), scratch)
    sent.files.update({file.name: found[file] for file in changed})


def _put(file: Path, place: Path) -> None:
    """A file in another place, as a link where the system has them."""
    try:
        place.symlink_to(file.absolute())
    except (OSError, NotImplementedError):
        shutil.copyfile(file, place)
