"""What a launcher takes and yields: jobs, each with its typed config, and their endings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bpexp.config.groups import GROUPS
from bpexp.config.schema import Config
from bpexp.insight.probe_sets import ProbeSettings, left_out
from bpexp.records.outcome import Outcome, RunInfo
from bpexp.tracking.labels import labels


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One declared run, composed and validated: plain data, which can be sent to any process.

    `overrides` are those of this job, in Hydra's grammar. The job writes to `directory`, which is `subdirectory` below
    the directory of its sweep and is set when the sweep starts. `hydra` is Hydra's own node as plain data, for records.
    `data` is name and digest of its data set, as it was validated. `again` says that the directory may hold an earlier
    attempt, which is gone on with or set aside. `trial` says where the trial of a search reports for its pruner, as
    `bpexp.search.declared.TrialPlace`. `together` is the number of jobs, from this one on, that are trained together.
    `varied` are the keys in which the jobs of its sweep differ.
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
    varied: tuple[str, ...] = ()

    @property
    def params(self) -> dict[str, Any]:
        """What runs, as flat parameters; see `ran`."""
        return ran(self.config)

    def info(self) -> RunInfo:
        """The description of the run for its records."""
        params = self.params
        name = run_name(params, self.overrides, self.varied, one_of_many=self.one_of_many)
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


def labels_of(jobs: Sequence[Job]) -> dict[str, str]:
    """The declared tags and note that all jobs have in common, for the run of their sweep."""
    found = [labels(job.config.tags, job.config.note).items() for job in jobs]
    return {key: text for key, text in found[0] if all((key, text) in items for items in found)}


def ran(config: Config) -> dict[str, Any]:
    """The config as flat parameters, as the objects of the run hold it.

    model.hidden lists the widths also where model.depth gives them, and probe.measures the probes that are measured.
    What nothing uses is left out: `activation` where model.activations gives one for each layer or where there are no
    hidden layers, and the parameters of `probe` where it is off.
    """
    flat = parameters(asdict(config)) | {"model.hidden": list(config.model.widths)}
    unused = ["doctor.", "explore.", *(() if config.task == "trace" else ("trace.",))]
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


UNRECORDED = ("tracking.uri", "progress", "study", "launcher", "sweep", "search", "limits", "tags", "note")
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


UNSAID = (
    *("experiment=", "run_name=", "hydra.", "hydra/", "tracking", "progress", "launcher", "sweep.", "search"),
    *("limits.", "tags.", "note=", "study.", "data.digest="),
)
"""How overrides begin that do not stand in the name of a run, or not there."""

LONGEST = 120
"""Characters of the name of a run."""


def run_name(
    params: Mapping[str, Any], overrides: Sequence[str], varied: Sequence[str] = (), *, one_of_many: bool = False
) -> str:
    """What differs from other runs, such as `lr=0.1 seed=2`, then the other overrides, and last what it belongs to.

    Last comes the declared run_name, which is the whole name of a run alone; else the study; else the model, unless an
    override names it. A table shows the first words of a name.

    Args:
        params: of the run.
        overrides: of the run.
        varied: keys in which it differs from the other runs of its sweep.
        one_of_many: whether it is a job of a sweep.
    """
    declared = str(params.get("run_name") or "")
    if declared and not one_of_many:
        return declared
    words = [override.lstrip("+") for override in overrides]
    studies = [word.partition("=")[2] for word in words if word.startswith("experiment=")]
    said = {word: word.partition("=")[0] for word in words if not word.startswith(UNSAID)}
    first = [_shown(word) for word, key in said.items() if key in varied]
    others = [_shown(word) for word, key in said.items() if key not in varied]
    model = [] if "model" in said.values() else [str(params.get("model", "run"))]
    return _within(first, others, [declared] if declared else studies or model)


def _shown(word: str) -> str:
    """An override as a name shows it; an option of `model` is a name of its own."""
    return word.removeprefix("model=")


def _within(first: Sequence[str], others: Sequence[str], last: Sequence[str]) -> str:
    """A name of at most LONGEST characters: what differs is the last of it to be cut, and then in its middle."""
    differs, end = " ".join(first), " ".join(last)
    name = " ".join([*first, *others, *last])
    if len(name) <= LONGEST:
        return name
    room = LONGEST - len(f"... {end}")
    if len(differs) <= room:
        return f"{name[:room]}... {end}"
    return differs if len(differs) <= LONGEST else f"{differs[:60]}...{differs[-57:]}"
