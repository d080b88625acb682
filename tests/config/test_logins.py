"""Passwords in what is declared: only the address of the store may hold one, and no record does."""

from __future__ import annotations

from pathlib import Path

import pytest

import bpexp
from bpexp.config.logins import without_credentials
from bpexp.errors import ConfigError
from tests.support.plans import planned


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bpexp.tracking.credentials._kept", {})
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.mark.parametrize(
    ("word", "public"),
    [
        ("tracking.uri=http://me:p@ss@host", "tracking.uri='http://host'"),
        ("++tracking.uri=http://me:p,a=s!s@host", "++tracking.uri='http://host'"),
        ("tracking.uri='http://me:it\\'s@host'", "tracking.uri='http://host'"),
        ('tracking.uri="http://me:pass@host"', "tracking.uri='http://host'"),
        ("tracking.uri=http://me:pass@a,'http://me:pass@b'", "tracking.uri='http://a','http://b'"),
        ("tracking.uri=http://host,sqlite:///x.db", "tracking.uri=http://host,sqlite:///x.db"),
        ("lr=0.1,0.2", "lr=0.1,0.2"),
        ("study.question='https://medium.example/@writer?'", "study.question='https://medium.example/@writer?'"),
    ],
)
def test_a_word_of_the_command_line_becomes_public(word: str, public: str) -> None:
    assert without_credentials([word]) == [public]


@pytest.mark.parametrize(
    "word",
    [
        "data.path=https://me:secret@host/d.csv",
        "tracking={name:mlflow,uri:'http://me:secret@host'}",
        "trackin.uri=http://me:secret@host",
        "--config-dir=http://me:secret@host",
        "run_name=http://secret@host",
    ],
)
def test_a_password_elsewhere_is_refused_and_not_shown(word: str) -> None:
    with pytest.raises(ConfigError, match="holds a password of an address; give it in") as error:
        without_credentials([word])
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("word", ["data.path=https://host/d.csv?token=secret&x=1", "+data.path='s3://b/secret'"])
def test_an_address_of_data_is_refused_and_not_shown(word: str) -> None:
    with pytest.raises(ConfigError, match=r"data.path takes a file, not an address; download it first") as error:
        without_credentials([word])
    assert "secret" not in str(error.value)


def test_two_logins_of_one_store_are_refused() -> None:
    with pytest.raises(ConfigError, match="names 'http://host' with two logins"):
        without_credentials(["tracking.uri=http://a:1@host,http://b:2@host"])


def config_dir(folder: Path, text: str) -> str:
    (folder / "conf" / "experiment").mkdir(parents=True)
    (folder / "conf" / "experiment" / "mine.yaml").write_text("# @package _global_\n" + text, encoding="utf-8")
    return str(folder / "conf")


def test_a_config_file_gives_up_its_password_before_anything_refers_to_it(tmp_path: Path) -> None:
    text = "tracking:\n  uri: http://me:p@ss@host\nrun_name: to ${tracking.uri}\n"
    with pytest.raises(ConfigError, match=r"type tracking\.uri='http://host'") as error:
        planned("experiment=mine", "data=two_moons", config_dir=config_dir(tmp_path, text))
    assert "p@ss" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "run_name: http://me:secret@host\n",
        "data:\n  path: http://me:secret@host\n",
        "data:\n  root: http://host/?token=secret\n",
        "hydra:\n  job:\n    name: http://me:secret@host\n",
        "run_name: ${a}${b}\na: http://me\nb: :secret@host\n",
        "study:\n  factors:\n    tracking.uri: ['http://me:secret@host']\n",
    ],
)
def test_a_config_file_with_another_password_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        planned("experiment=mine", "data=two_moons", config_dir=config_dir(tmp_path, text))
    assert "secret" not in str(error.value)


def test_python_gives_up_its_password_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="holds a password"):
        bpexp.run(tracking={"name": "mlflow", "uri": "http://me:secret@host"})
    with pytest.raises(ConfigError, match="unknown key") as error:
        bpexp.sweep("lr=0.1,0.2", **{"tracking.uri": "http://me:secret@host", "nonsense": 3})
    assert "secret" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
