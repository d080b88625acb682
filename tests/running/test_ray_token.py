"""A Ray that asks for a token and does not get one is silent: the message says what to set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from bpexp.config.schema import Config
from bpexp.errors import ConfigError
from bpexp.running.job import Job
from bpexp.running.launchers import ray as launcher


@pytest.mark.parametrize(
    ("error", "mode", "told"),
    [
        (TimeoutError("no answer in 4 s"), None, True),
        (TimeoutError("no answer in 4 s"), "token", False),
        (ConnectionRefusedError("refused"), None, False),
    ],
)
def test_a_silent_ray_may_want_a_token(
    error: OSError, mode: str | None, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    if mode is not None:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)

    def silent(*_: Any) -> None:
        raise error

    monkeypatch.setattr(launcher, "_refuse_silent", silent)
    with pytest.raises(ConfigError) as caught, launcher._connected("127.0.0.1:6379", None, 1.0):
        pass
    assert str(caught.value).endswith("; if it asks for a token, set RAY_AUTH_MODE=token") is told


@pytest.mark.parametrize(
    ("said", "file", "address", "mode"),
    [
        ({"RAY_AUTH_TOKEN": "a token"}, False, "127.0.0.1:6379", "token"),
        ({"RAY_AUTH_TOKEN_PATH": "a file"}, False, "127.0.0.1:6379", "token"),
        ({}, True, "127.0.0.1:6379", "token"),
        ({}, False, "127.0.0.1:6379", None),
        ({"RAY_AUTH_TOKEN": "a token"}, True, None, None),
        ({"RAY_AUTH_TOKEN": "a token", "RAY_AUTH_MODE": "disabled"}, True, "127.0.0.1:6379", "disabled"),
    ],
)
def test_a_token_that_is_there_is_sent(
    said: dict[str, str],
    file: bool,
    address: str | None,
    mode: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ray is imported, and connects, with the variable that makes it send the token; the environment is as before."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name, text in {"HOME": str(tmp_path), **said}.items():
        monkeypatch.setenv(name, text)
    if file:
        (tmp_path / ".ray").mkdir()
        (tmp_path / ".ray" / "auth_token").touch()
    before, seen = dict(os.environ), []

    def imported(*_: str) -> None:
        seen.append(os.environ.get("RAY_AUTH_MODE"))
        raise ConfigError("far enough")

    monkeypatch.setattr(launcher, "engine", imported)
    with pytest.raises(ConfigError, match="far enough"), launcher.ray(Job(Config(), ()), address=address):
        pass
    assert seen == [mode]
    assert dict(os.environ) == before
