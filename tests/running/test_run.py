"""One run, from the command line to its files and its record."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command_line import IN_MEMORY, command, own_files
from stores import ask

from bpexp.config.groups import config_folder
from bpexp.data.memory import holding
from bpexp.records.outcome import Outcome, read_outcome
from bpexp.running import execute as running
from bpexp.running.directories import claim
from bpexp.training.trainer import Trainer

TINY = ["epochs=1", "data.limit=200", "progress=false"]
QUIET = [*TINY, "tracking=none"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def only_run(place: Path | None = None) -> Outcome:
    """The outcome of the only run below the working directory."""
    (result,) = (place or Path.cwd()).glob("outputs/*/*/result.json")
    return read_outcome(result.parent)


def trained(args: list[str], monkeypatch: pytest.MonkeyPatch, code: int = 0) -> Outcome:
    """Run it in a folder of its own, and see what came of it."""
    folder = Path(f"run-{len(list(Path.cwd().iterdir()))}").absolute()
    folder.mkdir()
    with monkeypatch.context() as inside:
        inside.chdir(folder)
        assert command(args, inside) == code
    return only_run(folder)


def wait_for(condition: Callable[[], bool], seconds: float = 40) -> None:
    """Until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


# What a run leaves


@pytest.fixture(scope="module")
def recorded(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """One run with everything on."""
    folder = tmp_path_factory.mktemp("récorded 🧪")
    store = Path(shutil.copy(empty_store, folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        assert command(TINY, patch) == 0
    return SimpleNamespace(folder=folder, store=store, outcome=only_run(folder))


def test_the_files_of_a_run(recorded: SimpleNamespace) -> None:
    names = {path.name for path in Path(recorded.outcome.directory).iterdir()}
    files = {"config.yaml", "metrics.jsonl", "result.json", "network.npz", "network.json", "figures.png"}
    assert files <= names
    assert {"mlflow.db", "mlartifacts", "outputs"} <= {path.name for path in recorded.folder.iterdir()}


def test_the_outcome_of_a_run(recorded: SimpleNamespace) -> None:
    outcome = recorded.outcome
    assert (outcome.status, outcome.ok) == ("finished", True)
    assert outcome.overrides == TINY
    assert outcome.params["lr"] == 0.1
    assert outcome.params["activation"] == "relu"
    assert {"final/accuracy_test", "best/accuracy_test", "final/loss_train", "best/epoch"} <= set(outcome.metrics)
    assert len(outcome.theta_sha256) == 64


def test_the_run_in_mlflow(recorded: SimpleNamespace) -> None:
    ((run_id, status),) = ask(recorded.store, "select run_uuid, status from runs")
    assert (run_id, status) == (recorded.outcome.run_id, "FINISHED")
    params = dict(ask(recorded.store, "select key, value from params"))
    assert params["lr"] == "0.1"
    assert params["data.limit"] == "200"
    assert params["model"] == "mnist_relu"
    tags = dict(ask(recorded.store, "select key, value from tags"))
    assert tags["bpexp.status"] == "finished"
    assert tags["bpexp.theta_sha256"] == recorded.outcome.theta_sha256
    assert "python -m bpexp epochs=1" in tags["mlflow.note.content"]
    assert "diverged_at_step" not in tags


def test_the_metrics_in_mlflow(recorded: SimpleNamespace) -> None:
    rows = ask(recorded.store, "select key, value, step, typeof(step) from metrics")
    keys = {row[0] for row in rows}
    wanted = {"loss/batch", "loss/train", "accuracy/test", "grad_norm/W1", "delta_norm/layer_1", "saturation/layer_1"}
    assert wanted | {"dead/layer_1", "update_ratio/W1", "final/accuracy_test", "best/epoch"} <= keys
    assert {row[3] for row in rows} == {"integer"}
    batches = sorted(row[2] for row in rows if row[0] == "loss/batch")
    assert batches == list(range(-(-200 // 32)))


def test_the_artifacts_in_mlflow(recorded: SimpleNamespace) -> None:
    names = {path.name for path in (recorded.folder / "mlartifacts").rglob("*") if path.is_file()}
    assert {"config.yaml", "metrics.jsonl", "result.json", "figures.png", "MLmodel", "network.npz"} <= names


def test_a_saved_config_runs_again(recorded: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = str(Path(recorded.outcome.directory, ".hydra"))
    again = trained(["--config-path", saved, "--config-name", "config", "tracking.name=none"], monkeypatch)
    assert again.theta_sha256 == recorded.outcome.theta_sha256


def test_recording_and_probing_change_no_weight(recorded: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    for quieter in (["tracking=none"], ["tracking=none", "probe=off"], ["tracking=none", "probe.every=1"]):
        assert trained([*TINY, *quieter], monkeypatch).theta_sha256 == recorded.outcome.theta_sha256


def test_another_seed_is_another_network(recorded: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trained([*QUIET, "seed=1"], monkeypatch).theta_sha256 != recorded.outcome.theta_sha256


def test_no_figure_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = trained(QUIET, monkeypatch)
    assert not Path(outcome.directory, "figures.png").exists()


def test_progress_ends_with_a_table(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    trained(["epochs=1", "data.limit=200", "tracking=none"], monkeypatch)
    out, err = capfd.readouterr()
    assert "finished: all epochs are done" in out
    assert "test accuracy" in out
    assert "epoch 1/1" in err


# What can be declared


@pytest.mark.parametrize("model", sorted(path.stem for path in (config_folder() / "model").glob("*.yaml")))
def test_every_model_trains(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (config_folder() / "model" / f"{model}.yaml").read_text(encoding="utf-8")
    data = "polynomial" if "output: identity" in text else "digits"
    assert trained([*QUIET, f"model={model}", f"data={data}"], monkeypatch).status == "finished"


@pytest.mark.parametrize("data", sorted(path.stem for path in (config_folder() / "data").glob("*.yaml")))
def test_every_data_set_trains(data: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    more = own_files(data)
    if data == "mnist":
        more = [f"data.root={request.getfixturevalue('mnist_root')}"]
    if data == "polynomial":
        more = ["loss=mse", "output=identity"]
    args = ["epochs=1", "progress=false", "tracking=none", "data.limit=40", "batch_size=8"]
    with holding(IN_MEMORY):
        assert trained([*args, f"data={data}", *more], monkeypatch).status == "finished"


def test_each_layer_its_activation(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = "model.activations=[sigmoid,{name: leaky_relu, slope: 0.2}]"
    outcome = trained([*QUIET, layers], monkeypatch)
    spec = json.loads(Path(outcome.directory, "network.json").read_text(encoding="utf-8"))
    assert '"slope": 0.2' in json.dumps(spec)
    assert outcome.theta_sha256 != trained(QUIET, monkeypatch).theta_sha256


def test_full_batches_and_no_hidden_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert trained([*QUIET, "batch_size=full", "model.hidden=[]"], monkeypatch).status == "finished"


def test_a_run_says_at_once_what_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Before its record is begun, which takes a while."""
    words = ["data=xor", "data.n=60", "epochs=2", "tracking=none", "hydra.run.dir=here"]
    assert command([*words, "model.hidden=[3]"], monkeypatch) == 0
    first, second, *_ = capfd.readouterr().err.splitlines()
    name = read_outcome(tmp_path / "here").name
    assert first == f"{name}: a network 2-3-2, 42 training samples of xor, 2 epochs"
    assert "epoch 0/2" in second
    assert (
        command(
            ["data=xor", "data.n=60", "epochs=1", "tracking=none", "model.hidden=[3,4,4,4,4,4,4,4,4,4,4,5]"],
            monkeypatch,
        )
        == 0
    )
    assert "a network 2-3-4-...-4-5-2, 42 training samples of xor, 1 epoch\n" in capfd.readouterr().err


# Directories


def test_starts_of_one_second_get_directories_of_their_own(tmp_path: Path) -> None:
    wanted = tmp_path / "outputs/now"
    with ThreadPoolExecutor(8) as pool:
        directories = list(pool.map(lambda _: claim(wanted, "run", named=False), range(16)))
    assert len(set(directories)) == 16


def test_a_directory_asked_for_is_used_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    there = [*QUIET, "hydra.run.dir=mine"]
    assert command(there, monkeypatch) == 0
    assert read_outcome(tmp_path / "mine").status == "finished"
    assert command(there, monkeypatch) == 2
    assert "already holds a run" in capfd.readouterr().err


# What goes wrong


def test_a_diverged_run_is_a_result(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command([*TINY, "lr=1e6", "loss=mse", "output=identity", "tracking.figures=false"], monkeypatch) == 0
    outcome = only_run()
    assert outcome.status == "diverged"
    assert "layer" in outcome.reason
    assert ask(store, "select status from runs") == [("FAILED",)]
    tags = dict(ask(store, "select key, value from tags"))
    assert int(tags["diverged_at_step"]) >= 0
    assert tags["bpexp.status"] == "diverged"


def test_a_run_that_fails(store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def broken(trainer: Trainer, callbacks: object, resumed: object) -> None:
        raise RuntimeError("the dog ate the weights")

    monkeypatch.setattr(running, "train", broken)
    assert command([*TINY, "tracking.figures=false"], monkeypatch) == 1
    outcome = only_run()
    assert (outcome.status, outcome.reason) == ("failed", "RuntimeError: the dog ate the weights")
    assert "Traceback" in Path(outcome.directory, "traceback.txt").read_text(encoding="utf-8")
    assert ask(store, "select status from runs") == [("FAILED",)]
    assert "the dog ate the weights" in capfd.readouterr().out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["term", "int"])
def test_a_signal_ends_a_run_with_a_true_status(store: Path, number: int, code: int) -> None:
    args = ["data=spirals", "epochs=100000", "progress=false", "probe=off", "tracking.figures=false"]
    process = subprocess.Popen([sys.executable, "-m", "bpexp", *args], stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: any(path.stat().st_size > 5000 for path in Path.cwd().glob("outputs/*/*/metrics.jsonl")))
        process.send_signal(number)
        _, err = process.communicate(timeout=40)
    finally:
        process.kill()
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert only_run().status == "killed"
    assert ask(store, "select status from runs") == [("KILLED",)]


def test_a_server_that_is_down_costs_a_warning(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    started = time.monotonic()
    outcome = trained([*TINY, "tracking.uri=http://127.0.0.1:9", "tracking.figures=false"], monkeypatch)
    assert time.monotonic() - started < 20
    err = capfd.readouterr().err
    assert err.count("bpexp: warning: ") == 1
    assert "no MLflow server answers at 'http://127.0.0.1:9'" in err
    assert (outcome.status, outcome.run_id) == ("finished", None)


UNTRACKED = """
import sys
from bpexp.cli.main import main
try:
    main()
finally:
    assert "mlflow" not in sys.modules and "matplotlib" not in sys.modules, "loaded"
"""


def test_without_tracking_mlflow_is_never_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNTRACKED, *QUIET], capture_output=True, text=True, timeout=60, env=dict(os.environ)
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert only_run().status == "finished"


def test_a_figure_that_cannot_be_drawn_costs_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("no ink")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bpexp.figures.run_page.figure_page", broken)
    tracking = ["tracking=none", "tracking.figures=true"]
    assert command([*TINY, *tracking, "hydra.run.dir=here"], monkeypatch) == 0
    assert "warning: no figures of" in capfd.readouterr().err
    assert read_outcome(tmp_path / "here").status == "finished"
