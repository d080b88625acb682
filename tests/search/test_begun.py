"""The trials of a search as its file tells them, whole, half written or damaged."""

from __future__ import annotations

import json
from pathlib import Path

from bpexp.search.begun import PLACE, REASON, Begun, trials_begun


def line(number: object, attributes: object) -> str:
    """An operation of the storage that sets attributes of a trial."""
    return json.dumps({"op_code": 8, "trial_id": number, "user_attr": attributes}) + "\n"


def test_folders_and_reasons_by_number(tmp_path: Path) -> None:
    file = tmp_path / "search.jsonl"
    text = line(1, {PLACE: "b"}) + line(0, {PLACE: "a"}) + line(2, {REASON: "no"}) + line(0, {REASON: "killed"})
    file.write_text(text, encoding="utf-8")
    assert trials_begun(file) == [Begun(0, "a", "killed"), Begun(1, "b"), Begun(2, "", "no")]


def test_what_is_no_line_of_a_search_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "search.jsonl"
    assert trials_begun(file) == []
    nested = "[" * 100_000 + PLACE
    bad = [f"{PLACE}\n", line("x", {PLACE: "a"}), line(0, [PLACE]), line(0, {PLACE: 3}), f"{nested}\n"]
    file.write_text("".join(bad) + line(4, {PLACE: "d"}) + line(5, {PLACE: "e"})[:-1], encoding="utf-8")
    assert trials_begun(file) == [Begun(4, "d")]
