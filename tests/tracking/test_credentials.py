"""Credentials are taken out of an address where it enters; what is recorded and printed does without them."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from bpexp.errors import ConfigError, TrackingError, without_login
from bpexp.tracking.credentials import borrow, keep, lent, scrubbed, whole
from bpexp.tracking.location import resolve


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bpexp.tracking.credentials._kept", {})


@pytest.mark.parametrize(
    ("said", "public", "given"),
    [
        ("http://me:pass@host:5000/b", "http://host:5000/b", "http://me:pass@host:5000/b"),
        ("http://me:p@ss@host", "http://host", "http://me:p%40ss@host"),
        ("http://me:p:w@host", "http://host", "http://me:p%3Aw@host"),
        ("http://me:p/w@host", "http://host", "http://me:p%2Fw@host"),
        ("http://me:p#w@host", "http://host", "http://me:p%23w@host"),
        ("http://me:p%40w@host", "http://host", "http://me:p%40w@host"),
        ("http://me:p%w@host", "http://host", "http://me:p%25w@host"),
        ("https://token@host/", "https://host/", "https://token:@host/"),
        ("http://me:pass@[::1]:5000", "http://[::1]:5000", "http://me:pass@[::1]:5000"),
        ("postgresql://me:p/w@db:5432/runs?sslmode=require", "postgresql://db:5432/runs", None),
        ("postgresql://db/runs?user=me&password=pass", "postgresql://db/runs", None),
        ("mysql+pymysql://me@db/runs", "mysql+pymysql://db/runs", "mysql+pymysql://me@db/runs"),
        ("sqlite+pysqlcipher://:pass@//runs.db?cipher=x", "sqlite+pysqlcipher:////runs.db", None),
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
        ("http://host:5000", "http://host:5000", "http://host:5000"),
        ("databricks", "databricks", "databricks"),
    ],
)
def test_the_public_address_names_the_store_and_the_whole_one_logs_in(said: str, public: str, given: str | None):
    assert keep(said) == public
    assert whole(public) == (given or said.replace("p/w", "p%2Fw"))
    assert keep(whole(public)) == public, "a worker is given the whole address"
    assert whole(public) == (given or said.replace("p/w", "p%2Fw"))


@pytest.mark.parametrize(
    "said",
    [
        *(
            "http://me:1/secret@host",
            "http://host/a@secret",
            "http://me:pw@host/secret@v1",
            "http://me:a@b/secret@host",
        ),
        *("postgresql://me:a?secret@db/runs", "http://host?token=secret", "http://host/#/secret", "me:secret@host"),
        *("http://me:a secret@host", "http://me:secret\n@host"),
    ],
)
def test_an_address_that_can_be_read_in_two_ways_is_refused_without_being_shown(said: str, tmp_path: Path) -> None:
    with pytest.raises(TrackingError) as refusal:
        resolve(said, tmp_path)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("odd", ["mode=ro", "mode=memory", "immutable=1"])
def test_a_refused_query_is_forgotten(odd: str, tmp_path: Path) -> None:
    """The same address without it was refused for the query of before."""
    with pytest.raises(TrackingError, match=f"with '{odd}' keeps nothing"):
        resolve(keep(f"sqlite:///x.db?{odd}"), tmp_path)
    assert resolve("sqlite:///x.db", tmp_path) == f"sqlite:///{tmp_path}/x.db"
    assert lent() == {}
    assert resolve("sqlite:///x.db?timeout=5", tmp_path) == f"sqlite:///{tmp_path}/x.db"
    assert whole(f"sqlite:///{tmp_path}/x.db").endswith("?timeout=5"), "what is no obstacle is kept"


def test_the_environment_gives_up_its_password_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:p@ss@host:5000")
    assert resolve(None, tmp_path) == "http://host:5000"
    assert resolve("http://host:5000", tmp_path) == "http://host:5000"
    assert whole("http://host:5000") == "http://me:p%40ss@host:5000"


def test_a_later_login_replaces_an_earlier_one() -> None:
    keep("http://me:old@host")
    keep("http://me:new@host")
    assert whole("http://host") == "http://me:new@host"


def test_another_process_is_lent_what_this_one_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    keep("http://me:pass@host")
    known = pickle.loads(pickle.dumps(lent()))
    monkeypatch.setattr("bpexp.tracking.credentials._kept", {})
    borrow(known)
    assert whole("http://host") == "http://me:pass@host"


def test_what_others_say_is_scrubbed() -> None:
    keep("http://me:p@ssword@host")
    keep("postgresql://db/runs?password=another")
    said = "API request to http://me:p%40ssword@host/api failed: p@ssword, p%40ssword; password=another; http://x:y@z"
    assert scrubbed(said) == "API request to http://host/api failed: ***, ***; password=***; http://***@z"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("'http://me:secret@host/x', next", "'http://***@host/x', next"),
        ("http://me:se/cr@et@host", "http://***@host"),
        ("http://secret@host", "http://***@host"),
        ("http://me:123@host", "http://***@host"),
        ("https://medium.example/@writer", "https://medium.example/@writer"),
        ("https://host:8080/@writer", "https://host:8080/@writer"),
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
        ("me@host", "me@host"),
    ],
)
def test_no_message_holds_the_password_of_an_address(text: str, shown: str) -> None:
    assert without_login(text) == shown
    assert str(ConfigError(text)) == shown
