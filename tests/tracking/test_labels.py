"""Tags and a note that a person declares, and the names of models."""

from __future__ import annotations

from typing import Any

import pytest
from command_line import command
from stores import ask

from bpexp.errors import ConfigError
from bpexp.tracking.labels import NOTE, labels
from bpexp.tracking.manifest import model_name


def test_groups_of_tags_are_joined_and_values_are_words() -> None:
    found = labels({"course": "ml101", "team": {"nr": 3, "ok": True}, "left": None}, "a note")
    assert found == {"course": "ml101", "team.nr": "3", "team.ok": "true", NOTE: "a note"}


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({"mlflow": {"note": {"content": "x"}}}, r"tags\.mlflow\.note\.content='x'.*another name"),
        ({"bpexp.status": "x"}, "belongs to MLflow or bpexp"),
        ({"diverged_at_step": 1}, "belongs to MLflow or bpexp"),
        ({"a=b": 1}, "'a=b' is no name of a tag"),
        ({"a//b": 1}, "'a//b' is no name"),
        ({"": 1}, "'' is no name"),
        ({"x" * 300: 1}, "is no name"),
        ({"a": [1, 2]}, r"tags\.a=\[1, 2\] is not a text"),
        ({"a": "x" * 5001}, r"tags\.a holds 5001 characters"),
    ],
)
def test_what_mlflow_cannot_hold_or_holds_already_is_refused(tags: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        labels(tags, None)


def test_a_run_and_its_sweep_hold_what_was_declared(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What differs between jobs is theirs alone, and a note is no Markdown."""
    said = ["data.limit=60", "epochs=1", "progress=false", "probe=off", "note='a *b* <script>x</script>'"]
    assert command(["-m", *said, "tags.course=ml101", "tags.group=a,b"], monkeypatch) == 0
    found = ask(store, "select key, value from tags where key in ('course', 'group') order by key, value")
    assert found == [("course", "ml101")] * 3 + [("group", "a"), ("group", "b")]
    notes = [text for (text,) in ask(store, "select value from tags where key = 'mlflow.note.content'")]
    assert len(notes) == 3
    assert all("\n\na \\*b\\* &lt;script&gt;x&lt;/script&gt;\n\n" in text for text in notes)
    assert not ask(store, "select key from params where key like 'tags%' or key = 'note'")


def test_a_reserved_tag_is_refused_before_anything_is_made(
    store: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["tags.mlflow.parentRunId=x"], monkeypatch) == 2
    assert "choose another name" in capsys.readouterr().err
    assert ask(store, "select count(*) from runs") == [(0,)]


@pytest.mark.parametrize(
    ("run", "model"),
    [
        ("lr=0.3 seed=1 mnist_relu", "lr=0,3_seed=1_mnist_relu"),
        ("model.hidden=[64,64] x", "model,hidden=_64,64_x"),
        ("a/b:c%d'e\"f;g?h#i$(j)`k`", "a_b_c_d_e_f_g_h_i_j_k"),
        ("...", "network"),
        ("x" * 120, "x" * 100),
    ],
)
def test_the_name_of_a_model_is_that_of_its_run_and_stands_in_an_address(run: str, model: str) -> None:
    assert model_name(run) == model
