"""The report of a study: whatever names the study and its runs carry, one page without script that fetches nothing."""

from __future__ import annotations

import csv
import io
import math
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from synthetic import Point, claim, in_time, points, record, runs, study

from bpexp.errors import visible
from bpexp.study.analysis import RunRecord, analyse
from bpexp.study.charts import charts
from bpexp.study.design import Study, declared
from bpexp.study.origin import Origin
from bpexp.study.page import page
from bpexp.study.report import Report, note, write_report

VOID = {"meta", "img", "br", "wbr"}

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></table>",
    "a & b &lt; c",
    "| a | b |\n---",
    "[x](javascript:alert(1))",
    "http://example.org/x.js",
    "$\\frac{1}$ $x^$",
    "_hidden",
    "\u202eright to left \u05d0 \U0001f600 \u4e2d\u6587 \u0939",
    "=1+1",
    "x" * 5000,
    "",
]
IDS = [f"{number}" for number in range(len(HOSTILE))]


class Page(HTMLParser):
    """Reads a page; every element must be closed, in order, and what is fetched or run is written down."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.text: list[str] = []
        self.policy = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        assert not [key for key in said if key.startswith("on")]
        self.fetched += [str(said[key]) for key in ("src", "href", "action", "data", "srcset") if key in said]
        if said.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(said["content"])
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def checked(text: str) -> Page:
    """The page, held to what every report must be."""
    read = Page(text)
    assert set(read.tags) <= {
        *(
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "h1",
            "h2",
            "p",
            "a",
            "pre",
            *("svg", "rect", "line", "circle", "text"),
            "ul",
            "ol",
            "li",
            "b",
            "br",
            "wbr",
            "span",
            "div",
        ),
        *("table", "thead", "tbody", "tr", "th", "td", "figure", "img", "figcaption"),
    }
    assert all(place.startswith(("data:image/svg+xml;base64,", "data:text/csv;base64,")) for place in read.fetched)
    assert (
        read.policy
        == "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "<script" not in text.lower()
    return read


def rendered(design: Study, made: list[RunRecord], facts: tuple[str, ...] = ("by hand",)) -> Page:
    analysis = analyse(design, made)
    told = in_time(analysis.study)
    noted = note(analysis, told)
    assert "<" not in noted
    assert ">" not in noted
    return checked(page(analysis, charts(analysis, made), Origin(facts), told))


JITTER = [0.0, 0.001, -0.001, 0.0005, -0.0005]


def accuracy(point: Point) -> float:
    relu, he = point["activation"] == "relu", point.get("init") == "he"
    return 0.5 + 0.2 * relu + 0.01 * point["seed"] * (1 + point["lr"]) + JITTER[(point["seed"] + relu + 2 * he) % 5]


CLAIMS = [
    claim(of={"activation": "relu"}, against={"activation": "sigmoid"}, above=0),
    claim(of={"init": "he"}, against={"init": "xavier"}, above=5),
    claim(of={"init": "he"}, below=0.63, at="equal"),
]


def test_a_report_says_what_was_found() -> None:
    design = study(claims=CLAIMS, heat_map=["activation", "lr"], title="A title", question="Is it so?")
    read = rendered(design, runs(design, accuracy))
    text = " ".join(read.text)
    assert "A title" in text
    assert "Is it so?" in text
    assert "Arms, each at its own best lr" in text
    assert "Every level of lr" in text
    assert "by hand" in text
    assert [word for word in read.text if word in ("supported", "refuted", "inconclusive")] == [
        "supported",
        "refuted",
        "inconclusive",
    ]
    assert read.tags.count("img") == 2, "accuracy/test and the heat map; no run recorded loss/test"
    assert read.tags.count("title") == 1 + 3, "of the page, and of the picture of each claim"


# Names from outside


@pytest.mark.parametrize("name", HOSTILE, ids=IDS)
def test_hostile_words(name: str) -> None:
    """In the title, the question, a claim's text, the facts; shown as they are written."""
    design = study(title=name, question=name, claims=[{**CLAIMS[0], "text": name}])
    read = rendered(design, runs(design, accuracy), (name,))
    assert sum(visible(name) in data for data in read.text) >= 4


@pytest.mark.parametrize("name", HOSTILE, ids=IDS)
def test_hostile_levels(name: str) -> None:
    """And hostile problems, which tell the levels of runs that failed; charts and all."""
    factors: dict[str, list[Any]] = {"run_name": [name, "plain"], "lr": [0.1, 1.0]}
    said = claim(of={"run_name": name}, against={"run_name": "plain"}, above=0)
    design = study(factors=factors, tuned=None, repeats=2, claims=[said], heat_map=["run_name", "lr"])
    made = [record(p, "failed" if p["seed"] else "finished", accuracy=0.5 + p["lr"] / 9) for p in points(design)]
    read = rendered(design, made)
    assert visible(name) in [*read.text, ""]
    assert read.tags.count("img") == 2
    assert any(f"run_name={visible(name)}" in data for data in read.text)


@pytest.mark.parametrize("name", [word for word in HOSTILE if word and " " not in word and "\n" not in word])
def test_hostile_measures(name: str) -> None:
    design = study(measures=[f"final {name}"], curves=[name], by_depth=[name])
    made = [record(p, validation=0.5, **{name: 0.5, f"{name}/layer_1": 1.0}) for p in points(design)]
    assert rendered(design, made).tags.count("img") == 2


def test_a_hostile_tuned_factor() -> None:
    name = "<script>alert(1)</script>"
    design = declared("x", {"factors": {name: [1, 2], "init": ["a", "b"]}, "tuned": name, "repeats": 2})
    rendered(design, [record(p, accuracy=0.5, validation=0.5) for p in points(design)])


def test_the_note_keeps_to_its_table() -> None:
    design = study(factors={"run_name": ["a|b\nc", "<b>"]}, tuned=None, repeats=2)
    told = in_time(design)
    lines = note(analyse(design, [record(p, accuracy=0.5) for p in points(design)]), told).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 4
    assert {row.replace("\\|", "").count("|") for row in rows} == {4}


# Little to say


def bare() -> dict[str, tuple[Study, list[RunRecord]]]:
    """Studies with nothing in some place."""
    full, plain = study(claims=CLAIMS), study()
    one = study(factors={"init": ["he"]}, tuned=None)
    nan = [record(p, accuracy=math.nan, validation=math.nan, loss=math.nan) for p in points(full)]
    return {
        "no runs": (full, []),
        "no claims": (plain, runs(plain, accuracy)),
        "one arm": (one, [record(p, accuracy=0.5, loss=1.0) for p in points(one)]),
        "one run": (one, [record({"init": "he", "seed": 0}, accuracy=0.5)]),
        "all failed": (full, [record(p, "failed") for p in points(full)]),
        "all diverged": (full, [record(p, "diverged", accuracy=math.nan) for p in points(full)]),
        "no numbers": (full, nan),
        "no series": (full, [RunRecord(p, "finished", {}) for p in points(full)]),
        "no parameters": (full, [RunRecord({"seed": 0}, "finished", {})]),
    }


@pytest.mark.parametrize("case", bare())
def test_little_to_say(case: str) -> None:
    read = rendered(*bare()[case])
    assert "Provenance" in read.text
    assert ("Differences from the best arm" in read.text) == (case in ("no claims",))


def test_what_is_neither_better_nor_worse_is_larger_or_smaller() -> None:
    """The report called a gradient that exploded by 1e9 the best arm, and one that is kept worse."""
    name = "log10 first delta_norm/layer_1 / delta_norm/layer_last"
    design = study(factors={"init": ["he", "xavier"]}, tuned=None, measures=[name])
    size = {"he": 100.0, "xavier": 1.0}

    def norms(point: Point) -> dict[str, float]:
        mine = size[str(point["init"])] * (1 + (0.1 if point["init"] == "he" else 0.3) * int(point["seed"]))
        return {"delta_norm/layer_1": mine, "delta_norm/layer_2": 1.0}

    text = rendered(design, runs(design, norms)).text
    assert "Differences from the arm with the largest value" in text
    assert "against the largest" in text
    assert text.count("smaller") == 1
    assert "of which no value is better" in "".join(text)
    assert not any("best arm" in some or "worse" in some for some in text)
    accuracies = study(factors={"init": ["he", "xavier"]}, tuned=None)
    other = rendered(accuracies, runs(accuracies, lambda p: 0.005 * size[str(p["init"])] + 0.01 * int(p["seed"]))).text
    assert "Differences from the best arm" in other
    assert "no value is better" not in "".join(other)


# The files


def written(design: Study, made: list[RunRecord], folder: Path) -> Report:
    return write_report(design, made, folder, Origin(["by hand"]), in_time(design))


def test_the_files(tmp_path: Path) -> None:
    design = study(claims=CLAIMS)
    made = runs(design, accuracy)
    report = written(design, made, tmp_path)
    drawn = "accuracy_test_over_the_epochs"
    assert [path.name for path in report.files] == ["report.html", "summary.csv", f"{drawn}.svg", f"{drawn}.csv"]
    checked(report.files[0].read_text(encoding="utf-8"))
    frame = pd.read_csv(report.files[1])
    assert len(frame) == 40
    assert frame.columns.tolist()[:6] == ["activation", "init", "lr", "seed", "status", "run_id"]
    means = frame[frame["lr"] == 0.1].groupby("activation")["final accuracy/test"].mean()
    assert means["relu"] - means["sigmoid"] == pytest.approx(0.2)
    assert "- **supported**: so it is (0.2 [" in report.note


def test_hostile_names_stay_in_their_cells(tmp_path: Path) -> None:
    design = study(factors={"run_name": HOSTILE}, tuned=None, repeats=1)
    report = written(design, [record(p, accuracy=0.5) for p in points(design)], tmp_path)
    text = report.files[1].read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["run_name"].replace("'", "") for row in rows] == [name.replace("'", "") for name in HOSTILE]
    assert not [row["run_name"] for row in rows if row["run_name"].startswith(("=", "@"))]
    assert len(pd.read_csv(report.files[1])) == len(HOSTILE)


def test_the_page_says_what_few_seeds_cannot_show() -> None:
    """S23, S26: with five seeds a share of divergences of 45 % goes unseen in 5 % of studies: 0.55^5 = 0.05."""
    text = " ".join(rendered(study(), runs(study(), accuracy)).text)
    assert "If none of 5 runs diverged, up to 45 % of all such runs still may (at 95 %)." in text
    assert "It assumes that the values of the seeds scatter normally." in text
    alive = study(diverged="survivors")
    assert "Every number is of the runs that survived." in " ".join(rendered(alive, runs(alive, accuracy)).text)
