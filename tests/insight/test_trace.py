"""A sample's trace: every number on the page is computed again from the parameters and the sample on the page."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bpexp.cli.main import main
from bpexp.gradients.backprop import backprop
from bpexp.insight.trace import pass_lines, trace_sample
from bpexp.insight.trace_page import FULL, TITLES, as_markdown, as_text, check_line
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.losses import losses
from bpexp.nn.network import Network
from bpexp.nn.outputs import outputs
from bpexp.records.network_file import load_network

PRINTED = {"rtol": 6e-8, "atol": 1e-14}
"""Eight digits, the last of them rounded."""


def traced(sizes, hidden, output, loss, *, seed=0, **options):
    """The trace of a network whose parameters and sample have three decimals, so that the page has them exactly."""
    rng = np.random.default_rng(seed)
    head = build_head({"name": output}, loss if isinstance(loss, dict) else {"name": loss}, **options)
    network = Network(sizes, [activations.build(name) for name in hidden], head.output, "float64")
    network.theta[...] = np.round(rng.normal(size=network.theta.size), 3)
    x = np.round(rng.normal(size=(sizes[0], 1)), 3)
    y = np.eye(sizes[-1])[:, [1]] if sizes[-1] > 1 else np.array([[1.0]])
    return trace_sample(network, head, hidden, x, y), (network, head, x, y)


def parsed(text):
    """Symbol to equation, shape and value, of everything that a page tells."""
    found = {}
    for head, body in re.findall(r"^(\S.*)\n(?:  \S.*\n)?((?:    .*\n?)+)", text, re.MULTILINE):
        match = re.match(r"(?P<symbol>\S+)(?: = (?P<equation>.*?))?\s+\((?P<n>\d+), (?P<m>\d+)\)", head)
        rows = [row.strip() for row in body.strip().splitlines()]
        assert match["symbol"] not in found
        found[match["symbol"]] = (match["equation"], (int(match["n"]), int(match["m"])), array(rows))
    return found


def array(rows):
    """What the rows of an array hold; a summary stays text."""
    if not rows[0].startswith("["):
        return rows[0]
    values = np.array([[float(number) for number in row.removesuffix("^T")[1:-1].split(", ")] for row in rows])
    return values.T if rows[0].endswith("^T") else values


F = {
    "relu": (lambda z: np.where(z > 0, z, 0), lambda z: np.where(z > 0, 1.0, 0.0)),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1.0, 0.01)),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "softplus": (lambda z: np.log(1 + np.exp(z)), lambda z: 1 / (1 + np.exp(-z))),
    "identity": (lambda z: z, np.ones_like),
    "softmax": (lambda z: np.exp(z) / np.exp(z).sum(), None),
}

C = {
    "mse": (lambda a, y: ((a - y) ** 2).sum(), lambda a, y: 2 * (a - y)),
    "cross_entropy": (lambda a, y: -(y * np.log(a)).sum(), lambda a, y: -y / a),
    "binary_cross_entropy": (
        lambda a, y: -(y * np.log(a) + (1 - y) * np.log(1 - a)).sum(),
        lambda a, y: (a - y) / (a * (1 - a)),
    ),
    "mae": (lambda a, y: np.abs(a - y).sum(), lambda a, y: np.sign(a - y)),
}


def jacobian(output, z):
    """da_j/dz_i (n, n)."""
    a = F[output][0](z)
    return np.diag(a[:, 0]) - a @ a.T if output == "softmax" else np.diag(F[output][1](z)[:, 0])


def recomputed(page, hidden, output, loss, constant=1.0):
    """Everything on a page from its W, b, x and y, by the four equations and the full chain rule of 002."""
    f, L = [None, *hidden, output], len(hidden) + 1
    W, b = ({l: page[f"{letter}^{l}"][2] for l in range(1, L + 1)} for letter in "Wb")
    x, y = page["a^0"][2], page["y"][2]
    told, a, z, delta = {"a^0": x, "y": y}, {0: x}, {}, {}
    for l in range(1, L + 1):
        z[l] = W[l] @ a[l - 1] + b[l]
        a[l] = F[f[l]][0](z[l])
        told |= {f"W^{l}": W[l], f"b^{l}": b[l], f"z^{l}": z[l], f"a^{l}": a[l]}
    told["C"] = np.array([[constant * C[loss][0](a[L], y)]])
    slope = constant * C[loss][1](a[L], y)
    delta[L] = jacobian(output, z[L]).T @ slope
    told |= {f"dC/da^{L}": slope, f"delta^{L}": delta[L]}
    if output != "softmax":
        told[f"f'(z^{L})"] = F[output][1](z[L])
    for l in range(L - 1, 0, -1):
        told[f"f'(z^{l})"] = F[f[l]][1](z[l])
        delta[l] = W[l + 1].T @ delta[l + 1] * told[f"f'(z^{l})"]
        told[f"delta^{l}"] = delta[l]
    for l in range(1, L + 1):
        told |= {f"dC/dW^{l}": delta[l] @ a[l - 1].T, f"dC/db^{l}": delta[l]}
    return told


NETS = {
    "relu, softmax, cross-entropy": ([3, 4, 4, 3], ["relu", "relu"], "softmax", "cross_entropy"),
    "sigmoid, squared error": ([3, 4, 2], ["sigmoid"], "sigmoid", "mse"),
    "softmax, squared error": ([3, 4, 3], ["tanh"], "softmax", "mse"),
    "chain of tanh": ([1, 1, 1, 1, 1], ["tanh"] * 3, "tanh", "mse"),
    "mixed": ([2, 5, 3, 4, 3], ["leaky_relu", "softplus", "sigmoid"], "identity", "mse"),
    "no hidden layer": ([4, 3], [], "softmax", "cross_entropy"),
    "no hidden layer, one output": ([4, 1], [], "sigmoid", "mse"),
    "fused sigmoid": ([3, 2, 3], ["relu"], "sigmoid", "binary_cross_entropy"),
    "absolute error": ([3, 2, 3], ["sigmoid"], "identity", "mae"),
    "one unit in the middle": ([5, 1, 5], ["identity"], "softmax", "cross_entropy"),
}


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shortcut", [True, False])
def test_every_printed_number_follows_from_the_printed_inputs(net, seed, shortcut):
    trace, (network, _, x, y) = traced(*NETS[net], seed=seed, shortcut=shortcut)
    page = parsed(as_text(trace, "A sample"))
    expected = recomputed(page, *NETS[net][1:])
    assert len(page) == len(trace.lines)
    for symbol, (_, shape, value) in page.items():
        assert shape == value.shape == expected[symbol].shape, symbol
        np.testing.assert_allclose(value, expected[symbol], **PRINTED, err_msg=symbol)
    fused = shortcut and NETS[net][2:] in (("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy"))
    L, softmax = len(network.layers), NETS[net][2] == "softmax"
    hidden_away = ({f"dC/da^{L}", f"f'(z^{L})"} if fused else set()) | ({f"f'(z^{L})"} if softmax else set())
    assert set(page) == set(expected) - hidden_away
    inputs = [page[f"{letter}^{l}"][2].ravel() for l in range(1, L + 1) for letter in "Wb"]
    np.testing.assert_array_equal(np.concatenate(inputs), network.theta)
    np.testing.assert_array_equal(page["a^0"][2], x)
    np.testing.assert_array_equal(page["y"][2], y)
    gradient = [page[f"dC/d{letter}^{l}"][2].ravel() for l in range(1, L + 1) for letter in "Wb"]
    np.testing.assert_allclose(
        np.concatenate(gradient), backprop()(*traced(*NETS[net], seed=seed)[1]).vector, **PRINTED
    )


def test_equations_stand_beside_their_numbers():
    page = parsed(as_text(traced(*NETS["relu, softmax, cross-entropy"])[0], "A sample"))
    equations = {symbol: equation for symbol, (equation, *_) in page.items() if equation}
    assert equations["z^2"] == "W^2 a^1 + b^2"
    assert equations["a^2"] == "relu(z^2)"
    assert equations["a^3"] == "softmax(z^3)"
    assert equations["C"] == "cross_entropy(a^3, y)"
    assert equations["delta^3"] == "a^3 - y"
    assert equations["delta^1"] == "(W^2)^T delta^2 * f'(z^1)"
    assert equations["dC/dW^1"] == "delta^1 (a^0)^T"
    assert equations["dC/db^3"] == "delta^3"


@pytest.mark.parametrize(("node", "constant"), [({"factor": 0.5}, 0.5), ({"reduction": "mean"}, 1 / 3)])
@pytest.mark.parametrize("shortcut", [True, False])
def test_the_constant_of_a_loss_is_in_its_lines(node, constant, shortcut):
    """Of the fused sigmoid too, whose delta is a - y only where that constant is 1."""
    loss = {"name": "binary_cross_entropy", **node}
    trace, _ = traced([2, 3, 3], ["tanh"], "sigmoid", loss, shortcut=shortcut)
    page = parsed(as_text(trace, "A sample"))
    expected = recomputed(page, ["tanh"], "sigmoid", "binary_cross_entropy", constant)
    for symbol, (_, _, value) in page.items():
        np.testing.assert_allclose(value, expected[symbol], **PRINTED, err_msg=symbol)
    if shortcut:
        assert page["delta^2"][0] == f"{constant:.8g} (a^2 - y)"
        assert rf"{constant:.8g} (a^{{2}} - y)" in as_markdown(trace, "A sample")


@pytest.mark.parametrize(("output", "loss"), [("softmax", "cross_entropy"), ("softmax", "binary_cross_entropy")])
@pytest.mark.parametrize("shortcut", [True, False])
def test_a_saturated_output_is_told_with_finite_numbers_or_with_the_reason(output, loss, shortcut):
    """N5: three classes, of which a wrong one has a = 1; without the shortcut infinity times 0 is what 002 writes."""
    head = build_head(output, loss, shortcut=shortcut)
    network = Network([1, 3], [], head.output, "float64")
    network.theta[...] = [2000, -2000, 0, 0, 0, 0]
    with np.errstate(invalid="ignore"):
        trace = trace_sample(network, head, [], np.ones((1, 1)), np.array([[0.0], [1.0], [0.0]]))
    lines = {line.symbol: line for line in trace.lines}
    if shortcut:
        assert trace.check.error < 1e-5
        assert all(np.isfinite(lines[symbol].value).all() for symbol in ("C", "delta^1", "dC/dW^1", "dC/db^1"))
    if "dC/da^1" in lines:
        assert "infinite" in lines["dC/da^1"].source


@pytest.mark.parametrize("net", NETS)
def test_markdown_has_every_line_with_the_same_numbers(net):
    trace, _ = traced(*NETS[net])
    page, text = as_markdown(trace, "A sample"), as_text(trace, "A sample")
    blocks = re.findall(r"^`(\S+)`(?: \$= (.*)\$)?, shape \((\d+), (\d+)\).*\n\n```\n([^`]*)```$", page, re.MULTILINE)
    told = parsed(text)
    assert [block[0] for block in blocks] == list(told)
    for symbol, latex, n, m, body in blocks:
        equation, shape, value = told[symbol]
        assert (int(n), int(m)) == shape
        assert bool(latex) == bool(equation)
        assert latex.count("{") == latex.count("}")
        np.testing.assert_array_equal(array(body.strip().splitlines()), value)
    for heading in (TITLES[section] for section in dict.fromkeys(line.section for line in trace.lines)):
        assert f"## {heading}\n" in page
        assert f"{heading}\n{'-' * len(heading)}\n" in text
    for line in (line for line in trace.lines if line.source):
        assert f"({line.source})" in page
        assert line.source in text


@pytest.mark.parametrize("page", [as_text, as_markdown])
def test_pages_are_plain_ascii(page):
    text = page(traced(*NETS["mixed"])[0], "A sample")
    assert text.isascii()
    assert not re.search(r"-0[,\]]", text)
    assert all(line == line.rstrip() for line in text.splitlines())


def test_large_arrays_are_summarised_truthfully():
    trace, _ = traced([30, 12, 65], ["relu"], "softmax", "cross_entropy")
    page = parsed(as_text(trace, "A sample"))
    seen = 0
    for line in trace.lines:
        value = page[line.symbol][2]
        assert isinstance(value, str) == (line.value.size > FULL)
        if isinstance(value, str):
            seen += 1
            told = [float(number) for number in re.findall(r"-?\d[\d.e+-]*(?<![.,])", value)]
            numbers = line.value.ravel()
            norm = np.sqrt((numbers**2).sum())
            truth = [numbers.size, norm, numbers.min(), numbers.max(), numbers.mean(), (numbers == 0).sum()]
            np.testing.assert_allclose(told, truth, **PRINTED)
            assert page[line.symbol][1] == line.value.shape
    assert seen > 6
    assert not any("-0," in value for _, _, value in page.values() if isinstance(value, str))
    assert int(re.search(r"(\d+) zeros", page["dC/dW^1"][2])[1]) >= 30  # those of units that ReLU put out


def test_exactly_as_many_numbers_as_fit_are_written_out():
    trace, _ = traced([8, 8, 2], ["tanh"], "sigmoid", "mse")
    page = parsed(as_text(trace, "A sample"))
    assert page["W^1"][2].shape == (8, 8)


@pytest.mark.parametrize(("hidden", "reference"), [("relu", "central differences"), ("tanh", "complex step")])
def test_the_check(hidden, reference):
    trace, (network, *_) = traced([3, 4, 3], [hidden], "softmax", "cross_entropy")
    line = check_line(trace)
    match = re.fullmatch(
        r"The gradient against (.*): (\d+) slopes compared, worst relative error (.*) \(in (..)\)\.", line
    )
    assert match[1] == reference
    assert int(match[2]) == network.theta.size  # all of a small network
    assert float(match[3]) == pytest.approx(trace.check.error, rel=0.05)
    assert trace.check.error < 1e-6
    assert match[4] in network.names()
    assert as_text(trace, "A sample").rstrip().endswith(line)
    assert f"**Check.** {line}" in as_markdown(trace, "A sample")


def test_of_a_large_network_some_slopes_are_compared():
    trace, (network, *_) = traced([40, 30, 3], ["tanh"], "softmax", "cross_entropy")
    assert network.theta.size > 1000
    assert 0 < trace.check.compared <= 20 * 4
    assert trace.check.error < 1e-6


def test_a_float32_network_is_followed_in_float64():
    _, (network, head, x, y) = traced([3, 4, 3], ["tanh"], "softmax", "cross_entropy")
    theta = network.theta.astype(np.float32)
    single = network.at(theta)
    trace = trace_sample(single, head, ["tanh"], x.astype(np.float32), y.astype(np.float32))
    assert {line.value.dtype for line in trace.lines} == {np.dtype("float64")}
    np.testing.assert_array_equal(single.theta, theta)
    assert trace.cost == pytest.approx(backprop()(single, head, x.astype(np.float32), y).cost, rel=1e-6)


@pytest.mark.parametrize("loss", losses)
def test_every_loss_has_a_trace(loss):
    output = next(name for name in ("identity", "softmax") if outputs.build(name).codomain in losses.build(loss).needs)
    trace, _ = traced([3, 4, 3], ["tanh"], output, loss)
    assert f"C = {loss}(a^2, y)" in as_text(trace, "A sample")


def test_a_loss_of_somebody_else_has_a_trace():
    _, (network, head, x, y) = traced([2, 3, 2], ["tanh"], "identity", "mse")
    head = replace(head, name="identity+quartic")
    assert "C = quartic(a^2, y)" in as_text(trace_sample(network, head, ["tanh"], x, y), "A sample")


# The command


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Runs `bpexp task=trace ...` in this process; answers with the exit code."""
    monkeypatch.chdir(tmp_path)

    def call(*overrides):
        words = ["task=trace", "data=digits", "model.hidden=[5]", "tracking=none", *overrides, "hydra.run.dir=here"]
        monkeypatch.setattr(sys, "argv", ["bpexp", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    return call


def test_the_command_prints_and_keeps_a_trace(command, capsys):
    assert command("sample=3", "activation=tanh") == 0
    text = capsys.readouterr().out
    page = Path("here/trace.md").read_text(encoding="utf-8")
    assert text.startswith("Sample 3 of digits through 64-5-10 (softmax+cross_entropy)\n")
    assert page.startswith("# Sample 3 of digits through 64-5-10 (softmax+cross_entropy)\n")
    told = parsed(text)
    assert re.findall(r"^`([^`\s]+)`", page, re.MULTILINE) == list(told)
    result = json.loads(Path("here/result.json").read_text())
    assert result["status"] == "finished"
    assert result["metrics"]["final/loss_sample"] == pytest.approx(told["C"][2].item(), rel=1e-7)
    journal = Path("here/metrics.jsonl").read_text()
    assert '"check/worst_error"' in journal
    assert not Path("mlflow.db").exists()


def test_other_samples_and_seeds_have_other_traces(command, capsys):
    costs = []
    for words in (["sample=0"], ["sample=1"], ["sample=0", "seed=1"], ["sample=0"]):
        Path("here").mkdir(exist_ok=True)
        for path in Path("here").iterdir():
            path.unlink() if path.is_file() else None
        assert command(*words) == 0
        costs.append(parsed(capsys.readouterr().out)["C"][2].item())
    assert len(set(costs)) == 3
    assert costs[0] == costs[3]


def refused(command, capsys, sample):
    """The line with which a sample is refused, before anything is made."""
    assert command(f"sample={sample}", "data.limit=200") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("bpexp: ")
    assert not Path("here").exists()
    return err


def test_a_sample_beyond_the_data_is_refused_in_one_line(command, capsys):
    line = refused(command, capsys, 100_000)
    samples = int(re.search(r"sample must be below the (\d+) training samples, not 100000", line)[1])
    assert 0 < samples <= 200
    assert f"not {samples}" in refused(command, capsys, samples)
    assert "sample" in refused(command, capsys, -1)
    assert command(f"sample={samples - 1}", "data.limit=200") == 0


# What is followed


MAZUR = """W1: [[0.15, 0.20], [0.25, 0.30]]
b1: [0.35, 0.35]
W2: [[0.40, 0.45], [0.50, 0.55]]
b2: [0.60, 0.60]
x: [0.05, 0.10]
y: [0.01, 0.99]
"""
"""The numbers of M. Mazur, A Step by Step Backpropagation Example (2015)."""

OWN = ["activation=sigmoid", "pairing=sigmoid_mse", "loss.factor=0.5", "lr=0.5"]


def test_own_numbers_are_followed_to_the_published_update(command, capsys):
    """Cost, outputs and new weights as M. Mazur printed them, to the digits that he printed."""
    Path("own.yaml").write_text(MAZUR)
    assert command("trace.values=own.yaml", *OWN, "trace.digits=9") == 0
    text = capsys.readouterr().out
    page = parsed(text)
    published = {
        "C": [[0.298371109]],
        "a^1": [[0.593269992], [0.596884378]],
        "a^2": [[0.75136507], [0.772928465]],
        "new_W^1": [[0.149780716, 0.19956143], [0.24975114, 0.29950229]],
        "new_W^2": [[0.35891648, 0.408666186], [0.511301270, 0.561370121]],
    }
    for symbol, value in published.items():
        np.testing.assert_allclose(page[symbol][2], value, atol=6e-9, err_msg=symbol)
    assert "An own sample through 2-2-2 (sigmoid+mse)" in text
    assert text.rstrip().endswith(f"written to {Path('here/trace.md').absolute()}")
    assert json.loads(Path("here/result.json").read_text())["params"]["model.hidden"] == [2]


def test_an_npz_file_and_a_batch_of_own_samples(command, capsys):
    rng = np.random.default_rng(0)
    W, b, x = rng.normal(size=(3, 4)), rng.normal(size=3), rng.normal(size=(5, 4))
    np.savez("own.npz", W1=W, b1=b, x=x, y=np.eye(3)[[0, 1, 2, 0, 1]])
    assert command("trace.values=own.npz", "trace.digits=17", "lr=0.25") == 0
    page = parsed(capsys.readouterr().out)
    a = np.exp(x @ W.T + b)
    a /= a.sum(axis=1, keepdims=True)
    delta = (a - np.eye(3)[[0, 1, 2, 0, 1]]).T
    np.testing.assert_allclose(page["C_k"][2][0], -np.log(a[range(5), [0, 1, 2, 0, 1]]), rtol=1e-12)
    np.testing.assert_allclose(page["C"][2].item(), page["C_k"][2].mean(), rtol=1e-12)
    np.testing.assert_allclose(page["dC/dW^1"][2], delta @ x / 5, rtol=1e-10)
    np.testing.assert_allclose(page["dC/db^1"][2][:, 0], delta.mean(axis=1), rtol=1e-10)
    np.testing.assert_allclose(page["new_W^1"][2], W - 0.25 * delta @ x / 5, rtol=1e-10)
    assert page["dC/dW^1"][0] == "1/B delta^1 (a^0)^T"


@pytest.mark.parametrize("batch", ["mean", "sum"])
def test_the_gradient_of_a_batch_is_that_of_the_method(batch):
    _, (network, head, _, _) = traced(*NETS["mixed"], batch=batch)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 7)), rng.normal(size=(3, 7))
    trace = trace_sample(network, head, NETS["mixed"][1], x, y)
    told = np.concatenate([line.value.ravel() for line in trace.lines if line.section == "gradient"])
    found = backprop()(network, head, x, y)
    np.testing.assert_allclose(told, found.vector, rtol=1e-12, atol=1e-15)
    assert trace.cost == pytest.approx(found.cost)
    assert f"C = {batch} of C_k" in as_text(trace, "")
    assert "Gradient of the cost of the batch\n" in as_text(trace, "")
    assert trace.check.error < 1e-6


def test_a_trained_network_is_followed(command, capsys):
    """The update is that of the optimizer of the run, and the record holds the config of the run."""
    said = ["task=train", "data=digits", "model.hidden=[5]", "tracking=none", "epochs=1", "optimizer=momentum"]
    perform_in(Path("run"), said)
    capsys.readouterr()
    assert command_of_run("run=run", "sample=1", "trace.samples=2", "trace.digits=17") == 0
    text = capsys.readouterr().out
    page, saved = parsed(text), load_network(Path("run")).weights["last"]
    theta = np.concatenate([page[f"{letter}^2"][2].ravel() for letter in "Wb"])
    np.testing.assert_array_equal(theta.astype(np.float32), saved[-theta.size :])
    assert text.startswith("Samples 1 to 2 of digits through 64-5-10 (softmax+cross_entropy), trained in run")
    assert "one step of momentum; it is no formula of the papers" in text
    params = json.loads(Path("here/result.json").read_text())["params"]
    assert (params["optimizer"], params["task"], params["data"]) == ("momentum", "trace", "digits")


def perform_in(folder, words):
    """`bpexp` with these words in this process, in a folder of its own; it ends well."""
    assert ended([*words, f"hydra.run.dir={folder}"]) == 0


def command_of_run(*words):
    return ended(["task=trace", "tracking=none", *words, "hydra.run.dir=here"])


def ended(words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["bpexp", *words])
        with pytest.raises(SystemExit) as end:
            main()
    return end.value.code


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("W1: [[1, 2]]", r"lacks b1"),
        ("W1: [[1, 2]]\nb1: [1, 2]", r"W1 \(1, 2\) and b1 \(2,\) do not fit"),
        ("W1: [[1, 2], [3]]\nb1: [1]", "W1 holds something else than numbers in rows of equal length"),
        ("W1: [[.nan]]\nb1: [1]", "not finite"),
        ("V1: [[1]]", "holds 'V1'; expected W1, b1"),
        ("'': [1]", "holds ''; expected W1, b1"),
        ("xy: [1]", "holds 'xy'; expected W1, b1"),
        ("W\u00b2: [[1]]", "expected W1, b1"),
        ("x: [1, 2]", "holds x alone"),
        ("x: [1, 2]\ny: [[1], [2]]", "1 samples in x and 2 in y"),
        ("x: [1, 2]\ny: [1]", "takes 64 inputs and gives 10 outputs, but x has 2 and y has 1"),
        ("- 1", "holds no names with numbers"),
        ("W1: !!python/object:os.system {}", "tag"),
        ("W1: [", "YAML"),
    ],
)
def test_a_file_of_own_numbers_that_does_not_fit_is_told_in_a_line(content, told, command, capsys):
    Path("own.yaml").write_text(content)
    assert command("trace.values=own.yaml") in (1, 2)
    captured = capsys.readouterr()
    assert re.search(told, captured.out + captured.err)
    assert "Traceback" not in captured.out + captured.err


@pytest.mark.parametrize(
    ("y", "told"),
    [
        ("[0.5, 0.2]", "softmax+cross_entropy needs targets that sum to 1, but those of a sample sum to 0.7"),
        ("[1, 1]", "sum to 2"),
        ("[2, -1]", "needs targets from 0 to 1, but y holds -1 to 2"),
    ],
)
def test_own_targets_for_which_the_loss_does_not_hold_are_refused(y, told, command, capsys):
    """Cost and delta come from a closed form that supposes a sum of 1; the check would compare it with itself."""
    Path("own.yaml").write_text(f"W1: [[0.5, 0.1], [0.2, 0.3]]\nb1: [0, 0]\nx: [1, 2]\ny: {y}\n")
    assert command("trace.values=own.yaml", "output=softmax", "loss=cross_entropy") != 0
    captured = capsys.readouterr()
    assert told in captured.out + captured.err
    Path("own.yaml").write_text("W1: [[0.5, 0.1], [0.2, 0.3]]\nb1: [0, 0]\nx: [1, 2]\ny: [0.3, 0.7]\n")
    assert command("trace.values=own.yaml", "output=softmax", "loss=cross_entropy") == 0


def test_numbers_beyond_float64_are_told_as_such(command, capsys):
    """They warn of nothing, and nothing is said of how delta was found, which is no number either."""
    Path("own.yaml").write_text("W1: [[1e308, 1e308], [0, 0]]\nb1: [0, 0]\nx: [1e308, 2]\ny: [1, 0]\n")
    assert command("trace.values=own.yaml", "output=softmax", "loss=cross_entropy") == 0
    page = capsys.readouterr().out
    assert "not finite, for z is beyond the range of float64" in page
    assert "delta is from z" not in page


def test_delta_of_the_chain_rule_is_not_said_to_be_from_z():
    head = build_head({"name": "sigmoid"}, {"name": "binary_cross_entropy"}, shortcut=False)
    network = Network([1, 1], [], head.output, "float64")
    network.theta[...] = 800.0
    with np.errstate(all="ignore"):
        lines, _ = pass_lines(network, head, [], np.ones((1, 1)), np.zeros((1, 1)))
    slope = next(line for line in lines if line.symbol == "dC/da^1")
    assert slope.source == "infinite, for a is 0 or 1 in float64"


@pytest.mark.parametrize(
    "wanted", ["run=nowhere", "trace.values=nowhere.yaml", "trace.digits=0", "trace.samples=99999"]
)
def test_what_cannot_be_traced_is_refused_before_a_folder_is_made(wanted, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command_of_run(wanted) == 2
    assert not Path("here").exists()
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_trace_in_latex_is_whole(command, capsys):
    """Every environment and brace is closed, and every number of the page stands there."""
    Path("own.yaml").write_text(MAZUR)
    assert command("trace.values=own.yaml", *OWN, "trace.digits=3", "trace.format=latex") == 0
    text, page = capsys.readouterr().out, Path("here/trace.tex").read_text(encoding="utf-8")
    assert not Path("here/trace.md").exists()
    assert page.count("{") == page.count("}")
    assert page.count(r"\begin{array}") == page.count(r"\end{array}") == page.count(r"\left(")
    assert page.count("\\[\n") == page.count("\n\\]") == len(parsed(text))
    told = re.findall(r"(?<![\w^])-?\d\.\d+", text[: text.index("Avram (001): A.")])
    assert set(told) <= set(re.findall(r"-?\d\.\d+", page))
    assert r"\frac{\partial C}{\partial W^{1}} = \delta^{1} (a^{0})^T = " in page
    assert "section Back Prop" in page


def test_sources_are_spelt_out():
    trace, _ = traced(*NETS["sigmoid, squared error"])
    page = as_markdown(trace, "A sample")
    assert "(Avram (001), section Back Prop)" in page
    assert "- Avram (001): A. Avram, Back propagation for Deep Feedforward Neural Networks (2025)" in page
    assert not any(re.fullmatch(r"\d{3}.*", line.source) for line in trace.lines)
