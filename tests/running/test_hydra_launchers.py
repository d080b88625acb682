"""Launchers of Hydra: joblib works, within the bounds of processes; the others are answered with the line to type."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from command_line import refused
from hydra.core.config_store import ConfigStore

from bpexp.config.hydra_launchers import workers

SMALL = ["-m", "data=xor", "model.hidden=[3]", "data.n=60", "epochs=1", "progress=false", "tracking=none", "seed=0,1"]

INSTEAD = {
    "hydra/launcher=submitit_slurm": "type launcher=submitit in its place",
    "hydra/launcher=submitit_slurm hydra.launcher.partition=cpu hydra.launcher.timeout_min=10 +hydra.launcher.mem_gb=4":
    "type launcher=submitit launcher.timeout_min=10 'launcher.parameters={slurm_partition: cpu, mem_gb: 4}' in its",
    "hydra/launcher=submitit_local": "type launcher=submitit launcher.cluster=local in its place",
    "hydra/launcher=ray hydra.launcher.ray.init.address=auto": "type launcher=ray launcher.address=auto in its place",
    "hydra/launcher=joblib hydra.launcher.n_jobs=0": "hydra.launcher.n_jobs must not be 0",
    "hydra/launcher=joblib hydra.launcher.n_jobs=65": "is 65 processes, which are more than 64; ",
    "hydra/launcher=joblib hydra.launcher.n_jobs=-1": "is 200 processes, which are more than 64; ",
}  # fmt: skip


@pytest.mark.parametrize("words", INSTEAD)
def test_the_line_to_type(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if "joblib" in words:
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="hydra-joblib-launcher is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 200)
    assert INSTEAD[words] in refused([*SMALL, *words.split(" ")], monkeypatch, capfd)


@pytest.mark.parametrize("installed", [False, True])
def test_from_a_file_too(
    installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Installed or not: its pickles would hold the credentials of the store."""
    monkeypatch.chdir(tmp_path)
    if installed:
        node = {"_target_": "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher", "timeout_min": 60}
        launchers = ConfigStore.instance().repo["hydra"]["launcher"]
        ConfigStore.instance().store(group="hydra/launcher", name="submitit_slurm", node=node, package="hydra.launcher")
        monkeypatch.setitem(launchers, "submitit_slurm.yaml", launchers.pop("submitit_slurm.yaml"))
    Path("conf/experiment").mkdir(parents=True)
    Path("conf/experiment/mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /hydra/launcher: submitit_slurm\n"
    )
    told = refused([*SMALL, "--config-dir", "conf", "experiment=mine"], monkeypatch, capfd)
    assert "hydra/launcher=submitit_slurm is not supported; type launcher=submitit in its place" in told


def test_the_number_of_processes_is_that_of_joblib(monkeypatch: pytest.MonkeyPatch) -> None:
    parallel = pytest.importorskip("joblib")
    cores = parallel.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    for said in (1, 3, -1, -2, -200):
        assert workers(said) == parallel.effective_n_jobs(said)
