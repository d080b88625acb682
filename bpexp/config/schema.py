"""The config as dataclasses: the keys of a run, with types, ranges, defaults and meanings.

The settings of a package are declared in that package; this module assembles them.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Annotated, Any, Literal, TypeVar

from bpexp.config.launching import SweepSettings
from bpexp.config.limits import Limits
from bpexp.errors import ConfigError, nearest
from bpexp.insight.explore_settings import Explore
from bpexp.insight.trace_settings import TraceSettings
from bpexp.nn.architecture import Architecture
from bpexp.nn.pairing import Pairing
from bpexp.nn.penalties import Clip, Penalty
from bpexp.records.checkpointing import CheckpointSettings
from bpexp.registry import Count, Parameter, Positive, Range, declared_parameters
from bpexp.synonyms import DOTTED
from bpexp.tracking.doctor.settings import Doctor
from bpexp.training.evaluation import Evaluation

Settings = TypeVar("Settings")
BatchSize = Annotated[Any, Count | Literal["full"]]
Task = Annotated[str, Literal["train", "trace", "report", "doctor", "sync", "figures", "explore", "status", "stop"]]
Dtype = Annotated[str, Literal["float32", "float64"]]
Natural = Annotated[int, Range(least=0)]
Engine = Annotated[str, Literal["numpy", "numba", "auto"]]
Threads = Annotated[int, Range(least=1, most=1024)]


@dataclass
class Config:
    """One declared run. A group is a mapping with the `name` of a component and its parameters.

    Args:
        lr: learning rate, before the schedule.
        batch_size: samples per step; full for the whole training part.
        epochs: passes over the training part.
        seed: seed of every random number: weights, split, batches and the others.
        dtype: float type of the parameters and of the training.
        threads: BLAS threads of a run; the last digits of a result depend on them.
        engine: what computes the steps of a training: numpy; numba, after `pip install 'bpexp[fast]'`, for compiled
            steps of gradient=backprop, which give NumPy's weights to rounding and are faster for small networks and
            small batches; auto for numba where it is installed and pays, and the run says which it took.
        progress: print progress and a table at the end; if false, a run or a sweep ends with one line.
        task: train; trace prints one sample's forward and backward pass; report lists the recorded studies, and with
            study=NAME writes the report of one; doctor says what is wrong with the store of runs, and mends it; sync
            delivers what the store has missed; figures draws those of the run, sweep or study in run=FOLDER or run=ID
            again; explore writes a page on which the passes of a network can be stepped through while it learns; status
            says how far the sweep in sweep=FOLDER is; stop ends it.
        sample: which training sample task=trace follows first, or task=explore opens with, counted from 0.
        run: the run whose network task=trace follows, that task=explore shows, or whose figures task=figures draws: its
            folder, or MLflow's id of it.
        run_name: name of the run; null for one made from the overrides.
        note: text for the description of the run in MLflow, and of its sweep; null for none.
        tags: words by which runs are found again in MLflow, such as tags.course=ml101.
        objective: metric that ranks a sweep, such as loss/test; null for accuracy or r2 on the validation part.
        model: widths of the hidden layers.
        activation: function of the hidden layers.
        output: function of the last layer.
        loss: cost of a sample, and how a batch is reduced.
        pairing: output and loss chosen together.
        init: how the initial weights are drawn.
        optimizer: how a gradient becomes a step.
        schedule: how the learning rate changes over the steps.
        gradient: algorithm that computes the gradient.
        data: data set, its split and its scaling.
        probe: what is measured at single steps.
        check: comparison of the gradient with differences of the cost.
        tracking: where a run is recorded.
        launcher: what executes the jobs of a sweep.
        sweep: what a sweep does when a job fails.
        search: what decides the jobs of a search, in place of a grid.
        penalty: L1 and L2 penalties on the weights.
        clip: bounds of the gradient.
        evaluation: how often the parts are evaluated.
        checkpoint: how often the state of a run is kept, from which it is resumed.
        doctor: what task=doctor may do.
        explore: what the page of task=explore holds.
        trace: what task=trace follows, and how it tells it.
        study: a declared study (title, question, factors, repeats, measures, claims).
        callbacks: named callbacks with their parameters.
        limits: bounds of what a config can multiply; set on the command line only.
    """

    lr: Positive = 0.1
    batch_size: BatchSize = 32
    epochs: Count = 10
    seed: Natural = 0
    dtype: Dtype = "float32"
    threads: Threads = 1
    engine: Engine = "numpy"
    progress: bool = True
    task: Task = "train"
    sample: Natural = 0
    run: str | None = None
    run_name: str | None = None
    note: str | None = None
    tags: dict[str, Any] = field(default_factory=dict)
    objective: str | None = None
    model: Architecture = field(default_factory=Architecture)
    activation: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    loss: dict[str, Any] = field(default_factory=dict)
    pairing: Pairing = field(default_factory=Pairing)
    init: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    schedule: dict[str, Any] = field(default_factory=dict)
    gradient: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    probe: dict[str, Any] = field(default_factory=dict)
    check: dict[str, Any] = field(default_factory=lambda: {"name": "off"})
    tracking: dict[str, Any] = field(default_factory=dict)
    launcher: dict[str, Any] = field(default_factory=lambda: {"name": "auto"})
    sweep: SweepSettings = field(default_factory=SweepSettings)
    search: dict[str, Any] = field(default_factory=dict)
    penalty: Penalty = field(default_factory=Penalty)
    clip: Clip = field(default_factory=Clip)
    evaluation: Evaluation = field(default_factory=Evaluation)
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
    doctor: Doctor = field(default_factory=Doctor)
    explore: Explore = field(default_factory=Explore)
    trace: TraceSettings = field(default_factory=TraceSettings)
    study: Any = None
    callbacks: dict[str, Any] = field(default_factory=lambda: {"early_stopping": {"patience": None}})
    limits: Limits = field(default_factory=Limits)


def scalars() -> dict[str, Parameter]:
    """The root keys that hold one value, in the order of the schema."""
    return {name: p for name, p in declared_parameters(Config).items() if is_scalar(p)}


def is_scalar(parameter: Parameter) -> bool:
    """Whether a key of the schema holds one value and no mapping."""
    hint = parameter.hint
    return parameter.name != "study" and not (is_dataclass(hint) or typing.get_origin(hint) is dict)


def construct(schema: type[Settings], content: Any, path: str = "") -> Settings:
    """A settings class from plain data; raises ConfigError for unknown keys, wrong types and values out of range.

    `path` is the dotted key of `content`, with a dot at its end, and is put before the keys in messages.
    """
    known = declared_parameters(schema)
    if not isinstance(content, Mapping):
        raise ConfigError(f"{path.rstrip('.')} must be a mapping, not {content!r}")
    for key in content:
        if key not in known:
            raise ConfigError(f"unknown key {path + str(key)!r}; {nearest(key, known)}choose from: {', '.join(known)}")
    values = {key: _value(known[key], value, path) for key, value in content.items()}
    return schema(**values)


def _value(parameter: Parameter, value: Any, path: str) -> Any:
    if isinstance(parameter.hint, type) and is_dataclass(parameter.hint):
        return construct(parameter.hint, value, f"{path}{parameter.name}.")
    parameter.validate(value, f"{path}{parameter.name}")
    takes_floats = typing.get_args(parameter.hint)[:1] == (float,) or parameter.hint is float
    return float(value) if takes_floats and isinstance(value, int) and not isinstance(value, bool) else value


def key_type(path: str) -> Any:
    """The declared type of a dotted key; None if the schema does not declare it."""
    schema: Any = Config
    for part in path.split("."):
        parameter = declared_parameters(schema).get(part) if is_dataclass(schema) else None
        schema = parameter.hint if parameter is not None else None
    return schema


def explain_unknown_key(path: str) -> str:
    """The message for a dotted key that is not in the schema: the nearest name and the choices."""
    if path.startswith("hydra."):
        return f"unknown key {path!r}; --cfg hydra shows what there is"
    schema: Any = Config
    head, _, rest = path.partition(".")
    where = ""
    while is_dataclass(schema):
        known = declared_parameters(schema)
        if head not in known:
            names = [*known, "experiment"] if schema is Config else list(known)
            near = [*names, *DOTTED] if schema is Config else names
            return f"unknown key {where + head!r}; {nearest(head, near)}choose from: {', '.join(names)}"
        schema, where = known[head].hint, f"{where}{head}."
        head, _, rest = rest.partition(".")
    return f"unknown key {path!r}; --cfg all shows what there is"
