"""Names of runs, classes, columns and files that mean harm: a run of them, from its data to the terminal and MLflow."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from bpexp.config.spelling import spelled
from bpexp.errors import visible
from tests.records.test_escaping import MARKDOWN, Seen
from tests.support.command_line import command
from tests.support.payloads import PAYLOADS
from tests.support.stores import ask

NAMES = [name for name in PAYLOADS if "\x00" not in name]
FOLDER = "\x1b[31m$x^$<b>'\"&"


def commands_of_a_terminal(text: str) -> list[str]:
    """The control characters in a text, beside the ends of its lines."""
    return re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def table(path: Path) -> None:
    """A table whose columns and classes have the names of the payloads, three rows a class."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*NAMES[:3], "what it is"])
        writer.writerows([i % 11, -i % 7, i % 5, name.strip() or "blank"] for i, name in enumerate(NAMES * 4))


def test_a_run_of_hostile_names_shows_them_and_does_nothing_else(
    store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    Path(FOLDER).mkdir()
    table(Path(FOLDER, "d.csv"))
    name = "\x1b]0;owned\x07[/red] `a` **b** <img src=x> $x^$ =1+1"
    words = [f"data.path={spelled(f'{FOLDER}/d.csv')}", f"run_name={spelled(name)}", "hydra.run.dir=here"]
    own = ["data=csv", "data.target='what it is'", "data.validation=0", "epochs=1", "model.hidden=[3]", "task=train"]
    assert command([*own, *words], monkeypatch) == 0, capfd.readouterr().err
    out, err = capfd.readouterr()
    assert visible(name) in out
    assert "warning" not in err.lower(), "the figures are drawn: no name is mathematics"
    assert not commands_of_a_terminal(out + err)
    assert Path("here/figures.png").stat().st_size > 10_000
    ((note,),) = ask(store, "select value from tags where key = 'mlflow.note.content'")
    seen = Seen(MARKDOWN.render(note))
    assert {"img", "script", "svg"}.isdisjoint(seen.tags)
    assert all(str(value).startswith("#/") for name, value in seen.attributes if name == "href"), "links within MLflow"


@pytest.mark.parametrize("name", ["\x1b[2J", "\u202egnp", "a\nb", "[/red]"])
def test_a_message_about_a_hostile_value_is_one_harmless_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    for words in (["data=csv", f"data.path={spelled(name)}"], [f"model={name}"], [f"{name}=3"], [f"--{name}"]):
        assert command(words, monkeypatch) == 2
        _, err = capfd.readouterr()
        assert err.count("\n") == 1
        assert not commands_of_a_terminal(err)
