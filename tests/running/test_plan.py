"""Planning: composed once, validated once, built once; what would be ignored in silence is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import hydra
import pytest
from command_line import command, refused
from plans import planned

from bpexp.config import composition
from bpexp.config.composition import CommandLine, composer
from bpexp.config.schema import Config
from bpexp.errors import ConfigError
from bpexp.records.outcome import read_outcome
from bpexp.running import checking, perform
from bpexp.running import outline as outlining

SMALL = ["data=xor", "model.hidden=[3]", "data.n=60", "epochs=1", "progress=false", "tracking=none"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def counting(monkeypatch: pytest.MonkeyPatch, place: object, name: str) -> list[object]:
    """A list that grows with each call of a function."""
    calls: list[object] = []
    function: Callable[..., Any] = getattr(place, name)

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return function(*args, **kwargs)

    monkeypatch.setattr(place, name, counted)
    return calls


def test_a_run_is_composed_and_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compositions, builds = counting(monkeypatch, composition, "compose"), counting(monkeypatch, perform, "build")
    assert command(SMALL, monkeypatch) == 0
    assert (len(compositions), len(builds)) == (1, 1)


@pytest.mark.parametrize(
    ("swept", "most"), [("lr=0.1,0.2,0.3", 1), ("activation=relu,tanh,sigmoid", 3), ("optimizer=sgd,adam,rmsprop", 3)]
)
def test_a_sweep_of_three_is_composed_at_most_three_times_and_built_three_times(
    swept: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    compositions, builds = counting(monkeypatch, composition, "compose"), counting(monkeypatch, perform, "build")
    validated = counting(monkeypatch, checking, "validate")
    assert command(["-m", *SMALL, swept], monkeypatch) == 0
    assert (len(compositions), len(builds), len(validated)) == (most, 3, 3)


GRIDS = [
    ["lr=0.1,0.3", "seed=range(2)", "epochs=3"],
    ["model=mnist_relu,mnist_sigmoid", "lr=0.1,0.3", "loss=mae"],
    ["optimizer=sgd,momentum", "optimizer.weight_decay=0.1,0.2"],
    ["model.hidden=[3],[4,5]", "activation=relu,tanh"],
    ["init={name:normal,std:0.1},he_normal", "lr=0.1,0.3"],
    ["callbacks.early_stopping.patience=2,3", "run_name='a b','c,d'"],
    ["data.validation=0.1,0.2", "+data.limit=50,60"],
]


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: " ".join(grid))
def test_a_copied_composition_equals_one_from_the_files(grid: list[str]) -> None:
    jobs = planned("data=digits", "tracking=none", *grid, multirun=True).jobs
    assert len(jobs) == 4 or grid[0].startswith("lr")
    for job in jobs:
        with composer(CommandLine()) as composing:
            fresh = composing.compose(composing.parse(job.overrides), job.number)
        assert replace(fresh.config, data={**fresh.config.data, "test": 0.2}) == job.config
        assert composing.compositions == 1


def test_jobs_know_their_directories() -> None:
    jobs = planned(*SMALL, "lr=0.1,0.2", "hydra.sweep.subdir='${hydra.job.num}-x'", multirun=True).jobs
    assert [str(job.subdirectory) for job in jobs] == ["0-x", "1-x"]
    jobs = planned(*SMALL, "lr=0.1,0.2", "hydra.sweep.subdir='${hydra.job.override_dirname}'", multirun=True).jobs
    assert "lr=0.1" in str(jobs[0].subdirectory)
    assert "lr=0.2" in str(jobs[1].subdirectory)


def test_a_sweep_with_named_subdirectories_is_ranked(monkeypatch: pytest.MonkeyPatch) -> None:
    there = ["hydra.sweep.dir=here", "hydra.sweep.subdir='job-${hydra.job.num}'"]
    assert command(["-m", *SMALL, "lr=0.1,0.2", *there], monkeypatch) == 0
    assert {"job-0", "job-1", "multirun.yaml", "ranking.csv"} <= {path.name for path in Path("here").iterdir()}
    assert "lost" not in Path("here/ranking.csv").read_text(encoding="utf-8")


def test_the_files_that_users_of_hydra_know(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command([*SMALL, "lr=0.2", "hydra.run.dir=here"], monkeypatch) == 0
    assert {path.name for path in Path("here/.hydra").iterdir()} == {"config.yaml", "hydra.yaml", "overrides.yaml"}
    assert "- lr=0.2" in Path("here/.hydra/overrides.yaml").read_text(encoding="utf-8")
    assert command([*SMALL, "hydra.run.dir=bare", "hydra.output_subdir=null"], monkeypatch) == 0
    assert not Path("bare/.hydra").exists()


REFUSED = {
    "hydra.job.chdir=true": "hydra.job.chdir has no effect here",
    "+hydra.job.env_set.X=1": "hydra.job.env_set.X has no effect here",
    "hydra.verbose=true": "hydra.verbose has no effect here; of Hydra's keys these have: hydra.run.dir",
    "-m lr=0.1,0.2 hydra.sweep.dir=a,b": "hydra.sweep.dir cannot be swept",
    "-m task=train,trace": "task is the same for all jobs of a sweep",
    "-m task=report,train": "task is the same for all jobs of a sweep",
    "-m task=report": "task=report is done once; leave -m out",
    "-m experiment=nielsen,errata": "experiment is the same for all jobs of a sweep",
    "-m lr=interval(0,1)": "an interval has no levels",
    "-m seed=range(0)": "seed=range(0) has no levels",
    "model=deep_relu model.hidden=[64,16]": "model.hidden=[64, 16] and model.depth=8 contradict each other",
    "model.depth=3": "model.hidden=[32, 32] and model.depth=3 contradict each other",
    "gradient=feedback_alignment check=start": "feedback_alignment",
    "study.factors.lr=[0.1,0.2]": "lr=0.1,0.2",
    "experiment=symmetry study.factors.init=[zeros] init=zeros": "init is given 2 times",
    "experiment=symmetry study.factors.init=zeros": "name the levels that shall run, as in init=LEVEL,LEVEL",
    "experiment=symmetry ~study.factors.init": "name the levels that shall run, as in init=LEVEL,LEVEL",
    "-m lr=0.1,0.2 hydra.sweep.subdir=x": "the jobs 0 and 1 would share the folder 'x'; let hydra.sweep.subdir hold",
    "-m lr=0.1,0.2 hydra.sweep.subdir=../x": "hydra.sweep.subdir must lie below hydra.sweep.dir, not at '../x'",
    "-m seed=0 hydra.sweep.subdir=/x": "hydra.sweep.subdir must lie below hydra.sweep.dir, not at '/x'",
    "-m seed=0 hydra.sweep.subdir=.": "hydra.sweep.subdir must lie below hydra.sweep.dir, not at '.'",
    "-m hydra.sweeper.params={lr:0.1}": "no sweeper of Hydra is supported; type search=tpe in its place",
    "-m +hydra.sweeper.params.lr=0.1": "no sweeper of Hydra is supported; type search=tpe in its place",
    "-m hydra.sweeper.max_batch_size=1 lr=0.1": "no sweeper of Hydra is supported; type search=tpe in its place",
    "hydra.searchpath=[x]": "hydra.searchpath has no effect here",
    "--help model=nope": "unknown model 'nope'; choose from: chain,",
    "--help zzz": "--help knows no 'zzz'; choose from: activation,",
    "--experimental-rerun nowhere": "--experimental-rerun needs a pickle",
    "--helpp": "unrecognized arguments: --helpp",
    "--cfg job lrr=1": "unknown key 'lrr'",
    "--cfg job model=nope": "unknown model 'nope'",
    "--cfg job --config-name nope": "there is no config 'nope'",
    "--cfg job --config-dir nope": "is not a folder",
    "--config-path nope": "nope' is not a folder",
    "-m seed=0,1 --cfg job": "--cfg, --info, --hydra-help and --shell-completion run nothing; leave out --multirun",
    "--shell-completion": "--shell-completion needs one of install=, uninstall= or query=, with bash,",
}
"""Contradictions, mixed tasks, checks that cannot hold, and what Hydra's own executor would have heeded."""


@pytest.mark.parametrize(("line", "told"), REFUSED.items(), ids=list(REFUSED))
def test_refused(line: str, told: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert told in refused(line.split(" "), monkeypatch, capfd)


def test_a_sweep_over_what_is_refused_names_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"greater than 0, not -1.* \(in the job .*lr=-1"):
        planned(*SMALL, "lr=0.1,-1", multirun=True)


def test_the_data_of_a_sweep_are_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = counting(monkeypatch, checking, "load_data")
    planned("data=digits", "tracking=none", "lr=0.1,0.2,0.3", "seed=range(3)", multirun=True)
    assert len(loads) == 1


def test_outlining_draws_nothing() -> None:
    config: Config = planned("data=digits", "tracking=none").config
    assert not outlining.outline(config).network.theta.any()


@pytest.mark.usefixtures("joblib_ends")
def test_hydras_own_launchers_get_the_planned_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs run in processes of joblib's, with the weights that they have here."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="hydra-joblib-launcher is not installed")
    compositions = counting(monkeypatch, composition, "compose")
    here = ["-m", *SMALL, "lr=0.1,0.2", "hydra.sweep.dir=here"]
    there = ["-m", *SMALL, "lr=0.1,0.2", "hydra.sweep.dir=there", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    assert command(here, monkeypatch) == 0
    assert command(there, monkeypatch) == 0
    assert len(compositions) == 2
    for number in ("0", "1"):
        one, two = (read_outcome(Path(folder, number)) for folder in ("here", "there"))
        assert one.theta_sha256 == two.theta_sha256
        assert (one.params, one.overrides, one.name) == (two.params, two.overrides, two.name)


def test_hydra_is_the_version_that_the_seam_was_written_for() -> None:
    """A clear sign when Hydra changes: the launcher seam and the composition lean on these names."""
    from hydra.core.config_loader import ConfigLoader
    from hydra.core.plugins import Plugins
    from hydra.types import HydraContext

    assert hydra.__version__.startswith("1.3.")
    assert "load_sweep_config" in ConfigLoader.__abstractmethods__
    assert hasattr(Plugins, "instantiate_launcher")
    assert set(HydraContext.__dataclass_fields__) == {"config_loader", "callbacks"}
