"""What `task=trace` follows: the network of a config or of a recorded run, or own numbers out of a file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bpexp.config.schema import Config
from bpexp.config.yaml_events import count_nodes, values_of
from bpexp.errors import ConfigError
from bpexp.files.npz import NUMBERS, open_npz
from bpexp.files.regular import read_text
from bpexp.nn.arrays import Array
from bpexp.nn.heads import Head
from bpexp.nn.network import Network
from bpexp.records.network_file import WEIGHTS
from bpexp.running.build import Experiment
from bpexp.running.drawing import outcome_of, trained_experiment
from bpexp.running.outline import declared_activations, hidden_activations
from bpexp.running.resuming.resume_words import BOUNDS, Wanted, found
from bpexp.tracking.feed import DataCard

MOST_BYTES = 1 << 20
"""Largest size of a YAML file with own numbers, and of an array in an NPZ file."""


OF_THE_TRACE = ("task", "run", "sample", "trace", "tracking", "tags", "note", "run_name")
"""The keys that are those of the trace, and not of the run that it follows."""


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """What is followed: x (n_0, B) and y (n_L, B) through the network of an experiment.

    Args:
        experiment: network, head, data and config as they are followed, for the record too.
        x, y: the samples, a column each.
        title: says in words what is followed.
        own: describes the file, where the samples are of one.
    """

    experiment: Experiment
    x: Array
    y: Array
    title: str
    own: DataCard | None = None

    @property
    def hidden(self) -> list[str]:
        """The names of the hidden activations."""
        return [str(node["name"]) for node in declared_activations(self.experiment.config)]


def traced(experiment: Experiment) -> Traced:
    """What the config of an experiment wants followed.

    Raises BpexpError for a run that is not there or left no weights, for samples that its data does not have, and for
    a file whose numbers do not fit together.
    """
    config, name = experiment.config, ""
    if config.run is not None:
        experiment, name = _of_run(config.run, experiment)
    path = None if config.trace.values is None else Path(config.trace.values)
    values = {} if path is None else own_values(path)
    if any(key[0] in "Wb" for key in values):
        experiment = _own_network(experiment, values)
    x, y, said = _samples(experiment, values)
    sizes, head = experiment.trainer.network.sizes, experiment.trainer.head.name
    if (len(x), len(y)) != (sizes[0], sizes[-1]):
        raise ConfigError(
            f"the network takes {sizes[0]} inputs and gives {sizes[-1]} outputs, but x has {len(x)} and y has {len(y)}"
        )
    if "y" in values:
        _refuse_targets(y, experiment.trainer.head)
    own = None if path is None or "x" not in values else _card(path)
    return Traced(experiment, x, y, f"{said} through {'-'.join(map(str, sizes))} ({head}){name}", own)


def refuse_untraceable(config: Config) -> None:
    """Raise ConfigError, before a folder is made, for a file of own numbers or a run that cannot be read."""
    if config.trace.values is not None:
        own_values(Path(config.trace.values))
    if config.run is not None and not (_directory(config.run, config) / WEIGHTS).is_file():
        raise ConfigError(f"run={config.run!r} is no run with a saved network; name its folder, or MLflow's id of it")


def _directory(run: str, config: Config) -> Path:
    uri = config.tracking.get("uri")
    return found(Wanted(run, changes={"tracking.uri": uri} if uri else {}))


def _card(path: Path) -> DataCard:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return DataCard(path.name, digest[:36], str(path.absolute()), "{}")


def _of_run(run: str, declared: Experiment) -> tuple[Experiment, str]:
    """The experiment of a recorded run, with the weights that it saved, and words for the title."""
    wanted = declared.config
    directory = _directory(run, wanted)
    experiment = trained_experiment(directory, outcome_of(directory))
    kept = {key: getattr(wanted, key) for key in OF_THE_TRACE}
    own = replace(experiment, config=replace(experiment.config, **kept), tracking=declared.tracking)
    return own, f", trained in {directory}"


def _refuse_targets(y: Array, head: Head) -> None:
    """Raise ConfigError for own y (n_L, B) for which a loss of class labels, and its closed form, do not hold."""
    if not head.loss.classes:
        return
    if ((y < 0) | (y > 1)).any():
        raise ConfigError(f"{head.name} needs targets from 0 to 1, but y holds {y.min():g} to {y.max():g}")
    total = y.sum(axis=0)
    if head.output.codomain == "simplex" and not np.allclose(total, 1.0):
        worst = total[np.abs(total - 1).argmax()]
        raise ConfigError(f"{head.name} needs targets that sum to 1, but those of a sample sum to {worst:g}")


def _samples(experiment: Experiment, values: Mapping[str, Array]) -> tuple[Array, Array, str]:
    """x (n_0, B) and y (n_L, B): those of the file, or of the training part."""
    config = experiment.config
    if "x" in values or "y" in values:
        if not {"x", "y"} <= set(values):
            raise ConfigError(f"{config.trace.values!r} holds {'x' if 'x' in values else 'y'} alone; give x and y")
        x, y = (np.atleast_2d(values[key]).T for key in "xy")
        if x.shape[1] != y.shape[1]:
            raise ConfigError(f"{config.trace.values!r} holds {x.shape[1]} samples in x and {y.shape[1]} in y")
        return x, y, f"{x.shape[1]} own samples" if x.shape[1] > 1 else "An own sample"
    data, first, last = experiment.data, config.sample, config.sample + config.trace.samples - 1
    if last >= len(data.train):
        raise ConfigError(f"the samples {first} to {last} are not among the {len(data.train)} training samples")
    x, y = data.train.batch(data.train.rows[first : last + 1])
    return x, y, f"Samples {first} to {last} of {data.name}" if last > first else f"Sample {first} of {data.name}"


def own_values(path: Path) -> dict[str, Array]:
    """The arrays of a YAML or NPZ file by name, in float64; raises ConfigError for anything else in it."""
    where = repr(str(path))
    if path.suffix == ".npz":
        with open_npz(path, error=ConfigError) as file:
            content: Any = {name: file.read(name, NUMBERS, most=MOST_BYTES) for name in file.names}
    else:
        content = _yaml(read_text(path, MOST_BYTES, error=ConfigError), where)
    if not isinstance(content, Mapping):
        raise ConfigError(f"{where} holds no names with numbers, such as W1: [[0.5]]")
    return {str(name): _array(str(name), value, where) for name, value in content.items()}


def _yaml(text: str, where: str) -> Any:
    count_nodes(text, where, BOUNDS)
    try:
        return values_of(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is no YAML: {error}") from None


def _array(name: str, value: Any, where: str) -> Array:
    if re.fullmatch("[xy]|[Wb][1-9][0-9]*", name) is None:
        raise ConfigError(f"{where} holds {name[:40]!r}; expected W1, b1, W2, b2, ..., x, y")
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ConfigError(f"{where}: {name} holds something else than numbers in rows of equal length") from None
    most = 1 if name[0] == "b" else 2
    array = array.reshape(-1) if name[0] == "b" else array
    if array.ndim == 0 or array.ndim > most or array.size == 0 or not np.isfinite(array).all():
        raise ConfigError(f"{where}: {name} has the shape {array.shape}, or numbers that are not finite")
    return array


def _own_network(experiment: Experiment, values: Mapping[str, Array]) -> Experiment:
    """The experiment with a network of the weights in a file."""
    config = experiment.config
    L = sum(key[0] == "W" for key in values)
    missing = [f"{letter}{l}" for l in range(1, L + 1) for letter in "Wb" if f"{letter}{l}" not in values]
    if missing or sum(key[0] in "Wb" for key in values) != 2 * L:
        raise ConfigError(f"{config.trace.values!r} lacks {', '.join(missing) or 'W of a b'}; a layer needs W and b")
    weights = [np.atleast_2d(values[f"W{l}"]) for l in range(1, L + 1)]
    sizes = [weights[0].shape[1], *(len(W) for W in weights)]
    for l, rows in enumerate(weights, start=1):
        if rows.shape[1] != sizes[l - 1] or len(values[f"b{l}"]) != len(rows):
            told = f"W{l} {rows.shape} and b{l} {values[f'b{l}'].shape}"
            raise ConfigError(f"{config.trace.values!r}: {told} do not fit each other, or layer {l - 1}")
    names = config.model.activations
    if names is not None and len(names) != L - 1:
        raise ConfigError(f"model.activations={names} names {len(names)} hidden layers, but the file has {L - 1}")
    model = replace(config.model, hidden=sizes[1:-1], depth=None, width=None)
    own = replace(config, model=model)
    network = Network(sizes, hidden_activations(own), experiment.trainer.head.output, "float64")
    for l, (W, b) in enumerate(network.parameters(network.theta), start=1):
        W[...] = weights[l - 1]
        b[...] = values[f"b{l}"][:, np.newaxis]
    return replace(experiment, config=own, trainer=replace(experiment.trainer, network=network))
