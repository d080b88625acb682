"""Raw data sets, read once per process, and read again when a file that they come from has changed."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bpexp.data.dataset import Loader, Raw, datasets

KEPT = 2
"""The number of data sets kept; the one that was not used for the longest time is dropped first."""

Stamp = tuple[str, int, int, int]
MISSING = (0, 0, 0)
"""In place of times and size where there is no such file."""

_kept: OrderedDict[str, tuple[Callable[..., Loader], list[Stamp], Raw]] = OrderedDict()
"""The factory of each data set, which a notebook may define anew, the stamps of its files, and what was loaded."""

_loading = threading.Lock()


def load_raw(name: str, params: Mapping[str, Any], seed: int, generator: Callable[[], np.random.Generator]) -> Raw:
    """The raw data of a registered data set, shared by the runs of a process until one of its files changes.

    A file has changed if its absolute path, modification time, change time or size differs. One thread loads at a time.

    Args:
        name: of the data set in the registry.
        params: its parameters, as in a config.
        seed: distinguishes the results of a loader that is seeded; others ignore it.
        generator: returns the random generator that the loader draws from.

    Raises ConfigError for a wrong name or parameter, DataError for data that cannot be read.
    """
    loader: Loader = datasets.build(name, **params)
    key = json.dumps([name, dict(params), seed if loader.seeded else None], sort_keys=True)
    with _loading:
        stamps = [_stamp(file) for file in loader.files()]
        if key in _kept and _kept[key][:2] == (datasets[name], stamps):
            _kept.move_to_end(key)
            return _kept[key][2]
        raw = loader(generator())
        for array in (raw.X, raw.y, *(raw.test or ())):
            array.flags.writeable = False
        # Stamps of before the load: a file that was edited meanwhile is read again. A download makes new files.
        later = [_stamp(file) for file in loader.files()]
        stamps = [new if old[1:] == MISSING else old for old, new in zip(stamps, later, strict=False)]
        _kept[key] = (datasets[name], stamps, raw)
        _kept.move_to_end(key)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
        return raw


def _stamp(file: Path) -> Stamp:
    """Absolute path, modification time (tools can restore it) and change time (ns), size (bytes); else MISSING."""
    path = file.absolute()
    try:
        status = path.stat()
    except OSError:
        return str(path), *MISSING
    return str(path), status.st_mtime_ns, status.st_ctime_ns, status.st_size
