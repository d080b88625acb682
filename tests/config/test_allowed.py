"""What a config file may say of Hydra's own node, of places outside the working directory, and of the bounds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from command_line import command, refused

QUIET = ["data=xor", "data.n=60", "model.hidden=[3]", "epochs=1", "tracking=none", "progress=false"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "mine/experiment").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def mine(text: str, name: str = "experiment/mine") -> list[str]:
    """The flags of a command that reads a file of the user's."""
    file = Path(f"../mine/{name}.yaml")
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return ["--config-dir", "../mine", "experiment=mine"]


FILES = {
    "hydra: {searchpath: ['pkg://evil']}": "hydra.searchpath=['pkg://evil'] is refused",
    "hydra: {callbacks: {x: 1}}": "hydra.callbacks.x=1 is refused: a config cannot change it; of Hydra's keys",
    "hydra: {job: {env_set: {A: b}}}": "hydra.job.env_set.A='b' is refused",
    "hydra: {job: {env_copy: [HOME]}}": "hydra.job.env_copy=['HOME'] is refused",
    "hydra: {help: {template: x}}": "hydra.help.template='x' is refused",
    "hydra: {verbose: true}": "hydra.verbose=True is refused",
    "hydra: {job_logging: {handlers: {f: {filename: x}}}}": "hydra.job_logging.handlers.f.filename='x' is refused",
    "hydra: {runtime: {choices: {experiment: x}}}": "hydra.runtime.choices.experiment='x' is refused",
    "hydra: ${study}\nstudy: {callbacks: {}}": "hydra='${study}' is refused: it must be a mapping",
    "hydra: {launcher: '${study}'}": "hydra.launcher='${study}' is refused",
    "hydra: {launcher: {n_jobs: 2}}": "unknown key 'hydra.launcher.n_jobs'",
    "hydra: {launcher: {_target_: os.system}}": "hydra.launcher._target_='os.system' is refused",
    "defaults: [override /hydra/sweeper: nope]": "unknown hydra/sweeper 'nope'",
    "hydra: {output_subdir: ../x}": "hydra.output_subdir='../x' must name a folder below that of the run",
    "hydra: {run: {dir: ../x}}": "hydra.run.dir='../x' leads out of the working directory",
    "hydra: {run: {dir: ''}}": "hydra.run.dir='' names no folder",
    "study: {factors: {hydra.searchpath: [x]}}": "'hydra.searchpath' cannot be swept by a config",
    "hydra: {mode: MULTIRUN, sweeper: {params: {hydra.callbacks: x}}}": "'hydra.callbacks' cannot be swept by a config",
    "run_name: ${oc.env:HOME}": "run_name: ${oc.env:HOME} is refused: a config cannot use 'oc.env'; write the value",
    "run_name: ${${study}:HOME}": "holds an interpolation that does not end, or one inside another",
    "run_name: ${objective}\nobjective: ${run_name}": "run_name refers to itself, by ${objective}",
    "defaults: [override /data: csv]\ndata: {path: /etc/passwd}": "if it shall, type data.path='/etc/passwd'",
    "defaults: [override /data: csv]\ndata: {path: ~/x}": "data.path='~/x' leads out of the working directory",
    "defaults: [override /data: mnist]\ndata: {root: ../x}": "type data.root='../x', or set BPEXP_DATA",
    "tracking: {uri: 'https://evil'}": "type tracking.uri='https://evil', or set MLFLOW_TRACKING_URI",
    "tracking: {uri: 'sqlite:////tmp/x.db'}": "tracking.uri='sqlite:////tmp/x.db' leads out",
    "limits: {jobs: 10}": "a config file cannot set limits.jobs=10; if it shall be so, type limits.jobs=10",
    "defaults: [mine]": "the configs include or refer to each other without end",
    "defaults: [../../x]": "leads out of the folder",
    "run_name: !!python/name:os.system": "the tag '!!python/name:os.system' is refused",
    f"study: {'[' * 60}{']' * 60}": "more than 40 lists and mappings inside each other",
    f"study: {'[' * 2000}{']' * 2000}": "nesting depth",
    "study: &a [*a]": "*a is inside of what it repeats",
    'run_name: "a\\0b"': "holds a NUL",
    'run_name: "\\ud800"': "is not YAML",
    'run_name: "  "': "run_name='  ' is blank",
    "run_name: " + "a" * 251: "run_name holds 251 characters; a name has at most 250",
}


@pytest.mark.parametrize("text", FILES, ids=[text[:60] for text in FILES])
def test_refused_in_a_file(text: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    flags = mine(f"# @package _global_\n{text}\n")
    said = [] if "tracking:" in text else ["tracking=none"]
    assert FILES[text] in refused([*flags, *said, "model.hidden=[3]"], monkeypatch, capfd)
    for question in (["--cfg", "job"], ["--info", "config"], ["--hydra-help"]):
        if "the configs include" in FILES[text] or "is refused" in FILES[text]:
            assert FILES[text] in refused([*flags, *question], monkeypatch, capfd)


def test_options_of_hydras_own_groups_are_not_read(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("../mine/hydra/launcher").mkdir(parents=True)
    Path("../mine/hydra/launcher/basic.yaml").write_text("_target_: os.system\n", encoding="utf-8")
    line = refused(["--config-dir", "../mine", *QUIET], monkeypatch, capfd)
    assert "a folder of configs cannot hold options of Hydra's own groups" in line


def test_only_regular_files_inside_the_folder_are_read(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    flags = ["--config-dir", "../mine", *QUIET]
    os.mkfifo("../mine/experiment/pipe.yaml")
    assert "pipe.yaml': is a named pipe; expected a regular file" in refused(
        [*flags, "experiment=pipe"], monkeypatch, capfd
    )
    Path("../mine/experiment/device.yaml").symlink_to("/dev/zero")
    assert "leads out of the folder" in refused([*flags, "experiment=device"], monkeypatch, capfd)
    Path("../mine/experiment/inside.yaml").symlink_to("other.yaml")
    Path("../mine/experiment/other.yaml").write_text("# @package _global_\nlr: 0.3\n", encoding="utf-8")
    assert command([*flags, "experiment=inside"], monkeypatch) == 0


def test_what_a_file_may_say(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    flags = mine(
        "# @package _global_\nlr: 0.2\nrun_name: rate ${lr}\nhydra: {run: {dir: 'a/${seed}'}, job: {name: mine}}\n"
        "tracking: {uri: 'sqlite:///below/mine.db'}\n"
    )
    assert command([*flags, *QUIET, "seed=3"], monkeypatch) == 0
    assert "run_name: rate 0.2" in Path("a/3/config.yaml").read_text(encoding="utf-8")


def test_the_command_line_names_any_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flags = mine("# @package _global_\ndefaults: [override /data: csv]\ndata: {path: ../a.csv}\n")
    Path("../a.csv").write_text("a,b\n" + "\n".join(f"{i},{i % 2}" for i in range(60)), encoding="utf-8")
    said = ["model.hidden=[]", "epochs=1", "tracking=none", "progress=false"]
    assert command([*flags, *said, "data.path=../a.csv", "hydra.run.dir=../b"], monkeypatch) == 0
    assert command([*flags, *said, f"data.path={tmp_path}/a.csv", "hydra.run.dir='../c-${seed}'"], monkeypatch) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"here", "mine", "a.csv", "b", "c-0"}
    sweep = ["-m", *flags, *said, "data.path=../a.csv,../here/../a.csv", "hydra.sweep.dir=../d", "limits.jobs=2"]
    assert command(sweep, monkeypatch) == 0


SAID = {
    "run_name=${oc.env:HOME}": "a config cannot use 'oc.env'",
    "hydra.searchpath=[pkg://evil]": "hydra.searchpath has no effect here",
    "+hydra.searchpath=[pkg://evil]": "hydra.searchpath has no effect here",
    "hydra={searchpath:[x]}": "hydra has no effect here",
    "+data@hydra.callbacks=csv": "data@hydra.callbacks has no effect here",
    "~hydra.run.dir": "~hydra.run.dir deletes a required key",
    "-m seed=range(1000000000)": "has 1e+09 levels, more than 5000 jobs; on the command line, limits.jobs=1000000000",
    "-m seed=range(100) lr=range(1,100)": "100 of seed x 99 of lr are 9900 jobs, more than 5000",
    "-m seed=range(0,1,0.0)": "has no end",
    "-m seed=range(5) limits.jobs=4": "has 5 levels, more than 4 jobs",
    "limits.jobs=many": "limits.jobs must be a whole number of at least 1, not 'many'",
    "limits.nope=1": "unknown key 'limits.nope'",
    "limits={jobs:7}": "a config file cannot set limits.jobs=7; if it shall be so, type limits.jobs=7",
    "study=" + "[" * 500 + "]" * 500: "holds more than 40 brackets inside each other",
    "run_name=" + "a" * 20_000: "holds 20009 characters, more than 10000; on the command line, limits.text=20009",
    "--config-name  lr=0.1": "--config-name '' is no name of a config",
}


@pytest.mark.parametrize("line", SAID, ids=[line[:60] for line in SAID])
def test_refused_on_the_command_line(
    line: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert SAID[line] in refused(line.split(" "), monkeypatch, capfd)
