"""task=explore: the numbers in the page are those of the training, and what cannot be shown is refused in a line."""

from __future__ import annotations

import base64
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import command, refused
from explorer import content, numbers, rounded, whole_numbers
from payloads import PAYLOADS
from plans import built, planned

import bpexp
from bpexp.figures.explorer.decimals import packed
from bpexp.figures.explorer.page import MOST, page
from bpexp.figures.explorer.side import TERMS
from bpexp.gradients.backprop import backprop
from bpexp.nn.arrays import Array
from bpexp.records.checkpoint import checkpoints, read_checkpoint
from bpexp.records.escaping import html, script_json
from bpexp.records.network_file import load_network
from bpexp.records.outcome import read_outcome, write_outcome
from bpexp.records.snapshots import read_snapshots
from bpexp.running.build import Experiment, build
from bpexp.running.tasks.beside import beside
from bpexp.running.tasks.explored import chosen_places, side_name

TINY = ["data=xor", "data.n=60", "model.hidden=[4,3]", "epochs=3", "progress=false", "tracking=none"]


def explored(words: list[str], monkeypatch: pytest.MonkeyPatch, folder: str = "page") -> dict[str, Any]:
    """The content of the page of a command."""
    assert command(["task=explore", *words, f"hydra.run.dir={folder}"], monkeypatch) == 0
    page = Path(folder, "explore.html")
    assert page.stat().st_size <= MOST
    return content(page)


def theta_of(told: dict[str, Any], sizes: list[int]) -> Array:
    """The weights (P,) of a snapshot, as far as their digits go."""
    layers = zip(told["weights"], sizes[1:], sizes[:-1], strict=True)
    parts = [part for layer, n, m in layers for part in (numbers(layer["W"], n * m), numbers(layer["b"], n))]
    return np.concatenate(parts)


def truth(experiment: Experiment, theta: Array, place: int) -> dict[str, Array]:
    """The pass of one training sample by the gradient method of the package itself, in float64."""
    trainer, train = experiment.trainer, experiment.data.train
    x, y = (array.astype(np.float64) for array in train.batch(train.rows[place : place + 1]))
    network = trainer.network.at(theta.astype(np.float64))
    gradient = backprop()(network, trainer.head, x, y)
    work = gradient.workspace
    assert work is not None
    values = {"a^0": x, "y": y, "C": np.array([[gradient.cost]])}
    for l, (z, a, delta) in enumerate(zip(work.z, work.a, work.delta, strict=True), start=1):
        values |= {f"z^{l}": z, f"a^{l}": a, f"delta^{l}": delta}
    for l, (dW, _) in enumerate(network.parameters(gradient.vector), start=1):
        values[f"dC/dW^{l}"] = dW
    return values


def near(found: Array, exact: Array) -> None:
    """Four digits, the last of them rounded: of the same float64 pass, so that a tie may fall to either side."""
    np.testing.assert_allclose(found, exact, rtol=5.1e-4, atol=1e-14)
    assert np.mean(found == rounded(exact)) > 0.99


def test_numbers_survive_the_page() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=2000) * 10.0 ** rng.integers(-240, 240, 2000)
    values = np.append(values, [0.0, -0.0, np.inf, -np.inf, np.nan, 9.9995, 9999.5, 1e-300, -1.0, 0.00099999])
    expected = rounded(values)
    expected[np.abs(values) == 1e-300] = 0.0
    np.testing.assert_array_equal(numbers(packed(values))[:, 0], expected)


@pytest.mark.parametrize("functions", ["model=mnist_sigmoid", "pairing=softmax_mse"])
def test_every_number_of_every_pass_is_that_of_the_training(
    functions: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [functions, *TINY]
    told = explored([*words, "explore.snapshots=3", "explore.samples=2", "sample=1"], monkeypatch)
    trained = bpexp.run(*words, "hydra.run.dir=run")
    experiment = built(*words)
    start = experiment.trainer.network.theta.copy()
    first = told["sides"][0]
    for snapshot, theta in ((first["snapshots"][0], start), (first["snapshots"][-1], trained.network.theta)):
        near(theta_of(snapshot, told["sizes"]), theta)
        for at, place in enumerate(chosen_places(experiment.data.train, 1, 2)):
            found, exact = snapshot["passes"][at], truth(experiment, theta, place)
            assert set(found["values"]) <= set(exact) | {"dC/da^3", "f'(z^1)", "f'(z^2)", "f'(z^3)"}
            for symbol, packed_values in found["values"].items():
                if symbol in exact:
                    near(numbers(packed_values), exact[symbol])
            for l, slopes in enumerate(found["slopes"], start=1):
                chosen = exact[f"dC/dW^{l}"][:, whole_numbers(slopes["j"])]
                near(numbers(slopes["values"], *chosen.shape), chosen)
    measured = trained.metrics["final/loss_test"]
    assert float(first["snapshots"][-1]["metrics"]["loss/test"]) == pytest.approx(measured, rel=1e-3)


def test_both_sides_start_from_the_same_weights_and_see_the_same_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = explored(TINY, monkeypatch)
    relu, sigmoid = told["sides"]
    assert relu["name"] == "relu layers, softmax output, cross_entropy"
    assert sigmoid["name"] == "sigmoid layers, sigmoid output, mse"
    assert relu["snapshots"][0]["weights"] == sigmoid["snapshots"][0]["weights"]
    assert relu["snapshots"][-1]["weights"] != sigmoid["snapshots"][-1]["weights"]
    assert [one["step"] for one in relu["snapshots"]] == [one["step"] for one in sigmoid["snapshots"]]
    one = planned(*TINY).config
    other = beside(one, built(*TINY).data)
    assert other is not None
    batches = [build(config).trainer.batches.epoch() for config in (one, other)]
    for left, right in zip(*batches, strict=True):
        np.testing.assert_array_equal(left[0], right[0])


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["model=deep_sigmoid"], ["sigmoid layers, softmax output, cross_entropy", "relu layers, softmax output, "]),
        (["model=chain"], ["tanh layers, identity output, mse", "sigmoid layers, identity output, mse"]),
        (["model=linear"], ["identity output, mse"]),
        (["explore.beside=none", "data=xor"], ["relu layers, softmax output, cross_entropy"]),
        (
            ["data=xor", "data.one_hot=false", "pairing=sigmoid_cross_entropy"],
            [
                "relu layers, sigmoid output, binary_cross_entropy",
                "sigmoid layers, sigmoid output, binary_cross_entropy",
            ],
        ),
    ],
)
def test_what_stands_beside_a_run_is_its_contrast(words: list[str], names: list[str]) -> None:
    small = ["data=xor"] if words == ["model=deep_sigmoid"] else []
    config = planned(*words, *small, "task=explore").config
    experiment = build(config)
    other = beside(config, experiment.data)
    found = [side_name(experiment), *([side_name(build(other))] if other else [])]
    assert len(found) == len(names)
    for name, wanted in zip(found, names, strict=True):
        assert name.startswith(wanted)


def test_the_rate_beside_is_the_runs_unless_declared() -> None:
    data = built(*TINY).data
    same, other = (planned(*TINY, "task=explore", *more).config for more in ([], ["explore.beside_lr=3"]))
    assert [beside(config, data).lr for config in (same, other)] == [same.lr, 3.0]  # type: ignore[union-attr]


def test_a_wide_input_is_a_picture_with_its_largest_terms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """784 inputs: the weights are shades, and the numbers those of the terms that matter."""
    monkeypatch.chdir(tmp_path)
    words = ["data.limit=300", "epochs=1", "progress=false", "tracking=none", "model.hidden=[7]"]
    told = explored([*words, "explore.samples=1", "explore.beside=none"], monkeypatch)
    theta = bpexp.run(*words, "hydra.run.dir=run").network.theta
    experiment = built(*words)
    network = experiment.trainer.network.at(theta)
    W = network.layers[0].W
    last = told["sides"][0]["snapshots"][-1]
    x = experiment.data.train.batch(experiment.data.train.rows[:1])[0]
    assert told["image"] == [28, 28]
    assert "W" not in last["weights"][0]
    terms = last["passes"][0]["terms"]
    chosen = np.array(whole_numbers(terms["j"])).reshape(7, TERMS)
    expected = np.argsort(-np.abs(W.astype(float) * x.T.astype(float)), axis=1, kind="stable")[:, :TERMS]
    np.testing.assert_array_equal(chosen, expected)
    near(numbers(terms["W"], 7, TERMS), np.take_along_axis(W, expected, axis=1))
    shades = np.frombuffer(base64.b64decode(last["weights"][0]["picture"]), np.uint8).reshape(7, 784).astype(float)
    np.testing.assert_allclose((shades - 128) / 127 * np.abs(W).max(), W, atol=np.abs(W).max() / 250)


def test_a_recorded_run_shows_what_it_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = [*TINY, "hydra.run.dir=run", "checkpoint.every=0.0001"]
    assert command(words, monkeypatch) == 0
    assert command(["task=explore", "run=run"], monkeypatch) == 0
    told = content(Path("run", "explore.html"))
    (side,) = told["sides"]
    saved = load_network(Path("run"))
    steps = {0} | {saved.spec["weights"][name]["step"] for name in saved.weights}
    steps |= {read_checkpoint(path).step for path in checkpoints(Path("run"))}
    assert [one["step"] for one in side["snapshots"]] == sorted(steps)
    near(theta_of(side["snapshots"][-1], told["sizes"]), saved.weights["last"])
    assert any("finished" in note for note in side["notes"])
    assert command([*words[:-2], "hydra.run.dir=kept", "checkpoint.snapshots=3"], monkeypatch) == 0
    told = explored(["run=kept"], monkeypatch)
    kept = read_snapshots(Path("kept"), saved.weights["last"].size)
    assert [one["step"] for one in told["sides"][0]["snapshots"]] == [one.step for one in kept]
    for one, found in zip(kept, told["sides"][0]["snapshots"], strict=True):
        near(theta_of(found, told["sizes"]), one.theta)
    told = explored(["run=kept", "explore.snapshots=2"], monkeypatch)
    assert [one["step"] for one in told["sides"][0]["snapshots"]] == [kept[0].step, kept[-1].step]


def test_a_run_that_only_mlflow_has_is_shown_and_says_which_moments_are_gone(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its start, drawn again, and its saved weights; the weights of earlier epochs were in its folder alone."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}")
    words = [word for word in TINY if word != "tracking=none"]
    assert command([*words, "hydra.run.dir=run", "checkpoint.snapshots=3", "tracking.patience=60"], monkeypatch) == 0
    saved, run_id = load_network(Path("run")), read_outcome(Path("run")).run_id
    shutil.rmtree("run")
    capfd.readouterr()
    told = explored([f"run={run_id}"], monkeypatch)
    steps = [one["step"] for one in told["sides"][0]["snapshots"]]
    assert steps == sorted({0} | {saved.spec["weights"][name]["step"] for name in saved.weights})
    near(theta_of(told["sides"][0]["snapshots"][-1], told["sizes"]), saved.weights["last"])
    err = capfd.readouterr().err
    assert f"the slider has the steps {', '.join(map(str, steps))} alone" in err
    assert err.count("warning") == 1
    assert command(["task=explore", f"run={run_id}"], monkeypatch) == 0
    (elsewhere,) = Path("outputs").rglob("explore.html")
    assert content(elsewhere)["sides"] == told["sides"]
    assert not Path("run").exists()


def test_a_run_without_a_network_shows_its_checkpoint_and_one_without_weights_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command([*TINY, "hydra.run.dir=run", "checkpoint.every=0.0001"], monkeypatch) == 0
    outcome = read_outcome(Path("run"))
    write_outcome(replace(outcome, status="killed", reason="SIGKILL"), Path("run"))
    assert "It was killed: SIGKILL." in explored(["run=run"], monkeypatch)["sides"][0]["notes"]
    for name in ("network.npz", "network.json", "result.json"):
        Path("run", name).unlink()
    told = explored(["run=run"], monkeypatch)
    newest = read_checkpoint(checkpoints(Path("run"))[-1])
    near(theta_of(told["sides"][0]["snapshots"][-1], told["sizes"]), newest.state["theta"])
    notes = " ".join(told["sides"][0]["notes"])
    assert "It has no result that can be read" in notes
    assert "At the last snapshot: The gradient" in notes  # which is not the end of the run
    for path in checkpoints(Path("run")):
        path.unlink()
    capfd.readouterr()
    assert "left neither a network nor a checkpoint" in refused(["task=explore", "run=run"], monkeypatch, capfd)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_names_of_others_are_text(payload: str) -> None:
    """A title and the names of classes, in the two places where the page holds them."""
    text = page(html(payload), script_json({"classes": [payload], payload: payload}))
    assert text.count("<script") == 2
    assert text.count("</script") == 2
    assert "<img" not in text
    assert not any(letter in text for letter in ("\x1b", "\x9b", "\u202e", "\u2028", "\x00"))


def test_what_the_updates_had_beside_the_gradient_that_is_shown_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the note a reader computes another step than that from one snapshot to the next."""
    monkeypatch.chdir(tmp_path)
    words = ["penalty.l2=0.01", "clip.norm=1", "schedule=cosine", "optimizer.weight_decay=0.1", "explore.beside=none"]
    (side,) = explored([*TINY, *words], monkeypatch)["sides"]
    told = "Its updates had the penalty, clipping, weight decay, the schedule cosine, too;"
    assert any(told in note for note in side["notes"])
    (side,) = explored([*TINY, "explore.beside=none"], monkeypatch)["sides"]
    assert not any("Its updates" in note for note in side["notes"])


def test_diverged_trainings_and_lone_parts_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = explored([*TINY, "lr=1e30", "data.test=0", "data.validation=0"], monkeypatch)
    last = told["sides"][0]["snapshots"][-1]
    assert any("diverged" in note for note in told["sides"][0]["notes"])
    assert set(last["metrics"]) == {"loss/train", "accuracy/train"}
    told = explored(
        ["model=chain", "progress=false", "tracking=none", "gradient=complex_step", "epochs=2"], monkeypatch
    )
    assert any("gradient=complex_step" in note for note in told["sides"][0]["notes"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["task=explore", "explore.snapshots=99", "data.limit=300"], "explore.snapshots="),
        (["task=explore", "model.hidden=[3000,3000]", "data=xor"], "narrower model"),
        (["task=explore", "explore.beside=relu_cross_entropy"], "is the declared run itself"),
        (["task=explore", "explore.beside=none", "explore.beside_lr=1"], "no effect with explore.beside=none"),
        (["task=explore", "explore.beside=nothing"], "explore.beside"),
        (["task=explore", "run=nowhere"], "'nowhere' holds no run"),
        (["task=explore", "run="], "run= needs the folder of a run"),
        (["task=explore", "run=nowhere", "lr=1"], "lr=1 has no effect beside run=nowhere"),
        (["task=explore", "run=nowhere", "explore.beside=sigmoid_mse"], "no effect beside run=nowhere"),
        (["task=explore", "sample=99999", "data=xor"], "sample must be below"),
        (["run=nowhere"], "no effect without task="),
        (["explore.samples=2"], "no effect without task=explore"),
        (["-m", "task=explore", "lr=0.1,0.2"], "done once"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    more = [] if any(word.startswith("run=") for word in words) else ["tracking=none"]
    assert message in refused([*words, *more], monkeypatch, capfd)


def test_a_refused_number_of_snapshots_names_one_that_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["task=explore", "data.limit=300", "epochs=1", "progress=false", "tracking=none", "model.hidden=[9]"]
    line = refused([*words, "explore.snapshots=99"], monkeypatch, capfd)
    fits = line.partition("explore.snapshots=")[2].partition(",")[0]
    assert int(fits) > 12
    explored([*words[1:], f"explore.snapshots={fits}"], monkeypatch)
