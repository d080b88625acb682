"""What the probes record from the command line: the whole batch, and no ledger of a recursion that was not used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import command, refused
from stores import ask

from bpexp.records.outcome import read_outcome

TINY = [
    "data.limit=60",
    "epochs=1",
    "progress=false",
    "model.hidden=[4,4]",
    "tracking.figures=false",
    "tracking.model=false",
]
NOTE = "the probes ledger, mean_field are left out: gradient=feedback_alignment does not propagate by W^T"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def lines(folder: str) -> list[dict[str, object]]:
    """The lines of a journal."""
    return [json.loads(line) for line in Path(folder, "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def metrics(folder: str) -> dict[str, dict[int, float]]:
    """Values by step of every metric of a journal."""
    found: dict[str, dict[int, float]] = {}
    for line in lines(folder):
        for name, value in dict(line.get("metrics", {})).items():  # type: ignore[call-overload]
            found.setdefault(name, {})[int(str(line["step"]))] = float(value)
    return found


def test_a_full_batch_of_513_is_seen_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, dead/layer_1 was 0.5, that of the last sample, where none of the fixed samples has a dead unit."""
    words = ["data.limit=513", "batch_size=full", "probe=full", "probe.every=1", "epochs=1", "seed=1", "progress=false"]
    assert command([*words, "tracking=none", "tracking.figures=false", "hydra.run.dir=run"], monkeypatch) == 0
    found = metrics("run")
    assert found["dead/layer_1"] == {0: 0.0}
    assert found["fixed/dead/layer_1"][0] == 0.0
    for name in ("delta_norm/layer_1", "activation/mean_layer_1", "ledger/top"):
        assert found[name][0] == pytest.approx(found[f"fixed/{name}"][0], rel=0.2), (
            "a batch and a sample of the same data"
        )


def test_a_ledger_that_would_be_false_is_left_out_said_and_recorded(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [*TINY, "probe=full", "gradient=feedback_alignment", "hydra.run.dir=run"]
    assert command([word for word in words if word != "progress=false"], monkeypatch) == 0
    said = capfd.readouterr().err
    assert [line for line in said.splitlines() if "ledger" in line] == [f"probe: {NOTE}"]
    measured = read_outcome(Path("run")).params["probe.measures"]
    assert "delta_norm" in measured
    assert not {"ledger", "mean_field"} & set(measured)
    assert not [name for name in metrics("run") if "ledger" in name]
    (told,) = [line for line in lines("run") if line.get("event") == "left out"]
    assert told["probes"] == ["ledger", "mean_field"]
    assert dict(ask(store, "select key, value from tags"))["bpexp.probes_left_out"] == "ledger, mean_field"
    assert read_outcome(Path("run")).status == "finished"
    assert "gradient_noise/scale" in metrics("run")
    assert "final/gradient_noise_scale" in read_outcome(Path("run")).metrics


def test_a_sweep_says_it_once_and_a_quiet_run_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [*TINY, "probe=full", "tracking=none", "gradient=feedback_alignment"]
    loud = [word for word in words if word != "progress=false"]
    assert command(["-m", *loud, "lr=0.1,0.2", "hydra.sweep.dir=sweep"], monkeypatch) == 0
    assert capfd.readouterr().err.count(NOTE) == 1
    assert command([*words, "hydra.run.dir=quiet"], monkeypatch) == 0
    assert NOTE not in capfd.readouterr().err


def test_nothing_is_said_where_nothing_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command([*TINY, "probe=full", "tracking=none", "hydra.run.dir=run"], monkeypatch) == 0
    assert "left out" not in capfd.readouterr().err
    assert "ledger/top" in metrics("run")


def test_a_ledger_asked_for_by_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [*TINY, "tracking=none", "gradient=direct_feedback_alignment", "probe.measures=[dead,ledger]"]
    said = refused(words, monkeypatch, capfd)
    assert said.startswith("probe.measures names 'ledger', which describes the recursion with W^T, but gradient=direct")


def test_the_help_states_the_population_of_every_probe(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from bpexp.insight.probes import probes

    assert command(["--help", "probe=full"], monkeypatch) == 0
    said = " ".join(capfd.readouterr().out.split())
    for name, found in probes.items():
        assert f"{name}: " in said
        assert f"Population: {found.population}." in said
