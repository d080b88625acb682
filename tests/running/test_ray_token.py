"""A Ray that asks for a token and does not get one is silent: the message says what to set."""

from __future__ import annotations

from typing import Any

import pytest

from bpexp.errors import ConfigError
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
