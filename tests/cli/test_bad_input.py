"""What a person can get wrong on the command line: one line, exit code 2, and nothing is made."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from children import bound_by_permissions, bpexp
from command_line import command, images, labels, listing, refused

from bpexp.nn.architecture import Architecture


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


KEYS = {
    "lrr=1": "unknown key 'lrr'; did you mean 'lr'?",
    "modle=mnist_relu": "unknown key 'modle'; did you mean 'model'?",
    "optimzer.momentum=0.5": "unknown key 'optimzer'; did you mean 'optimizer'?",
    "experimnt=x": "unknown key 'experimnt'; did you mean 'experiment'?",
    "+qqq=1": "unknown key 'qqq'; choose from: ",
    "++qqq=1": "unknown key 'qqq'; choose from: ",
    "+a.b.c=1": "unknown key 'a'; choose from: ",
    "model.hiden=[3]": "unknown key 'model.hiden'; did you mean 'hidden'?",
    "+model.extra=1": "unknown key 'model.extra'; choose from: name, hidden, depth, width, activations",
    "optimizer.foo=1": "optimizer 'sgd' has no parameter 'foo'; it takes: weight_decay",
    "+optimizer.foo=1": "optimizer 'sgd' has no parameter 'foo'; it takes: weight_decay",
    "optimizer=adam optimizer.beta=0.5": "optimizer 'adam' has no parameter 'beta'; did you mean 'beta",
    "data.classes=3": "data set 'mnist_5k' has no parameter 'classes'",
    "+penalty.x=1": "unknown key 'penalty.x'; choose from: l1, l2",
    "tracking.nope=1": "tracking 'mlflow' has no parameter 'nope'; it takes: experiment, uri, every",
    "probe.nope=1": "probe 'standard' has no parameter 'nope'; it takes: every, measures",
    "hydra.nope=1": "hydra.nope has no effect here; of Hydra's keys these have: hydra.run.dir",
    "~lr": "~lr deletes a required key; remove this override, or use lr=",
    "~model": "~model deletes a required key",
    "~model.hidden": "~model.hidden deletes a required key",
    "~nope": "unknown key 'nope'",
    "+lr=1": "lr exists already; write lr=VALUE without the +",
    "foo": "'foo' is not an override; write KEY=VALUE",
    "mnist_relu": "not an override; did you mean 'model=mnist_relu'? write KEY=VALUE, such as lr=0.1",
    "relu": "did you mean 'activation=relu' or 'output=relu'? write",
    "help": "did you mean '--help'? write",
    "--verison": "unrecognized arguments: --verison; did you mean '--version'? --help lists the options",
    "--model mnist_relu": "--model; did you mean 'model'? keys have no dashes, as in lr=0.1; --help",
    "--learning-rate=0.1": "did you mean 'lr'? keys have no dashes",
    "lr=(": "'lr=(' is not an override; write KEY=VALUE",
    "data.target=width(cm)": """such as 'data.target="width(cm)"'""",
    "data.drop=[a;b,größe]": """such as 'data.drop=["a;b","größe"]'""",
    "lr=0.1 lr=0.2": "lr is given 2 times; give it once",
    "lr=0.1 +lr=0.2": "lr is given 2 times; give it once",
    "model=linear model=chain": "model is given 2 times; give it once",
    "lr=0.1,0.2": "lr=0.1,0.2 has several values; add -m",
    "lr=${nope}": "lr refers to what is not there: ",
    "model=[chain,nope]": "a group takes one option, as in model=NAME",
}
"""Arguments, and how the complaint begins or what it contains."""

TYPES = {
    "lr=abc": "lr must be a number greater than 0, not 'abc'",
    "lr=[1]": "lr must be a number greater than 0, not [1]",
    "lr=": "lr must be a number greater than 0, not ''",
    "lr=null": "lr must be a number greater than 0, not None",
    "epochs=2.5": "epochs must be a whole number of at least 1, not 2.5",
    "epochs=1e3": "epochs must be a whole number of at least 1, not 1000.0",
    "seed=x": "seed must be a whole number of at least 0, not 'x'",
    "progress=maybe": "progress must be true or false, not 'maybe'",
    "model.hidden=32": "model.hidden must be a list of whole numbers of at least 1, not 32",
    "model.hidden=[a]": "model.hidden must be a list of whole numbers of at least 1, not ['a']",
    "model.hidden=[1.5]": "model.hidden must be a list of whole numbers of at least 1, not [1.5]",
    "model.hidden=null": "model.hidden must be a list of whole numbers of at least 1, not None",
    "model.activations=relu": "model.activations must be a list or null, not 'relu'",
    "model.activations=[relu,3]": "null or one name for each of the 2 hidden layers, not ['relu', 3]",
    "callbacks=null": "callbacks must be a mapping",
    "task=explor": "status, stop, not 'explor'; did you mean 'explore'?",
    "task=Trace": "not 'Trace'; did you mean 'trace'?",
    "batch_size=Full": "not 'Full'; did you mean 'full'?",
    "dtype=float16": "dtype must be one of float32, float64, not 'float16'",
    "batch_size=tiny": "batch_size must be a whole number of at least 1 or full, not 'tiny'",
    "batch_size=1.5": "batch_size must be a whole number of at least 1 or full, not 1.5",
    "optimizer=momentum optimizer.momentum=abc": "optimizer 'momentum': momentum must be a number in [0, 1), not 'abc'",
    "loss=mse output=sigmoid loss.factor=abc": "loss 'mse': factor must be a number greater than 0, not 'abc'",
    "loss.shortcut=maybe": "loss.shortcut must be true or false, not 'maybe'",
    "loss.batch=maybe": "loss.batch must be one of mean, sum, not 'maybe'",
    "init.biases=maybe": "init.biases must be one of zero, drawn, not 'maybe'",
    "schedule.warmup=1.5": "schedule 'constant': warmup must be a whole number of at least 0, not 1.5",
    "data.limit=abc": "data.limit must be a whole number of at least 1 or null, not 'abc'",
    "data.one_hot=maybe": "data.one_hot must be true or false, not 'maybe'",
    "data.scaling=bogus": "data.scaling must be one of auto, none, unit, standardize, not 'bogus'",
    "probe.measures=dead": "probe 'standard': measures must be a list of texts, not 'dead'",
    "probe.every=often": "probe 'standard': every must be a whole number of at least 1 or auto, not 'often'",
    "tracking.uri=3": "tracking 'mlflow': uri must be a text or null, not 3",
    "tracking.model=maybe": "tracking 'mlflow': model must be true or false or auto, not 'maybe'",
    "callbacks.early_stopping=3": "callbacks.early_stopping must be a mapping of parameters, such as {}, not 3",
}

RANGES = {
    "lr=0": "lr must be a number greater than 0, not 0.0",
    "lr=-1": "lr must be a number greater than 0, not -1.0",
    "lr=nan": "lr must be finite, not nan",
    "init.gain=0": "init 'he_normal': gain must be a number greater than 0, not 0",
    "init.bias_std=-1": "init.bias_std must be a number of at least 0, not -1",
    "lr=inf": "lr must be finite, not inf",
    "batch_size=0": "batch_size must be a whole number of at least 1 or full, not 0",
    "batch_size=-3": "batch_size must be a whole number of at least 1 or full, not -3",
    "batch_size=100000": "batch_size must be between 1 and the 3500 training samples, not 100000",
    "epochs=0": "epochs must be a whole number of at least 1, not 0",
    "seed=-1": "seed must be a whole number of at least 0, not -1",
    "threads=0": "threads must be a whole number in [1, 1024], not 0",
    "penalty.l2=-1": "penalty.l2 must be a number of at least 0, not -1.0",
    "penalty.l1=inf": "penalty.l1 must be finite, not inf",
    "clip.norm=0": "clip.norm must be a number greater than 0 or null, not 0.0",
    "clip.value=-1": "clip.value must be a number greater than 0 or null, not -1.0",
    "loss=mse output=sigmoid loss.factor=0": "loss 'mse': factor must be a number greater than 0, not 0",
    "loss=mse output=sigmoid loss.factor=inf": "loss 'mse': factor must be finite, not inf",
    "optimizer=adam optimizer.beta1=1": "optimizer 'adam': beta1 must be a number in [0, 1), not 1",
    "optimizer=adam optimizer.beta2=-0.1": "optimizer 'adam': beta2 must be a number in [0, 1), not -0.1",
    "optimizer=adam optimizer.eps=nan": "optimizer 'adam': eps must be finite, not nan",
    "schedule.warmup=-1": "schedule 'constant': warmup must be a whole number of at least 0, not -1",
    "data.validation=1.5": "data.validation must be a number in [0, 1), not 1.5",
    "data.validation=nan": "data.validation must be finite, not nan",
    "data.validation=0.6 data.test=0.5": "leave nothing to train on",
    "data.limit=0": "data.limit must be a whole number of at least 1 or null, not 0",
    "data=polynomial data.n=0": "data set 'polynomial': n must be a whole number of at least 1, not 0",
    "probe.every=0": "probe 'standard': every must be a whole number of at least 1 or auto, not 0",
    "tracking.every=0": "tracking 'mlflow': every must be a whole number of at least 1 or auto, not 0",
    "evaluation.train_samples=0": "evaluation.train_samples must be a whole number of at least 1, not 0",
    "callbacks.early_stopping.patience=0": "patience must be a whole number of at least 1 or null, not 0",
    "model.hidden=[0]": "model.hidden must be a list of whole numbers of at least 1, not [0]",
    "model.hidden=[32,0]": "model.hidden must be a list of whole numbers of at least 1, not [32, 0]",
    "model.hidden=[-1]": "model.hidden must be a list of whole numbers of at least 1, not [-1]",
    "model.activations=[relu]": "model.activations must be null or one name for each of the 2 hidden layers",
    "tracking.experiment=''": "tracking 'mlflow': experiment must be a name, not ''",
}

NAMES = {
    "activation=rleu": "unknown activation 'rleu'; did you mean 'relu'? choose from: ",
    "activation.name=rleu": "unknown activation 'rleu'; did you mean 'relu'? choose from: ",
    "model.activations=[relu,rleu]": "unknown activation 'rleu'; did you mean 'relu'? choose from: ",
    "output=sofmax": "unknown output 'sofmax'; did you mean 'softmax'? choose from: ",
    "model=mnist_rel": "unknown model 'mnist_rel'; did you mean 'mnist_relu'? choose from: ",
    "loss=crossentropy": "unknown loss 'crossentropy'; did you mean 'cross_entropy'? choose from: ",
    "data=mnst": "unknown data 'mnst'; did you mean 'mnist'? choose from: ",
    "optimizer=adm": "unknown optimizer 'adm'; did you mean 'adam'? choose from: ",
    "gradient=backprob": "unknown gradient 'backprob'; did you mean 'backprop'? choose from: ",
    "init=he_norml": "unknown init 'he_norml'; did you mean 'he_normal'? choose from: ",
    "schedule=cosin": "unknown schedule 'cosin'; did you mean 'cosine'? choose from: ",
    "probe=standrd": "unknown probe 'standrd'; did you mean 'standard'? choose from: ",
    "probe.measures=[grad_nrm]": "unknown probe 'grad_nrm'; did you mean 'grad_norm'? choose from: ",
    "tracking=mflow": "unknown tracking 'mflow'; did you mean 'mlflow'? choose from: ",
    "experiment=nope": "unknown experiment 'nope'; choose from: ",
    "callbacks.nope={}": "unknown callback 'nope'; choose from: early_stopping",
    "--config-name nope": "there is no config 'nope'",
    "--config-dir nope": "is not a folder",
    "objective=nope": "objective='nope' is not measured; choose from: loss/train, ",
    "objective=accuracy/tst": "objective='accuracy/tst' is not measured; did you mean 'accuracy/test'?",
    "callbacks.early_stopping.patience=2 callbacks.early_stopping.metric=accuracy/nope": (
        "callbacks.early_stopping.metric='accuracy/nope' is not measured; did you mean 'accuracy/test'?"
    ),
    "callbacks.early_stopping.patience=2 data.validation=0": (
        "callbacks.early_stopping.metric='loss/validation' is not measured; set data.validation=0.1"
    ),
}

PAIRINGS = {
    "activation=softmax": "activation 'softmax' serves as an output only; try activation=relu or sigmoid",
    "model.activations=[relu,softmax]": "activation 'softmax' serves as an output only",
    "output=identity": "loss 'cross_entropy' has no meaning on output 'identity'; it needs output=softmax",
    "output=identity loss=binary_cross_entropy": (
        "loss 'binary_cross_entropy' has no meaning on output 'identity'; it needs output=sigmoid or output=softmax"
    ),
    "data=polynomial": "loss 'cross_entropy' needs class labels, but data=polynomial has values; try loss=mse",
    "data=polynomial loss=mse": "output 'softmax' of 1 unit is always 1; try output=sigmoid or identity",
    "loss=mse output=sigmoid data.one_hot=false": (
        "loss 'mse' cannot compare class numbers; declare data.one_hot=true"
    ),
    "loss=binary_cross_entropy output=sigmoid data.one_hot=false": "data.one_hot=false needs two classes, not 10",
}

CODE = {
    "+_target_=os.system": "_target_='os.system' is refused",
    "+model._target_=x": "model._target_='x' is refused",
    "+optimizer._target_=os.system": "optimizer._target_='os.system' is refused",
    "+callbacks.early_stopping._target_=os.system": "callbacks.early_stopping._target_='os.system' is refused",
    "+hydra.callbacks.x._target_=os.system": "hydra.callbacks.x._target_ has no effect here",
    "hydra.launcher._target_=os.system": "hydra.launcher._target_='os.system' is refused",
    "-m hydra.sweeper._target_=os.system lr=1,2": "no sweeper of Hydra is supported",
    "hydra.job_logging.handlers.console.class=os.system": "hydra.job_logging.handlers.console.class has",
    "hydra.job_logging.handlers.console.stream=ext://os.system": "stream has no effect here",
}

PLACES = {
    "tracking.uri=file:./x": "tracking.uri 'file:./x' is a folder of files, which MLflow no longer supports; use sqlite:///",
    "tracking.uri=./mlruns": "tracking.uri './mlruns' is a folder of files, which MLflow no longer supports; use sqlite:///",
    "tracking.uri=sqlite:///:memory:": "is in memory and is lost when the run ends; use sqlite:///mlflow.db",
    "tracking.uri=sqlite:////proc/nope/mlflow.db": "the store '/proc/nope/mlflow.db' cannot be written",
    "hydra.run.dir=/proc/nope/x": "cannot make the directory '/proc/nope/x'",
    "-m lr=0.1,0.2 hydra.sweep.dir=/proc/nope/x": "cannot make the directory '/proc/nope/x'",
    "hydra.run.dir=null": "hydra.run.dir: ",
}

SWEEPS = {
    "-m lr=0.1,-1": "lr must be a number greater than 0, not -1.0 (in the job lr=-1)",
    "-m lr=0.1,abc": "lr must be a number greater than 0, not 'abc' (in the job lr=abc)",
    "-m seed=1 lr=0.1,0.2 activation=relu,rleu": "did you mean 'relu'?",
    "-m data=mnist_5k,polynomial": "needs class labels, but data=polynomial has values",
    "hydra.mode=MULTIRUN batch_size=32,0": "(in the job batch_size=0)",
    "-m lr=0.1,0.2 lrr=1": "unknown key 'lrr'; did you mean 'lr'?",
    "-m lr=0.1,0.2 tracking.uri=./mlruns": "is a folder of files",
}

TABLE = {**KEYS, **TYPES, **RANGES, **NAMES, **PAIRINGS, **CODE, **PLACES, **SWEEPS}


@pytest.mark.parametrize(("line", "wanted"), TABLE.items(), ids=list(TABLE))
def test_refused(line: str, wanted: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    args = line.split(" ")
    assert wanted in refused(args, monkeypatch, capfd)


def test_a_network_without_hidden_layers_is_no_mistake() -> None:
    assert Architecture().widths == []


def test_an_unknown_flag(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert command(["--multirunn"], monkeypatch) == 2
    assert "--multirunn" in capfd.readouterr().err
    assert listing(Path.cwd()) == []


# Files of configs

CONFIGS = {
    "broken": ("lr: [1,\n", "broken.yaml, line "),
    "twice": ("# @package _global_\nlr: 1\nlr: 2\n", "found duplicate key lr"),
    "tab": ("a:\n\t- b\n", "tab.yaml, line 2 is not YAML"),
    "list": ("- 1\n- 2\n", "in experiment/list: the file must begin with"),
    "text": ("hello\n", "in experiment/text: the file must begin with"),
    "empty": ("", "in experiment/empty: the file must begin with"),
    "package": ("lr: 1\n", "in experiment/package: the file must begin with the line `# @package _global_`"),
    "key": ("# @package _global_\nlrr: 1\n", "in experiment/key: unknown key 'lrr'; did you mean 'lr'?"),
    "type": ("# @package _global_\nlr: abc\n", "in experiment/type: lr must be a number greater than 0, not 'abc'"),
    "width": ("# @package _global_\nmodel: {hidden: 3}\n", "in experiment/width: model.hidden must be a list of whole"),
    "range": ("# @package _global_\nlr: -1\n", "lr must be a number greater than 0, not -1.0"),
    "option": ("# @package _global_\ndefaults:\n  - override /model: chian\n", "unknown model 'chian'; did you mean"),
    "group": (
        "# @package _global_\ndefaults:\n  - override /modle: chain\n",
        "in experiment/group: unknown key 'modle'",
    ),
    "defaults": ("# @package _global_\ndefaults: 3\n", "defaults must be a list"),
    "code": ("# @package _global_\noptimizer:\n  _target_: os.system\n", "optimizer._target_='os.system' is refused"),
    "logging": (
        "# @package _global_\nhydra:\n  job_logging:\n    handlers:\n      console:\n        (): os.system\n",
        "hydra.job_logging.handlers.console.()='os.system' is refused",
    ),
    "sweep": (
        "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      lr: 0.1,-1\n",
        "lr must be a number greater than 0, not -1.0 (in the job lr=-1",
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_config_file(name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    text, wanted = CONFIGS[name]
    file = Path("mine/experiment", f"{name}.yaml")
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    assert wanted in refused(["--config-dir", "mine", f"experiment={name}"], monkeypatch, capfd)


def test_config_file_that_is_not_text(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    Path("mine/experiment").mkdir(parents=True)
    Path("mine/experiment/bytes.yaml").write_bytes(b"\xff\xfe\x00lr")
    assert "not text in UTF-8" in refused(["--config-dir", "mine", "experiment=bytes"], monkeypatch, capfd)


# Files of data


def _idx(x: bytes, y: bytes) -> list[str]:
    Path("x.idx").write_bytes(x)
    Path("y.idx").write_bytes(y)
    return ["data=idx", "data.path=x.idx", "data.labels=y.idx"]


def _npz(**arrays: object) -> list[str]:
    np.savez("d.npz", **arrays)  # type: ignore[arg-type]
    return ["data=npz", "data.path=d.npz"]


def _csv(text: str) -> list[str]:
    Path("d.csv").write_text(text, encoding="utf-8")
    return ["data=csv", "data.path=d.csv"]


FILES = {
    "idx without a path": (lambda: ["data=idx"], "data.path is not given; set data.path="),
    "npz without a path": (lambda: ["data=npz"], "data.path is not given; set data.path="),
    "csv without a path": (lambda: ["data=csv"], "data.path is not given; set data.path="),
    "no such file": (lambda: ["data=idx", "data.path=nope"], "'nope': no such file or folder"),
    "no such npz": (lambda: ["data=npz", "data.path=nope"], "'nope': cannot be opened: No such file"),
    "no such csv": (lambda: ["data=csv", "data.path=nope"], "'nope': cannot be opened: No such file"),
    "wrong magic": (lambda: _idx(images(40, 0x12345678), labels(40)), "'x.idx': wrong magic number 0x12345678"),
    "truncated idx": (lambda: _idx(images(40)[:-3], labels(40)), "'x.idx': expected 176 bytes"),
    "truncated gzip": (lambda: _idx(gzip.compress(images(40))[:-9], labels(40)), "'x.idx': the gzip file is truncated"),
    "counts differ": (lambda: _idx(images(40), labels(39)), "expected 40 labels for the images"),
    "one class": (lambda: _idx(images(40), labels(40, 0)), "found 1 class, expected 2 or more"),
    "pickled": (
        lambda: _npz(X=np.array([{}, 1], dtype=object), y=np.arange(2)),
        "found values of type object; expected numbers or texts",
    ),
    "no such array": (lambda: _npz(X=np.eye(4), t=np.arange(4)), "has no array 'y'"),
    "counts differ in npz": (lambda: _npz(X=np.eye(40), y=np.arange(39) % 2), "found 39"),
    "not a number": (lambda: _npz(X=np.full((40, 2), np.nan), y=np.arange(40) % 2), "input"),
    "ragged csv": (lambda: _csv("1,2,0\n1,0\n"), "'d.csv', line 2: expected 3 columns"),
    "empty csv": (lambda: _csv(""), "'d.csv': is empty"),
    "csv with a gap": (lambda: _csv("5,,0\n1,2,1\n"), "'d.csv', line 1, column '1': a value is missing"),
    "csv with values": (
        lambda: _csv("a,b\n" + "\n".join(f"{i % 7},{i / 7}" for i in range(60))),
        "loss 'cross_entropy' needs class labels, but data=csv has values; try loss=mse output=identity or declare",
    ),
    "csv without the target": (lambda: [*_csv("a,b\n1,2\n"), "data.target=c"], "data.target='c' names no column"),
}


@pytest.mark.parametrize("name", FILES)
def test_data_file(name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    make, wanted = FILES[name]
    assert wanted in refused(make(), monkeypatch, capfd)


def test_official_labels_out_of_range(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    folder = Path("idx")
    folder.mkdir()
    for kind, highest in (("train", 1), ("t10k", 9)):
        (folder / f"{kind}-images-idx3-ubyte").write_bytes(images(40))
        (folder / f"{kind}-labels-idx1-ubyte").write_bytes(labels(40, highest))
    line = refused(["data=idx", "data.path=idx"], monkeypatch, capfd)
    assert "the test set has the class 2, which the training set has not" in line


# Places


def test_a_directory_below_a_file(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("x", encoding="utf-8")
    assert "Not a directory" in refused(["hydra.run.dir=file/run"], monkeypatch, capfd)
    assert "cannot be read: Not a directory" in refused(["tracking.uri=sqlite:///file/mlflow.db"], monkeypatch, capfd)


def test_a_directory_that_holds_a_run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    Path("mine").mkdir()
    Path("mine/metrics.jsonl").touch()
    assert "already holds a run" in refused(["tracking=none", "hydra.run.dir=mine"], monkeypatch, capfd)


def test_a_database_that_is_none(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    Path("mine.db").write_bytes(b"no database, but long enough to be taken for one")
    assert "is not an SQLite database" in refused(["tracking.uri=sqlite:///mine.db"], monkeypatch, capfd)


def test_the_environments_store(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    assert "'./mlruns' is a folder of files" in refused([], monkeypatch, capfd)


READ_ONLY = {
    "a store": ([], "cannot be written"),
    "a folder": (["tracking=none"], "cannot make the directory"),
    "a sweep": (["-m", "tracking=none", "lr=0.1,0.2"], "cannot make the directory"),
    "a trace": (["task=trace", "tracking=none"], "cannot make the directory"),
}


@pytest.mark.parametrize("what", READ_ONLY)
def test_a_folder_that_cannot_be_written(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a child, since root may write anywhere."""
    words, told = READ_ONLY[what]
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o555)
    monkeypatch.chdir(folder)
    child = bpexp(["data=xor", "progress=false", *words], tmp_path, streams=bound_by_permissions)
    assert child.ended() == 2, child.err
    assert list(folder.iterdir()) == []
    assert child.err.startswith("bpexp: ")
    assert told in child.err
    assert (child.out, child.err.count("\n")) == ("", 1)


# What is asked in a process of its own

HEAVY = ("mlflow", "matplotlib", "sklearn", "pandas", "sqlalchemy")

WATCH = """
import atexit, sys
atexit.register(lambda: print("LOADED", *[name for name in {heavy!r} if name in sys.modules], file=sys.stderr))
from bpexp.cli.main import main
sys.argv = ["bpexp", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize(
    ("line", "code"),
    [("--help", 0), ("--cfg job", 0), ("-sc query=bash", 0), ("lr=-1", 2), ("activation=rleu", 2)],
    ids=["help", "cfg", "completion", "range", "name"],
)
def test_answers_wait_for_nothing_heavy(line: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMP_LINE", "bpexp mod")
    monkeypatch.setenv("COMP_POINT", "9")
    script = WATCH.format(heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script, *line.split()], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    assert done.stderr.splitlines()[-1].split() == ["LOADED"]
    assert listing(Path.cwd()) == []


OF_OTHER_TASKS = (
    *("bpexp.running.resuming.resume_sweep", "bpexp.running.tasks.status_task", "bpexp.tracking.fetch"),
    *("bpexp.records.provenance", "bpexp.running.execute", "threadpoolctl", "rich"),
)

COMPARED = """
import atexit, sys
from bpexp.config.composition import _hydras_own
atexit.register(lambda: print("COMPARED", _hydras_own.cache_info().misses, file=sys.stderr))
"""


@pytest.mark.parametrize(("line", "code", "times"), [("lr=-1", 2, 0), ("lr=1 --cfg job", 0, 1)])
def test_a_mistake_waits_for_no_other_task_and_for_one_composition(line: str, code: int, times: int) -> None:
    """A wrong value is told before Hydra's own node is composed, to which that of the config is compared."""
    script = COMPARED + WATCH.format(heavy=OF_OTHER_TASKS)
    done = subprocess.run([sys.executable, "-c", script, *line.split()], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    assert done.stderr.splitlines()[-2:] == ["LOADED", f"COMPARED {times}"]


def test_the_traceback_is_there_for_those_who_ask() -> None:
    environment = {**os.environ, "HYDRA_FULL_ERROR": "1"}
    call = [sys.executable, "-m", "bpexp", "lr=-1"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode != 0
    assert "Traceback" in done.stderr
    assert "lr must be a number greater than 0, not -1.0" in done.stderr
