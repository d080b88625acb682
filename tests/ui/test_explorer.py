"""The page of task=explore in a browser: it is stepped through by keys, and tells the numbers of the trainer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import command
from explorer import content, in_browser, rounded
from plans import built

import bpexp
from bpexp.gradients.backprop import backprop
from bpexp.nn.arrays import Array

WORDS = ["model=mnist_sigmoid", "data=xor", "data.n=60", "model.hidden=[4,9]", "epochs=4", "lr=0.5", "progress=false"]
WORDS += ["tracking=none"]

STEPPING = """
const all = (selector) => [...document.querySelectorAll(selector)];
const texts = (found) => [...found].map((one) => one.textContent);
const look = () => ["#side-1", "#side-2"].map((side) => ({
  symbols: texts(all(`${side} .numbers .formula`)),
  put: texts(all(`${side} .put`)),
  results: texts(all(`${side} .result`)),
  absent: texts(all(`${side} .absent`)),
  values: all(`${side} .values li`).map((item) => item.lastChild.textContent.trim()),
  layers: all(`${side} tbody tr`).map((row) => texts(row.cells)),
}));
const press = (key, more = {}, target = document.body) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...more }));
const see = (list) =>
  list.push({ address: location.hash, live: document.getElementById("live").textContent, sides: look() });
const log = { steps: [], moments: [], units: [] };
see(log.steps);
const more = () => document.getElementById("next").getAttribute("aria-disabled") === "false";
while (more()) { press("ArrowRight"); see(log.steps); }
press("ArrowRight");
log.stays = location.hash;
press("ArrowLeft");
log.back = location.hash;
for (let k = 0; k < 40; k += 1) press("ArrowLeft", { shiftKey: true });
see(log.moments);
for (let k = 0; k < 40; k += 1) { press("ArrowRight", { shiftKey: true }); see(log.moments); }
location.hash = "#step=6&snapshot=1&sample=1&unit=1";
setTimeout(() => {
  see(log.units);
  press("ArrowDown");
  see(log.units);
  const select = document.getElementById("sample");
  select.focus();
  press("ArrowDown", {}, select);
  log.native = location.hash;
  log.focus = all("a, button, select, input, [tabindex]").map((one) => one.id || one.className);
  const said = document.createElement("pre");
  said.id = "log";
  said.textContent = JSON.stringify(log);
  document.body.append(said);
}, 100);
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a small run beside its contrast, in the folder of the module."""
    folder = tmp_path_factory.mktemp("explorer")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert command(["task=explore", *WORDS, "hydra.run.dir=page"], patch) == 0
    return folder / "page" / "explore.html"


@pytest.fixture(scope="module")
def stepped(page: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is read while a script presses the keys, in a copy of the page that lets this script in."""
    folder = tmp_path_factory.mktemp("stepped")
    text = page.read_text(encoding="utf-8")
    opened = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    copy = folder / "copy.html"
    copy.write_text(opened.replace("</body>", f"<script>{STEPPING}</script></body>"), encoding="utf-8")
    at_the_end = f"step=1&snapshot={len(content(page)['sides'][0]['snapshots'])}&sample=1&unit=1"
    seen = in_browser(copy, at_the_end, folder / "profile")
    (told,) = re.findall(r'<pre id="log">(.*?)</pre>', seen, re.S)
    found: dict[str, Any] = json.loads(told.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    return found


def truth(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Array]:
    """The pass of the first sample through the network that the trainer of a usual run has made."""
    monkeypatch.chdir(folder)
    network = bpexp.run(*WORDS, "hydra.run.dir=run").network
    experiment = built(*WORDS)
    data, head = experiment.data.train, experiment.trainer.head
    x, y = (array.astype(np.float64) for array in data.batch(data.rows[:1]))
    exact = network.at(network.theta.astype(np.float64))
    gradient = backprop()(exact, head, x, y)
    work = gradient.workspace
    assert work is not None
    values = {"a^0": x, "y": y, "C": np.array([[gradient.cost]])}
    for l, (layer, z, a, delta) in enumerate(zip(exact.layers, work.z, work.a, work.delta, strict=True), start=1):
        values |= {f"z^{l}": z, f"a^{l}": a, f"delta^{l}": delta, f"dC/db^{l}": delta}
        values[f"f'(z^{l})"] = layer.f.df(z)  # type: ignore[union-attr]
        values[f"dC/da^{l}"] = head.slope(z, y) if l == len(exact.layers) else np.empty((0, 1))
    for l, (dW, _) in enumerate(exact.parameters(gradient.vector), start=1):
        values[f"dC/dW^{l}"] = dW
    return values


def test_each_step_tells_the_numbers_of_the_trainer(
    page: Path, stepped: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = truth(tmp_path, monkeypatch)
    symbols = content(page)["steps"]
    assert len(stepped["steps"]) == len(symbols) == 22
    for number, (symbol, seen) in enumerate(zip(symbols, stepped["steps"], strict=True), start=1):
        assert f"step={number}&" in seen["address"]
        side, values = seen["sides"][0], exact[symbol]
        shown = [float(value) for value in side["results"]]
        if symbol.startswith("dC/dW"):
            chosen = [int(name.partition(",")[2][:-1]) - 1 for name in side["symbols"]]  # the last letter is the layer
            assert chosen
            assert shown == rounded(values)[0, chosen].tolist(), symbol
            continue
        assert shown == [rounded(values)[0, 0]], symbol
        if len(side["values"]) > 0:
            assert [float(value) for value in side["values"]] == rounded(values)[:, 0].tolist(), symbol
        assert seen["live"].startswith(f"Step {number} of 22: ")
        assert side["results"][0] in seen["live"]


def test_the_numbers_put_in_give_the_result(stepped: dict[str, Any]) -> None:
    """Of sums of which every term is told: z of two and four inputs, delta of a layer below two outputs."""
    checked = 0
    for seen in stepped["steps"]:
        for side in seen["sides"]:
            for put, result in zip(side["put"], side["results"], strict=len(side["put"]) == len(side["results"])):
                if "\u2026" in put or re.search("[a-z]{2}", put):
                    continue
                plain = put.replace("\u00d7", "*").replace("\u2212", "-")
                assert re.fullmatch(r"[-+*/(). \de]+", plain), plain
                assert eval(plain) == pytest.approx(float(result), rel=5e-3, abs=2e-3 * abs(float(result)) + 2e-4)
                checked += 1
    assert checked > 20


def test_the_side_without_a_step_says_what_it_computes_next(stepped: dict[str, Any]) -> None:
    absent = [seen["sides"][1]["absent"] for seen in stepped["steps"]]
    told = [texts[0] for texts in absent if texts]
    assert len(told) == 2  # dC/da^3 and f'(z^3): squared error has them, cross-entropy on softmax has not
    assert all("no such step: next it computes \u03b43 = a3 - y" in text for text in told)


def test_keys_move_step_training_and_unit_within_their_bounds(stepped: dict[str, Any], page: Path) -> None:
    moments = len(content(page)["sides"][0]["snapshots"])
    assert "step=22&" in stepped["stays"]
    assert "step=21&" in stepped["back"]
    found = [int(re.findall(r"snapshot=(\d+)", seen["address"])[0]) for seen in stepped["moments"]]
    assert found == [*range(1, moments + 1), *[moments] * (41 - moments)]
    first, second = stepped["units"]
    assert "unit=1" in first["address"]
    assert "unit=2" in second["address"]
    assert second["sides"][0]["results"] == [second["sides"][0]["values"][1]]
    assert "unit=2" in stepped["native"]  # a control that has the focus keeps its keys
    order = [name for name in stepped["focus"] if name in ("back", "next", "step", "snapshot", "sample", "unit")]
    assert order == ["back", "next", "step", "snapshot", "sample", "unit"]
    assert 'id="snapshot" min="1"' in page.read_text(encoding="utf-8")  # the first moment is at the end of the slider


def test_the_slider_tells_of_each_layer_what_was_measured(stepped: dict[str, Any], page: Path) -> None:
    told = content(page)["sides"]
    for k, seen in enumerate(stepped["moments"][: len(told[0]["snapshots"])]):
        for side, shown in zip(told, seen["sides"], strict=True):
            for layer, cells in zip(side["snapshots"][k]["layers"], shown["layers"], strict=True):
                assert float(cells[1]) == float(layer["delta_norm"])
                assert cells[3] == ("\u2013" if "dead" not in layer else cells[3])


def test_names_of_others_run_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes and a name of a run that are markup; without the policy of the page, so that it is not what helps."""
    monkeypatch.chdir(tmp_path)
    names = ["<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "' onmouseover='alert(3)"]
    rows = [f'{0.1 * k},{k * 7 % 11},"{names[k % 3]}"' for k in range(60)]
    Path("table.csv").write_text("\n".join(["a,b,kind", *rows]), encoding="utf-8")
    words = ["data=csv", "data.path=table.csv", "data.target=kind", *WORDS[3:], "run_name='</title><script>alert(4)'"]
    assert command(["task=explore", *words, "hydra.run.dir=page"], monkeypatch) == 0
    text = Path("page", "explore.html").read_text(encoding="utf-8")
    trap = "<script>window.alert = (said) => document.documentElement.setAttribute('data-ran', said)</script>"
    open_page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', trap, text)
    Path("page", "open.html").write_text(open_page, encoding="utf-8")
    seen = in_browser(Path("page", "open.html"), "step=7&snapshot=2&sample=2", tmp_path / "profile")
    assert 'data-ran="' not in seen
    assert "<img" not in seen
    assert "&lt;img src=x onerror=alert(1)&gt;" in seen
    assert re.search("<h1[^>]*>&lt;/title&gt;&lt;script&gt;alert\\(4\\): a pass", seen)


def test_the_page_as_it_is_written_runs_under_its_own_policy(page: Path, tmp_path: Path) -> None:
    """Nothing is fetched, and nothing but its own script runs; the address chooses what is shown."""
    seen = in_browser(page, "step=5&snapshot=3&sample=2&unit=4", tmp_path)
    text = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", text) == []
    assert re.search(r'<p id="live"[^>]*>Step 5 of 22: z of layer 2, unit 4\. after ', seen)
    assert 'aria-live="polite"' in seen
    assert len(re.findall('<svg[^>]* role="img" aria-label="Network 2-4-9-2', seen)) == 2
    assert 'aria-valuetext="3 of' in seen
