"""The study of the errata: its table is the code's, and its trainings side by side are those of the gradient method."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bpexp.gradients.verification import verify  # noqa: E402
from bpexp.nn.heads import build_head  # noqa: E402
from bpexp.papers.as_printed import as_printed  # noqa: E402
from bpexp.papers.errata import FORMULAS, PRINTED, READINGS, WHOLE_PASSES  # noqa: E402
from bpexp.running.loading import load_data  # noqa: E402
from experiments.errata import measure, report, table  # noqa: E402


def test_the_table_of_the_readme_is_that_of_the_code():
    assert table.inside(table.README.read_text(encoding="utf-8")) == table.table()


def test_the_sweep_trains_with_what_is_measured():
    content = yaml.safe_load((ROOT / "conf" / "experiment" / "errata.yaml").read_text(encoding="utf-8"))
    assert content["hydra"]["sweeper"]["params"]["gradient.formula"].split(",") == list(measure.TRAINED)


def test_every_printed_line_that_runs_and_is_wrong_is_measured_where_the_network_allows_it():
    labels = ("silently wrong", "contradicts its own cost")
    wrong = [name for name in WHOLE_PASSES if FORMULAS[name].correctness in labels]
    printed = [name for name in wrong if name in PRINTED and not name.startswith("000-")]  # 000 has no softmax
    assert set(measure.TRAINED) & set(PRINTED) == {"002-final", *printed}
    assert set(measure.TRAINED) - set(PRINTED) == {"003-both-slips", "002-db-bound-index"}


def test_the_sentence_of_the_count_follows_from_the_entries():
    """Counted here by hand from the labels; both READMEs print the sentence."""
    labels = [FORMULAS[name].correctness for name in PRINTED]
    for label in set(labels):
        if label not in ("correct", *table.NOTATION):
            assert re.search(rf"\b{labels.count(label)}\b", table.summary()), label
    counted = [label for label in labels if label not in table.NOTATION]
    right = labels.count("correct") + labels.count("right in its own terms")
    assert table.summary().startswith(f"of {len(counted)} printed formulas {right} are right")
    for readme in (table.README, ROOT / "README.md"):
        assert table.summary() in readme.read_text(encoding="utf-8").replace("\n", " "), readme


def test_the_number_of_slips_and_readings_is_that_of_the_entries():
    text = table.README.read_text(encoding="utf-8").replace("\n", " ")
    slips = sum(FORMULAS[name].correctness in table.NOTATION for name in PRINTED)
    assert f"{slips} slips of notation and {len(READINGS)} readings" in text


@pytest.mark.parametrize("formula", measure.TRAINED)
def test_a_step_of_many_is_a_step_of_one(formula):
    head = build_head({"name": "softmax"}, {"name": "cross_entropy"})
    declared = {"name": "mnist_5k", "limit": 2500}
    data = load_data(measure.config("he_normal", 0, declared, "float64"))
    runs = measure.make_runs([formula, "002-final"], 1, data, head, "float64")
    assert len(data.train) > measure.PIECE
    x, y = data.train.batch()
    for run, gradient in zip(runs, measure.gradients(runs, head, data.train), strict=True):
        alone = as_printed(run.formula)(run.network, head, x, y).vector
        np.testing.assert_allclose(gradient, alone, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("init", measure.INITS)
@pytest.mark.parametrize("formula", measure.TRAINED)
def test_a_gradient_check_at_the_first_step_finds_every_wrong_formula(formula, init):
    head = build_head({"name": "softmax"}, {"name": "cross_entropy"})
    data = load_data(measure.config(init, 0, {"name": "mnist_5k", "limit": 200}))
    (run,) = (run for run in measure.make_runs([formula], 1, data, head) if run.init == init)
    x, y = data.train.batch()
    rng = np.random.default_rng(0)
    found = verify(as_printed(formula), run.network, head, x, y, rng=rng, coordinates=6, tolerance=1e-5)
    unseen = formula == "003-bias-in-sum" and init == "he_normal"  # a bias of 0 may be counted 784 times
    assert (found.error < 1e-5) == (formula == "002-final" or unseen)


def test_the_study_runs_in_a_quick_form(tmp_path):
    out = tmp_path / "results.json"
    command = [sys.executable, "-m", "experiments.errata.measure", "--quick", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    results = json.loads(out.read_text(encoding="utf-8"))
    runs = {(run["formula"], run["init"]): run for run in results["runs"]}
    assert len(runs) == len(measure.TRAINED) * len(measure.INITS)
    for (formula, init), run in runs.items():
        assert len(run["accuracy"]) == 5
        assert np.isfinite(run["accuracy"]).all()
        unseen = formula == "003-bias-in-sum" and init == "he_normal"  # a bias of 0 may be counted 784 times
        unseen |= formula == "003-summary-sum"  # the direction is right
        assert (run["cosine"] > 0.9999) == (formula == "002-final" or unseen)


def test_the_tables_of_the_readme_are_those_of_the_results():
    readme = table.README.read_text(encoding="utf-8")
    assert report.inside(readme) == report.tables(*report.load())
