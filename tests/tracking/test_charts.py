"""Links to charts of several series, the view of an experiment, and the summaries that are shown."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from bpexp.records.outcome import Outcome
from bpexp.tracking.charts import LAYERS, VIEW_TAG, chart_line, chart_link, view
from bpexp.tracking.content import shown_summary
from bpexp.tracking.labels import DESCRIPTION
from bpexp.tracking.store import open_store


def keys(line: str, words: str) -> list[str]:
    """The metrics in the chart that a word of the line links to."""
    address = line.split(f"[{words}](")[1].split(")")[0]
    found: list[str] = json.loads(parse_qs(address.partition("?")[2])["plot_metric_keys"][0])
    return found


def test_a_run_links_to_one_chart_of_all_parts_and_one_of_all_layers() -> None:
    layers = [f"delta_norm/layer_{l}" for l in (10, 9, 1, 2)] + ["fixed/delta_norm/layer_1", "saturation/layer_1"]
    line = chart_line("7", "abc", ["loss/train", "loss/test", "loss/batch", *layers], figures=True)
    assert keys(line, "loss") == ["loss/test", "loss/train"]
    assert keys(line, "delta") == [f"delta_norm/layer_{l}" for l in (1, 2, 9, 10)]
    assert "saturation" not in line  # one layer: nothing to compare
    assert line.endswith("[all figures](#/experiments/7/runs/abc/artifacts/figures.png)")
    assert "y_axis_scale=log" in line
    assert chart_line("7", "abc", [], figures=False) == ""


def test_of_many_layers_some_are_shown_the_first_and_the_last_among_them() -> None:
    found = keys(chart_line("7", "abc", [f"grad_norm/W{l}" for l in range(1, 301)], figures=False), "gradient of W")
    assert (len(found), found[0], found[-1]) == (LAYERS, "grad_norm/W1", "grad_norm/W300")


def test_an_address_holds_nothing_that_markdown_takes_apart() -> None:
    assert not set('()[] "<>') & set(chart_link("7", "abc", ["loss/train"]))


def test_the_view_is_what_mlflow_can_unpack_and_keep() -> None:
    packed = view()
    state = json.loads(zlib.decompress(base64.b64decode(packed.removeprefix("deflate;"))))
    sections = {section["uuid"]: section["display"] for section in state["compareRunSections"]}
    assert len(packed) < 5000  # MLflow's limit of a tag
    assert list(sections)[:2] == ["loss and accuracy", "all layers in one chart"]
    assert list(sections)[-2:] == ["best", "final"]
    assert not any(list(sections.values())[2:])
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} == set(list(sections)[:2])


def test_an_experiment_is_described_once_and_keeps_what_others_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    store = open_store(uri, "mine")
    tags = store.client.get_experiment(store.experiment_id).tags
    assert f"#/experiments/{store.experiment_id}/runs?" in tags[DESCRIPTION]
    assert tags[VIEW_TAG] == view()
    store.client.set_experiment_tag(store.experiment_id, DESCRIPTION, "of somebody else")
    monkeypatch.setattr("bpexp.tracking.store._opened", {})
    again = open_store(uri, "mine")
    assert again.client.get_experiment(again.experiment_id).tags[DESCRIPTION] == "of somebody else"


def test_few_summaries_are_shown_and_the_objective_among_them() -> None:
    names = ("loss", "accuracy", "top3_accuracy")
    values = {
        f"{when}/{n}_{p}": 1.0 for when in ("final", "best") for n in names for p in ("train", "validation", "test")
    }
    values |= {"final/epoch": 3.0, "best/epoch": 2.0, "final/gradient_noise_scale": 5.0}
    outcome = Outcome("run", "here", "finished", "", [], {}, 1.0, metrics=values, chosen_by="accuracy/validation")
    evaluated = {f"final/{n}_{p}" for n in ("loss", "accuracy") for p in ("validation", "test")}
    rest = {"final/epoch", "final/gradient_noise_scale", "best/epoch", "best/accuracy_validation"}
    assert set(shown_summary(outcome)) == evaluated | rest
    outcome.params["objective"] = "top3_accuracy/train"
    assert set(shown_summary(outcome)) == evaluated | rest | {"final/top3_accuracy_train"}
    alone = {name: 1.0 for name in values if name.endswith("_train")}
    alone_outcome = Outcome("run", "here", "finished", "", [], {}, 1.0, metrics=alone)
    assert set(shown_summary(alone_outcome)) == {"final/loss_train", "final/accuracy_train"}
