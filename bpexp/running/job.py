"""What a launcher takes and yields: jobs, each with its typed config, and their endings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bpexp.config.groups import GROUPS
from bpexp.config.schema import Config
from bpexp.insight.probe_sets import ProbeSettings, left_out
from bpexp.records.outcome import Outcome, RunInfo


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One declared run, composed and validated: plain data, which can be sent to any process.

    `overrides` are those of this job, in Hydra's grammar. The job writes to `directory`, which is `subdirectory` below
    the directory of its sweep and is set when the sweep starts. `hydra` is Hydra's own node as plain data, for records.
    `data` is name and digest of its data set, as it was validated. `again` says that the directory may hold an earlier
    attempt, which is gone on with or set aside. `trial` says where the trial of a search reports for its pruner, as
    `bpexp.search.declared.TrialPlace`. `together` is the number of jobs, from this one on, that are trained together.
    """

    config: Config
    overrides: tuple[str, ...]
    directory: Path = Path()
    subdirectory: Path = Path()
    number: int = 0
    parent: str | None = None
    one_of_many: bool = False
    hydra: dict[str, Any] = field(default_factory=dict)
    data: str = ""
    again: bool = False
    trial: dict[str, Any] | None = None
    together: int = 1

    @property
    def params(self) -> dict[str, Any]:
        """What runs, as flat parameters; see `ran`."""
        return ran(self.config)

    def info(self) -> RunInfo:
        """The description of the run for its records."""
        params = self.params
        name = run_name(params, self.overrides)
        return RunInfo(name, self.directory, list(self.overrides), params, self.parent, self.one_of_many)

    def below(self, directory: Path, parent: str | None = None) -> Job:
        """The job with its directory below an existing `directory`, and the MLflow id of its parent run."""
        return replace(self, directory=directory / self.subdirectory, parent=parent)


@dataclass(frozen=True, slots=True, eq=False)
class Ending:
    """The end of a job: its outcome, or the reason why there is none."""

    job: Job
    outcome: Outcome | None
    reason: str = ""


def ran(config: Config) -> dict[str, Any]:
    """The config as flat parameters, as the objects of the run hold it.

    model.hidden lists the widths also where model.depth gives them, and probe.measures the probes that are measured.
    What nothing uses is left out: `activation` where model.activations gives one for each layer or where there are no
    hidden layers, and the parameters of `probe` where it is off.
    """
    flat = parameters(asdict(config)) | {"model.hidden": list(config.model.widths)}
    unused = ["doctor.", "explore."]
    unused += [] if config.model.activations is None and config.model.widths else ["activation."]
    probe: ProbeSettings = GROUPS["probe"].build(config.probe)
    if probe == ProbeSettings():
        unused += [f"probe.{key}." for key in config.probe if key != "name"]
    elif lost := unmeasured(config):
        flat["probe.measures"] = [name for name in probe.measures if name not in lost]
    return {key: value for key, value in flat.items() if not f"{key}.".startswith(tuple(unused))}


def unmeasured(config: Config) -> tuple[str, ...]:
    """The declared probes that are left out, because they have no meaning for the gradient method."""
    return left_out(GROUPS["gradient"].build(config.gradient), GROUPS["probe"].build(config.probe))


UNRECORDED = ("tracking.uri", "progress", "study", "launcher", "sweep", "search", "limits")
"""Keys of a config that are no parameter of its run."""


def parameters(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A config as flat parameters: `activation` for activation.name, `loss.factor`; nulls and `UNRECORDED` omitted."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        path = f"{prefix}.{key}".lstrip(".")
        if path in UNRECORDED or value is None:
            continue
        if isinstance(value, dict):
            flat |= parameters(value, path)
        else:
            flat[prefix if key == "name" and prefix else path] = value
    return flat


def run_name(params: dict[str, Any], overrides: tuple[str, ...]) -> str:
    """Experiment or model and the other overrides, such as `mnist_relu lr=0.1 seed=2`, unless run_name is declared.

    A long name is cut in its middle: the jobs of a sweep differ at its end.
    """
    if params.get("run_name"):
        return str(params["run_name"])
    words = [o.lstrip("+") for o in overrides]
    experiment = [o.partition("=")[2] for o in words if o.startswith("experiment=")]
    model = [] if experiment and not any(o.startswith("model=") for o in words) else [str(params.get("model", "run"))]
    unsaid = (
        "experiment=",
        "model=",
        "hydra.",
        "tracking",
        "progress",
        "launcher",
        "sweep.",
        "search",
        "limits.",
        "data.digest=",
    )
    name = " ".join([*experiment, *model, *(o for o in overrides if not o.lstrip("+").startswith(unsaid))])
    return name if len(name) <= 120 else f"{name[:60]}...{name[-57:]}"
