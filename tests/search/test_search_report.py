"""What a search found: the best, the front, importance, the comparison with the preset, and the report."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import numpy as np
import optuna
import pytest
from command_line import command
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

import bpexp
from bpexp.search.confirmation import Confirmation, compared
from bpexp.search.declared import Search
from bpexp.search.found import Found, found_by
from bpexp.search.pruners import Pruning
from bpexp.search.report import page
from bpexp.search.samplers import Sampling
from bpexp.search.space import Dimension
from bpexp.search.summary import best_line

HOSTILE = "<script>alert(1)</script>"
SPACE = (
    Dimension("lr", "float", 0.001, 1.0, log=True),
    Dimension("optimizer", "choice", choices=("sgd", HOSTILE)),
)


def declared(*objectives: str) -> Search:
    sampling, pruning = Sampling("RandomSampler"), Pruning("NopPruner")
    return Search("random", sampling, "none", pruning, 20, 0, 0, objectives, SPACE, 5)


def told(search: Search, rows: list[tuple[float, str, list[float] | None]]) -> Found:
    """What a search with these trials found: lr, optimizer and values, None for one that failed."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=search.directions)
    kinds = {"lr": FloatDistribution(0.001, 1.0, log=True), "optimizer": CategoricalDistribution(SPACE[1].choices)}
    for lr, optimizer, values in rows:
        state = TrialState.FAIL if values is None else TrialState.COMPLETE
        params = {"lr": lr, "optimizer": optimizer}
        study.add_trial(create_trial(state=state, params=params, distributions=kinds, values=values))
    return found_by(search, study)


def test_the_key_that_decides_is_found_and_the_one_that_does_not_is_not() -> None:
    rng = np.random.default_rng(0)
    rates, choices = 10 ** rng.uniform(-3, 0, 60), rng.choice(SPACE[1].choices, 60)
    rows = [(float(lr), str(o), [float(np.log10(lr))]) for lr, o in zip(rates, choices, strict=True)]
    found = told(declared("accuracy/validation"), rows)
    shares = found.importance["accuracy/validation"]
    assert shares["lr"] > 0.9
    assert shares["optimizer"] < 0.05
    assert found.best is not None
    assert found.best.number == int(np.argmax(rates))
    best = [value for _, value in found.best_so_far()]
    assert best == list(np.maximum.accumulate([row[2][0] for row in rows if row[2]]))


def test_of_equal_trials_the_first_is_the_best_and_of_none_there_is_none() -> None:
    found = told(declared("loss/validation"), [(0.1, "sgd", None), (0.2, "sgd", [1.0]), (0.3, "sgd", [1.0])])
    assert found.best is not None
    assert found.best.number == 1
    assert found.importance == {}, "too few trials, and no variance"
    assert told(declared("loss/validation"), [(0.1, "sgd", None)]).best is None


def test_the_front_is_what_no_other_trial_beats_in_both() -> None:
    values = [[0.9, 50.0], [0.8, 10.0], [0.8, 20.0], [0.95, 90.0], [0.9, 60.0], [0.5, 10.0]]
    found = told(declared("accuracy/validation", "parameters"), [(0.1, "sgd", v) for v in values])
    assert [trial.number for trial in found.front] == [3, 0, 1]
    assert best_line(found) == "3 trials that no other one beats in both accuracy/validation and parameters: 3, 0, 1"


def test_the_report_shows_what_was_found_and_runs_nothing() -> None:
    rows = [(0.01 * (n + 1), SPACE[1].choices[n % 2], [n / 10] if n else None) for n in range(8)]
    found = told(declared("accuracy/validation"), rows)
    text = page(found, None, [f"command: {HOSTILE}"], [f"job 0 failed: {HOSTILE}"])
    assert "<script" not in text
    assert HOSTILE in unescape(text)
    assert "default-src &#x27;none&#x27;" in text or "default-src 'none'" in text
    assert len(re.findall("<figure>", text)) == 3, "history, importance, slices"
    assert "Not confirmed: one run each" in text
    assert "trial 7, accuracy/validation 0.7" in unescape(text)


SEEDS = tuple(range(1, 9))


def test_a_trial_is_told_with_four_digits_and_the_best_one_as_it_is_typed() -> None:
    exact = "0.04043878009515104"
    found = told(declared("accuracy/validation"), [(float(exact), "sgd", [0.5]), (0.123456789, "sgd", [0.25])])
    text = page(found, None, [], [])
    assert "<td>0.04044</td>" in text
    assert "<td>0.1235</td>" in text
    assert f"lr={exact} optimizer=sgd" in text
    front = told(declared("accuracy/validation", "loss/validation"), [(float(exact), "sgd", [0.5, 0.5])])
    assert "<td>lr=0.04044 optimizer=sgd</td>" in page(front, None, [], [])


@pytest.mark.parametrize(
    ("gaps", "verdict"),
    [
        ([0.02, 0.03, 0.025, 0.018, 0.031, 0.022, 0.027, 0.024], "the best trial is better than the preset"),
        ([-0.02, -0.03, -0.025, -0.018, -0.031, -0.022, -0.027, -0.024], "the best trial is worse than the preset"),
        ([0.02, -0.03, 0.025, -0.018, 0.001, -0.022, 0.027, 0.004], "not decided: the preset may be as good"),
        ([0.02, 0.03, 0.025, 0.018], "not decided: fewer than 5 pairs of seeds decide nothing"),
    ],
)
def test_the_best_is_believed_where_new_seeds_tell_it_from_the_preset(gaps: list[float], verdict: str) -> None:
    preset = {seed: 0.9 + 0.001 * seed**2 for seed in SEEDS}
    best = {seed: preset[seed] + gap for seed, gap in zip(SEEDS, gaps, strict=False)}
    row = compared("accuracy/validation", best, preset)
    assert row.difference.mean == pytest.approx(np.mean(gaps))
    assert Confirmation(3, SEEDS, [row], []).verdict().startswith(verdict)


def test_a_search_ends_with_its_comparison_and_its_report_on_the_parent_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["-m", "search=random", "search.trials=2", "search.confirm=2", "data=xor", "epochs=2", "lr=interval(0.1,1)"]
    words += ["model.hidden=[3]", "progress=false", "tracking=none", "hydra.sweep.dir=s"]
    assert command(words, monkeypatch) == 0
    out = capfd.readouterr().out
    assert (
        "confirmed: not decided: fewer than 5 pairs of seeds decide nothing (accuracy/validation, best - preset" in out
    )
    folders = sorted(path.name for path in Path("s/confirm").iterdir())
    best = re.findall(r"best: trial (\d)", out)[0]
    assert folders == ["preset_seed_1", "preset_seed_2", f"trial_{best}_seed_1", f"trial_{best}_seed_2"]
    params = {name: json.loads(Path("s/confirm", name, "result.json").read_text())["params"] for name in folders}
    assert {params[name]["seed"] for name in folders} == {1, 2}
    assert params["preset_seed_1"]["lr"] == 0.1
    assert params[folders[2]]["lr"] == json.loads(Path("s", best, "result.json").read_text())["params"]["lr"]
    assert "Best against preset" in Path("s/report.html").read_text(encoding="utf-8")


def test_a_search_from_python_gives_its_trials_best_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = [
        "search=random",
        "search.trials=3",
        "data=xor",
        "epochs=1",
        "lr=interval(0.1,1)",
        "objective=loss/validation",
    ]
    result = bpexp.sweep(*words, "model.hidden=[3]", "tracking=none")
    assert result.found is not None
    assert result.found.best is not None
    assert str(result.found.best.number) == result.runs[0].directory.name
    assert len(result.runs) == 3
    assert result.runs[0].metrics["final/loss_validation"] == result.found.best.values[0]
