"""What a report says of its origin: commands that a shell takes, and durations."""

from __future__ import annotations

import math
import shlex
from dataclasses import replace

import pandas as pd
import pytest
from synthetic import points, record, study

from bpexp.study.analysis import frame_of
from bpexp.study.origin import Origin, commands, durations, origin_html, spoken


def test_the_commands_are_lines_that_a_shell_takes() -> None:
    words = ["experiment=symmetry", "seed=range(2)", "run_name=a b"]
    told = dict(commands(words, {"git_commit": "abc", "git_dirty": "true", "bpexp": "1.0"}, "symmetry", None))
    checkout, again, report = told.values()
    assert checkout == "git checkout abc"
    assert shlex.split(again) == ["python", "-m", "bpexp", *words]
    assert shlex.split(report) == ["python", "-m", "bpexp", "task=report", "study=symmetry"]
    assert next(iter(told)) == "the code that ran (bpexp 1.0); uncommitted changes of that day are not in it"
    assert commands([], {}, "x", None) == [
        ("this report, from the runs that are there", "python -m bpexp task=report study=x")
    ]


def test_the_durations_are_of_the_runs_that_tell_them() -> None:
    design = study(repeats=1)
    made = [
        replace(record(p, accuracy=0.5), seconds=s)
        for p, s in zip(points(design), (1, 2, 3, 4, 5, 6, 70, math.nan), strict=True)
    ]
    told = durations(frame_of(design, made), 3700.0)
    assert told == [
        "from the beginning of the sweep to its last run: 1 h 01 min",
        "a run: 4 s (median), from 1 s to 1 min 10 s",
        "all 7 runs one after the other: 1 min 31 s",
        "of 1 run nothing says how long it took: it was trained together with others, or left no time",
    ]
    assert durations(frame_of(design, []), None) == []


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0421, "0.042 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.9, "1 min 00 s"),
        (65, "1 min 05 s"),
        (3599.9, "1 h 00 min"),
        (86_400, "24 h 00 min"),
    ],
)
def test_a_duration_in_words(seconds: float, told: str) -> None:
    assert spoken(seconds) == told


def test_a_command_is_shown_as_text() -> None:
    page = origin_html(Origin([], [("<b>", "python -m bpexp 'run_name=<i>'")]), pd.DataFrame({"seconds": []}))
    assert "<pre>python -m bpexp &#x27;run_name=&lt;i&gt;&#x27;</pre>" in page
    assert "<b>" not in page
