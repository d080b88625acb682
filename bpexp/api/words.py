"""What a call is given, as the words of a command line and as data in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import numpy as np

from bpexp.config.schema import key_type
from bpexp.config.spelling import quoted, spelled
from bpexp.data import Dataset
from bpexp.data.memory import MEMORY
from bpexp.errors import CheckpointError, ConfigError
from bpexp.files.regular import read_text
from bpexp.running.resuming.resume_words import MOST_TEXT, parsed
from bpexp.running.writing import CONFIG


def of_run(settings: Mapping[str, Any]) -> list[str]:
    """The keywords of one run: each is one value, a list too."""
    plain = {key: _plain(value) for key, value in settings.items()}
    for key, value in plain.items():
        if isinstance(value, list | tuple | range) and key_type(key) is not None and not _takes_a_list(key):
            raise ConfigError(f"{key} takes one value, not {value!r}; bpexp.sweep takes several, one for each run")
    return [f"{key}={spelled(value)}" for key, value in plain.items()]


def of_sweep(settings: Mapping[str, Any]) -> list[str]:
    """The keywords of a sweep: a list, tuple, range or array holds levels, and everything else is one value."""
    return [f"{key}={_levels(key, value)}" for key, value in settings.items()]


def _levels(key: str, value: Any) -> str:
    if not isinstance(value, Iterable) or isinstance(value, str | Mapping):
        return spelled(_plain(value))
    levels = [_plain(level) for level in value]
    if not levels:
        raise ConfigError(f"{key} has no levels; give one or more, as in {key}=[0.1, 0.3]")
    if _takes_a_list(key) and not any(isinstance(level, list | tuple) for level in levels):
        raise ConfigError(
            f"{key} takes a list, and in a sweep a list holds levels; give a list of lists, [{levels}] for one level"
        )
    return ",".join(map(spelled, levels))


def _takes_a_list(key: str) -> bool:
    """Whether a value of a key is a list, so that a list of them is one of lists."""
    hint = key_type(key)
    return any(get_origin(option) is list for option in (hint, *get_args(hint)))


def _plain(value: Any) -> Any:
    """A number or an array of NumPy as Python has it."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def given(data: Any) -> Dataset | None:
    """The data set that `data=` of a call holds; None where it names one, or several, as a config does.

    Raises ConfigError for what is neither, DataError for arrays that do not fit each other.
    """
    if isinstance(data, Dataset):
        return data
    named = data if isinstance(data, list | tuple) else [data]
    if data is None or all(isinstance(one, str | Mapping) for one in named):
        return None
    if isinstance(data, tuple) and len(data) == 2:
        return Dataset(*data)
    told = f"a tuple of {len(data)}" if isinstance(data, tuple) else f"a {type(data).__name__}"
    raise ConfigError(
        f"data must be a name, as in data='digits', a pair (X, y) or (frame, 'target'), or a bpexp.Dataset, not {told}"
    )


def naming(dataset: Dataset) -> list[str]:
    """The words that name a data set in memory."""
    return [f"data={MEMORY}", f"data.digest={quoted(dataset.digest)}"]  # digits with an e in them would be a number


def refuse_data(folder: Path, dataset: Dataset | None) -> None:
    """Raise ConfigError for data that are given to a run which reads its own."""
    path = folder / CONFIG
    if dataset is None or not path.is_file():  # what is no run is refused by whoever resumes it
        return
    node = parsed(read_text(path, MOST_TEXT, error=CheckpointError), repr(str(path))).get("data")
    name = node.get("name") if isinstance(node, dict) else node
    if name != MEMORY:
        raise ConfigError(f"the run {str(folder)!r} has data={name}, which it reads itself; leave data=(X, y) out")
