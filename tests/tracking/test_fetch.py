"""A run out of a store that lies: only the files of a run are taken, and they land in their folder."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bpexp.errors import TrackingError
from bpexp.tracking.fetch import fetch_run

RUN = "0" * 32


class Server:
    """A client of MLflow whose server says what a test makes it say."""

    def __init__(self, listed: list[str], tags: Any = None, answer: Any = None, outputs: Any = None) -> None:
        self.listed, self.answer, self.outputs, self.asked = listed, answer, outputs, list[str]()
        self.tags = {"bpexp.directory": "/x"} if tags is None else tags

    def get_run(self, run_id: str) -> Any:
        return SimpleNamespace(data=SimpleNamespace(tags=self.tags), outputs=self.outputs)

    def list_artifacts(self, run_id: str) -> list[Any]:
        return [SimpleNamespace(path=path, is_dir=path.endswith("/")) for path in self.listed]

    def download_artifacts(self, run_id: str, path: str, to: str) -> str:
        self.asked.append(path)
        if self.answer is not None:
            return str(self.answer(Path(to), path))
        (Path(to) / path).write_text(path, encoding="utf-8")
        return str(Path(to) / path)

    def get_logged_model(self, model_id: str) -> Any:
        raise KeyError("artifact_location")


def store(server: Server) -> Any:
    return SimpleNamespace(client=server, uri="http://127.0.0.1:9", experiment_name="bpexp")


CLIMBING = [
    "../result.json",
    "/etc/passwd",
    "%2e%2e/result.json",
    "..",
    ".bashrc",
    "a/../../b",
    "con",
    "x\0y",
    "setup.py",
]


def test_nothing_but_the_files_of_a_run_is_asked_for(tmp_path: Path) -> None:
    into = tmp_path / "into"
    server = Server(["result.json", "metrics.jsonl", "figures.png/", *CLIMBING])
    assert fetch_run(store(server), RUN, into) == into
    assert sorted(server.asked) == ["metrics.jsonl", "result.json"]
    assert sorted(path.name for path in into.iterdir()) == ["metrics.jsonl", "result.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["into"]


def test_a_link_in_the_folder_is_replaced_and_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine", encoding="utf-8")
    (tmp_path / "into").mkdir()
    (tmp_path / "into/result.json").symlink_to(mine)
    fetch_run(store(Server(["result.json"])), RUN, tmp_path / "into")
    assert mine.read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "into/result.json").read_text(encoding="utf-8") == "result.json"


def link(to: Path, path: str) -> Path:
    (to / path).symlink_to("/etc/hostname")
    return to / path


def pipe(to: Path, path: str) -> Path:
    os.mkfifo(to / path)
    return to / path


def failing(error: BaseException) -> Any:
    def answer(to: Path, path: str) -> Path:
        raise error

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        link,
        pipe,
        lambda to, path: Path("/etc/hostname"),
        lambda to, path: to / ".." / "x",
        lambda to, path: to,
        lambda to, path: None,
        failing(KeyError("files")),
        failing(TypeError("'NoneType' object is not subscriptable\nand more")),
        failing(ConnectionResetError(104, "Connection reset by peer")),
        failing(RecursionError("maximum recursion depth exceeded")),
    ],
)
@pytest.mark.parametrize("into", [True, False])
def test_whatever_a_server_does_is_a_line_and_leaves_nothing(
    answer: Any, into: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / "into" if into else None
    with pytest.raises(TrackingError) as caught:
        fetch_run(store(Server(["result.json"], answer=answer)), RUN, folder)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.rglob("*")) == ([folder] if folder else [])


@pytest.mark.parametrize("tags", [{}, None, [], "bpexp.directory", {"bpexp.sweep": 3}, {"bpexp.directory": ["x"]}])
def test_tags_of_any_kind(tags: Any, tmp_path: Path) -> None:
    server = Server(["result.json"], outputs=SimpleNamespace(model_outputs=[SimpleNamespace(model_id="m")]))
    server.tags = tags
    with pytest.raises(TrackingError) as caught:
        fetch_run(store(server), RUN, tmp_path / "into")
    assert "\n" not in str(caught.value)
