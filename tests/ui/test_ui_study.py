"""What a person sees of a run and of a study in the pages of MLflow, through one browser."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from command_line import command
from test_ui import CHROMIUM, FLAGS, free_port, start

from bpexp.tracking.links import run_link
from bpexp.tracking.store import Store, open_store

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here to look at the pages with")

SECONDS = 120.0
"""The longest that a page may take to show something; where all goes well it is a few seconds."""

SMALL = ["data.limit=60", "batch_size=20", "epochs=2", "progress=false"]

STUDY = """# @package _global_
defaults:
  - override /model: mnist_relu
  - override /data: mnist_5k

tracking:
  model: false
  figures: false
study:
  title: A title that nobody else has
  question: Is the page of a study found where MLflow keeps it?
  factors:
    activation: [sigmoid, relu]
  repeats: 2
  measures:
    - final accuracy/test
  curves: [accuracy/test]
  claims:
    - text: The claim that is looked for
      measure: final accuracy/test
      of: {activation: relu}
      against: {activation: sigmoid}
      above: -1
"""

SECTIONS = {
    *("loss", "accuracy", "grad_norm", "delta_norm", "saturation", "dead", "update_ratio", "final", "best", "time"),
    *("top3_accuracy", "activation", "weight_norm", "ledger", "fixed/grad_norm"),
}


LAUNCH = """
import fcntl, os, sys
orders, answers = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])
os.dup2(orders, 3)
os.dup2(answers, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Chromium reads its orders from descriptor 3 and answers on 4."""


class Browser:
    """Chromium, spoken to over two pipes: JSON messages, each ended by a zero byte."""

    def __init__(self, profile: Path) -> None:
        ours, answers = os.pipe()
        theirs, self._orders = os.pipe()
        flags = [flag for flag in FLAGS if "virtual-time" not in flag and "dump-dom" not in flag]
        words = [str(CHROMIUM), *flags, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", LAUNCH, str(theirs), str(answers), *words],
            pass_fds=(theirs, answers),
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
        )
        os.close(theirs)
        os.close(answers)
        self._answers = ours
        self._read = bytearray()
        self._count = 0
        self._page = ""

    def close(self) -> None:
        """End it with all its processes."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(self._process.pid, number)
                self._process.wait(timeout=10)
        os.close(self._answers)
        os.close(self._orders)

    def _call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """The result of one command, whatever events come in between."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._orders, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._count:
            pass
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            piece = os.read(self._answers, 1 << 16)
            assert piece, "the browser has ended"
            self._read += piece
        text, _, rest = self._read.partition(b"\0")
        self._read = rest
        message: dict[str, Any] = json.loads(text)
        return message

    def _attach(self, target: str) -> str:
        return str(self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])

    def _evaluate(self, script: str, session: str) -> Any:
        answer = self._call("Runtime.evaluate", session, expression=script, returnByValue=True)
        return answer["result"].get("value")

    def open(self, link: str) -> None:
        """Go to another page; what an old one shows is gone."""
        if not self._page:
            self._page = self._attach(self._call("Target.createTarget", url="about:blank")["targetId"])
        self._call("Page.navigate", self._page, url="about:blank")
        self._call("Page.navigate", self._page, url=link)

    def emulate(self, width: int, media: str = "screen", scheme: str = "light") -> None:
        """Show the page on a screen of this width, or as it is printed on paper of it."""
        phone = width < 500
        self._call(
            "Emulation.setDeviceMetricsOverride", self._page, width=width, height=800, deviceScaleFactor=1, mobile=phone
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", self._page, media=media, features=features)

    def ask(self, script: str) -> Any:
        """The value of an expression in the page."""
        return self._evaluate(script, self._page)

    def shown(self, *wanted: str) -> str:
        """The text of the page once all that is wanted stands in it."""
        return self._wait(lambda: str(self.ask("document.body ? document.body.innerText : ''")), wanted)

    def framed(self, *wanted: str) -> str:
        """The text of the frames in the page, once all that is wanted stands in it."""
        return self._wait(self._frames, wanted)

    def _frames(self) -> str:
        targets = self._call("Target.getTargets")["targetInfos"]
        frames = [self._attach(target["targetId"]) for target in targets if target["type"] == "iframe"]
        return "\n".join(str(self._evaluate("document.title + '\\n' + document.body.innerText", s)) for s in frames)

    def _wait(self, look: Any, wanted: tuple[str, ...]) -> str:
        """Look again until all of it is there."""
        began = time.monotonic()
        while missing := [word for word in wanted if word not in (text := look())]:
            assert time.monotonic() - began < SECONDS, f"{missing} not in:\n{text}"
            time.sleep(0.1)
        return text


@dataclass(frozen=True, slots=True)
class Pages:
    """The browser, the printed link, the store, and the runs in it by their names."""

    browser: Browser
    link: str
    store: Store
    runs: dict[str, str]

    def open(self, name: str, page: str = "") -> Browser:
        """Open a run's overview, or another page of it."""
        link = run_link(self.link.split("/#/")[0], self.store.experiment_id, self.runs[name])
        self.browser.open(link.replace("/model-metrics", page))
        return self.browser


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store that holds one run with everything, and a study of four."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "mine" / "experiment").mkdir(parents=True)
    (folder / "mine" / "experiment" / "brief.yaml").write_text(STUDY, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        assert command([*SMALL, "probe=full", "lr=0.2"], patch) == 0
        assert command(["--config-dir", "mine", "-m", "experiment=brief", *SMALL], patch) == 0
    return folder


@pytest.fixture(scope="module")
def pages(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The store served by `python -m bpexp.ui` and a browser, both ended afterwards."""
    store = open_store(f"sqlite:///{recorded}/mlflow.db", "bpexp")
    runs = {str(run.info.run_name): run.info.run_id for run in store.client.search_runs([store.experiment_id])}
    server = start("--port", str(free_port()), cwd=recorded)
    profile = tmp_path_factory.mktemp("profile")
    try:
        assert server.stdout is not None
        link = server.stdout.readline().strip()
        browser = Browser(profile)
        try:
            yield Pages(browser, link, store, runs)
        finally:
            browser.close()
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)
        shutil.rmtree(profile, ignore_errors=True)


LAYERS = "[...document.querySelectorAll('a')].find(a => a.innerText === 'delta').href"


def test_the_description_of_a_run_opens_all_layers_in_one_chart(pages: Pages) -> None:
    browser = pages.open(named(pages, "data.limit=60"))
    browser.shown("In one chart:")
    browser.open(str(browser.ask(LAYERS)))
    browser.shown("Metrics", "Y-axis", *(f"(delta_norm/layer_{l})" for l in (1, 2, 3)))


def test_the_view_of_the_experiment_begins_with_loss_and_accuracy_and_all_layers(pages: Pages) -> None:
    base, number = pages.link.split("/#/")[0], pages.store.experiment_id
    tags = pages.store.client.get_experiment(number).tags
    address = tags["mlflow.note.content"].split("](")[1].split(")")[0]
    pages.browser.open(f"{base}/{address}")
    shown = pages.browser.shown("all layers in one chart\n(5)", "loss and accuracy\n(", *pages.runs).splitlines()
    first, then = shown.index("loss and accuracy"), shown.index("all layers in one chart")
    assert first < then < shown.index("best") < shown.index("final")
    charts = ("loss/test vs loss/train", "accuracy/test vs accuracy/train")
    assert all(any(line.startswith(chart[:12]) for line in shown[first:then]) for chart in charts)


def named(pages: Pages, start: str) -> str:
    """The only run whose name begins so."""
    (name,) = [name for name in pages.runs if name.startswith(start)]
    return name


def test_the_printed_link_lists_parent_children_and_single_runs(pages: Pages) -> None:
    pages.browser.open(pages.link)
    assert len(pages.runs) == 6
    assert all("activation=" in name or "lr=0.2" in name or name.startswith("study") for name in pages.runs)
    text = pages.browser.shown("6 matching runs", "top3_accuracy", *pages.runs)
    assert "Sort: final/accuracy_test" in text


def test_the_charts_of_a_run_stand_in_sections(pages: Pages) -> None:
    browser = pages.open(named(pages, "data.limit=60"), "/model-metrics")
    shown = browser.shown("Auto-refresh", *SECTIONS).splitlines()
    assert set(shown) >= SECTIONS
    assert shown[shown.index("Model metrics", shown.index("Auto-refresh")) + 1] == "(0)"  # what belongs to no section


def test_the_overview_of_a_run_tells_how_good_it_is(pages: Pages) -> None:
    browser = pages.open(named(pages, "data.limit=60"))
    text = browser.shown("finished; accuracy test 0.", "last epoch (2)", "Logged models (1)", "mnist_5k")
    assert "python -m bpexp data.limit=60 batch_size=20 epochs=2 progress=false probe=full lr=0.2" in text
    assert text.index("loss/train") < text.index("accuracy/test") < text.index("grad_norm/W1")
    assert text.index("lr\n") < text.index("epochs\n") < text.index("model\n")


def test_the_picture_of_a_run_is_shown(pages: Pages) -> None:
    browser = pages.open(named(pages, "data.limit=60"), "/artifacts/figures.png")
    browser.shown("figures.png", "config.yaml", "metrics.jsonl", "result.json")
    script = "String(Math.max(0, ...[...document.images].map(image => image.naturalWidth)))"
    began = time.monotonic()
    while int(browser.ask(script)) < 600:
        assert time.monotonic() - began < SECONDS
        time.sleep(0.1)


def test_the_parent_of_a_study_holds_its_answer(pages: Pages) -> None:
    browser = pages.open(named(pages, "study"))
    children = [name for name in pages.runs if name.startswith("activation=")]
    assert len(children) == 4
    browser.shown("A title that nobody else has", "The claim that is looked for", "Child runs", *children)
    table = (
        "[...document.querySelectorAll('table')].map(t => [...t.rows].map(r => r.cells[0].innerText).join()).join(';')"
    )
    first, second = "activation=relu", "activation=sigmoid"
    assert f"arm,{first},{second}" in browser.ask(table) or f"arm,{second},{first}" in browser.ask(table)


def test_the_report_of_a_study_is_shown_where_mlflow_keeps_it(pages: Pages) -> None:
    browser = pages.open(named(pages, "study"), "/artifacts/report.html")
    browser.shown("report.html", "summary.csv", "ranking.csv", "study.json")
    report = browser.framed("The claim that is looked for")
    assert report.count("A title that nobody else has") == 2  # of the document and at its head
    assert "Arms, as declared" in report
