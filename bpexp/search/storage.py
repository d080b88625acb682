"""The storage of a search in the folder of its sweep: opened, held against its declaration, and refused if damaged."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages.journal import JournalStorage
from optuna.trial import FrozenTrial

from bpexp.errors import ConfigError, RecordError
from bpexp.files.whole import UNFINISHED
from bpexp.search.declared import Search
from bpexp.search.journal_file import JournalFile
from bpexp.search.sampling import pruner_of, sampler_of

STORAGE = "search.jsonl"
"""The file; it is no database, and never MLflow's."""

NAME = "search"
"""What Optuna calls the search in its own file; always the same, because hyperband shares out its trials by it."""

DECLARED = "bpexp.declaration"

DAMAGED = (KeyError, ValueError, TypeError, AttributeError, AssertionError, IndexError)
"""What Optuna raises for operations that are none of its own."""

PICKLED = "cma:optimizer"
"""The attribute in which Optuna keeps the state of CMA-ES, as a pickle."""

HARMLESS = {
    ("cmaes._cma", "CMA"),
    ("numpy.random._pickle", "__randomstate_ctor"),
    ("numpy.random._pickle", "__bit_generator_ctor"),
    ("numpy.random._mt19937", "MT19937"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *(
        (f"{core}.{module}", name)
        for core in ("numpy.core", "numpy._core")
        for module, name in (
            ("multiarray", "_reconstruct"),
            ("multiarray", "scalar"),
            ("numeric", "_frombuffer"),
        )
    ),
}
"""What such a pickle may name."""


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A search in its file: Optuna's object for it, and the storage below."""

    study: optuna.Study
    storage: JournalStorage

    def trial_id(self, number: int) -> int:
        """What the storage calls a trial."""
        search = self.storage.get_study_id_from_name(NAME)
        return self.storage.get_trial_id_from_study_id_trial_number(search, number)

    def fit(self, search: Search, number: int) -> None:
        """Give the search the sampler of its trial `number`, and its pruner."""
        self.study.sampler = sampler_of(search.sampling, search.seed, number)
        self.study.pruner = pruner_of(search.pruning, search.epochs)


def begin(folder: Path, search: Search, preset: dict[str, Any]) -> Stored:
    """Create the storage of a new search; `preset` are the parameters that all trials share."""
    path = folder / STORAGE
    if path.exists():
        raise ConfigError(f"{str(path)!r} is the storage of another search; choose another hydra.sweep.dir")
    unfinished = path.with_name(path.name + UNFINISHED)  # killed meanwhile, it was not begun
    unfinished.write_bytes(b"")
    with quiet():
        storage = JournalStorage(JournalFile(unfinished))
        study = optuna.create_study(storage=storage, study_name=NAME, directions=search.directions)
        study.set_user_attr(DECLARED, _declaration(search, preset))
    unfinished.replace(path)
    return opened(path)


def goes_on(folder: Path, search: Search, preset: dict[str, Any]) -> Stored:
    """Open the storage of a search that is resumed; raises BpexpError for one that is gone, damaged, or of another."""
    path = folder / STORAGE
    if not path.is_file():
        raise RecordError(f"{str(path)!r} is gone, so that nothing tells what was tried; begin a new search")
    stored, now = opened(path), _declaration(search, preset)
    found = stored.study.user_attrs.get(DECLARED)
    if not isinstance(found, dict):
        raise RecordError(f"{str(path)!r} declares no search of bpexp; begin a new search")
    for key, value in now.items():
        if found.get(key) != value:
            raise ConfigError(
                f"{str(path)!r} is the storage of another search: its {key} is {_short(found.get(key))}, and now it is "
                f"{_short(value)}; put it back as it was, or begin a new search"
            )
    return stored


def opened(path: Path) -> Stored:
    """The search in a file, without its sampler; raises RecordError for a damaged one."""
    try:
        with quiet():
            storage = JournalStorage(JournalFile(path))
            study = optuna.load_study(storage=storage, study_name=NAME, sampler=optuna.samplers.RandomSampler())
            trials = study.get_trials(deepcopy=False)
    except OSError as error:
        raise RecordError(f"{str(path)!r} cannot be read ({error.strerror or error})") from error
    except RecordError:
        raise
    except DAMAGED as error:
        told = " ".join(str(error).split())[:200]
        raise RecordError(f"{str(path)!r} is no storage of a search: {type(error).__name__}: {told}") from error
    _refuse_pickles(path, trials)
    return Stored(study, storage)


def _refuse_pickles(path: Path, trials: list[FrozenTrial]) -> None:
    """Raise RecordError where the state of CMA-ES, which Optuna unpickles, names anything but numbers."""
    for trial in trials:
        parts = {key: text for key, text in trial.system_attrs.items() if key.startswith(PICKLED)}
        if not parts:
            continue
        try:
            text = "".join(parts[f"{PICKLED}:{number}"] for number in range(len(parts)))
            _Harmless(io.BytesIO(bytes.fromhex(text))).load()
        except Exception as error:
            told = " ".join(str(error).split())[:200]
            raise RecordError(f"{str(path)!r}: the state of trial {trial.number} is refused: {told}") from error


class _Harmless(pickle.Unpickler):
    """Unpickles nothing but the state of CMA-ES."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in HARMLESS:
            raise RecordError(f"it names {module}.{name}")
        return super().find_class(module, name)


def _declaration(search: Search, preset: dict[str, Any]) -> dict[str, Any]:
    return {**search.declaration(), "preset": preset}


@contextmanager
def quiet() -> Iterator[None]:
    """Without Optuna's own lines on the screen."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
