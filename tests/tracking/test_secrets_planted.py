"""R7: a password is in no file, row or line of a run. The long form is `experiments.reliability.secrets_planted`."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.reliability.guarded_server import Guard
from experiments.reliability.searching import forms, found_in_files, found_in_text
from tests.support.command_line import command

SMALL = ("data=xor", "model.hidden=[3]", "data.n=60", "epochs=1", "tracking.figures=false")
SECRET = "k@Q7:x#1zW"


@pytest.mark.parametrize("place", ["the command line", "the environment", "a sweep"])
def test_a_planted_password_reaches_the_server_and_nothing_else(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The server takes the password and fails: what is not delivered is kept, with the address to deliver it to."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("bpexp.tracking.credentials._kept", {})
    with Guard(None).serving() as guard:
        guard.expect("me", SECRET)
        address = f"http://me:{SECRET}@127.0.0.1:{guard.port}"
        words = {
            "the command line": [f"tracking.uri={address}"],
            "a sweep": ["-m", "seed=0,1", f"tracking.uri={address}"],
        }
        if place == "the environment":
            monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert command([*SMALL, *words.get(place, [])], monkeypatch) == 0
        assert guard.passed
    out, err = capfd.readouterr()
    assert f"127.0.0.1:{guard.port}" in Path(next(tmp_path.rglob("result.json"))).read_text() + out + err
    assert not found_in_files(tmp_path, [SECRET, "Q7:x#1zW", "Q7%3Ax%231zW"])
    assert not found_in_text(out + err, [SECRET, "Q7:x", "Q7%3Ax"])


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    for number, form in enumerate(forms(SECRET)):
        (tmp_path / f"{number}.txt").write_bytes(b"before " + form + b" behind")
    assert len(found_in_files(tmp_path, [SECRET])) >= len(forms(SECRET))
    assert found_in_text(f"a\nb http://me:{SECRET}@host\nc", [SECRET]) == [f"b http://me:{SECRET}@host"]
