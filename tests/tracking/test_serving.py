"""The model of a trained run predicts the run's own bits: loaded elsewhere, served over HTTP, or fetched by its id."""

from __future__ import annotations

import json
import os
import pickletools
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pandas as pd
import pytest

import bpexp
from bpexp.api import Result
from bpexp.errors import BpexpError, TrackingError
from bpexp.nn.arrays import Array
from bpexp.records.network_file import load_network
from bpexp.records.network_spec import network_from_spec
from bpexp.tracking.store import Store, open_store

TINY = ("data.limit=100", "batch_size=10", "epochs=1", "probe=off", "tracking.figures=false")
START_SECONDS = 90.0


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A recorded run of a small training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("trained"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return bpexp.run(*TINY)


@pytest.fixture(scope="module")
def store(trained: Result) -> Store:
    assert trained.outcome.store
    return open_store(trained.outcome.store, "bpexp")


@pytest.fixture(scope="module")
def model_uri(trained: Result, store: Store) -> str:
    outputs = store.client.get_run(str(trained.outcome.run_id)).outputs
    return f"models:/{outputs.model_outputs[0].model_id}"


@pytest.fixture(scope="module")
def model_folder(model_uri: str, store: Store) -> Path:
    location = store.client.get_logged_model(model_uri.removeprefix("models:/")).artifact_location
    return Path(str(location).removeprefix("file://"))


@pytest.fixture(scope="module")
def rows() -> Array:
    return np.random.default_rng(3).random((5, 784), dtype=np.float32)


def test_the_run_fetched_by_its_id_predicts_the_bits_of_its_weights(
    trained: Result, rows: Array, tmp_path: Path
) -> None:
    saved = load_network(trained.directory)
    expected = network_from_spec(saved.weights["last"], saved.spec).forward((rows / np.float32(255)).T).T
    run = bpexp.load(str(trained.outcome.run_id), uri=trained.outcome.store, into=tmp_path)
    answer = run.outputs(rows)
    assert answer.tobytes() == np.ascontiguousarray(expected).tobytes()
    assert answer.std(axis=0).min() > 0  # not the same for every row


PREDICT = """
import sys
from pathlib import Path

class Hidden:
    "No bpexp is found but that of the model."
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] != "bpexp":
            return None
        for finder in sys.meta_path[1:]:
            spec = finder.find_spec(name, path, target)
            if spec is not None and Path(spec.origin).resolve().is_relative_to(sys.argv[1]):
                return spec
        raise ModuleNotFoundError(f"{name} is hidden")

sys.meta_path.insert(0, Hidden())
try:
    import bpexp
except ModuleNotFoundError as error:
    print(error)
import mlflow.pyfunc
import numpy as np
unpickled = []
sys.addaudithook(lambda event, given: unpickled.append(given) if event == "pickle.find_class" else None)
mlflow.set_tracking_uri(sys.argv[2])
model = mlflow.pyfunc.load_model(sys.argv[3])
x = np.load(sys.argv[4])
np.save(sys.argv[5], model.predict(x).iloc[:, 1:])
print(unpickled)
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] == "bpexp":
        print(name, module.__file__)
"""


def test_a_process_without_bpexp_predicts_the_same_bits_and_unpickles_nothing(
    trained: Result, store: Store, model_uri: str, rows: Array, tmp_path: Path
) -> None:
    here = tmp_path / "empty"
    here.mkdir()
    np.save(tmp_path / "x.npy", rows)
    models = url2pathname(urlsplit(store.artifact_root).path)
    given = [models, store.uri, model_uri, str(tmp_path / "x.npy"), str(tmp_path / "y.npy")]
    command = [sys.executable, "-P", "-c", PREDICT, *given]
    said = subprocess.check_output(command, env=environment(store), text=True, cwd=here, timeout=120).splitlines()
    assert said[0] == "bpexp is hidden"
    assert said[1] == "[]"
    assert len(said) > 4
    assert not [line for line in said[2:] if models not in line]
    answer = np.load(tmp_path / "y.npy")
    assert answer.dtype == np.float32
    assert answer.tobytes() == trained.outputs(rows).tobytes()
    assert list(here.iterdir()) == []


def environment(store: Store) -> dict[str, str]:
    """Of a process that knows the store alone, and refuses pickles; its interpreter's folder is on the PATH.

    It keeps no bytecode, so that the folder of the model holds what was recorded, whichever test is first.
    """
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    programs = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    lean = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "OMP_NUM_THREADS": "1"}
    lean["PYTHONDONTWRITEBYTECODE"] = "1"
    return {**kept, **lean, "PATH": programs, "MLFLOW_TRACKING_URI": store.uri, "OPENBLAS_NUM_THREADS": "1"}


def is_pickle(content: bytes) -> bool:
    """Whether the bytes are opcodes of a pickle from the first to the last."""
    end = -1
    with suppress(Exception):
        for _, _, place in pickletools.genops(content):
            end = place or 0
    return len(content) > 1 and end == len(content) - 1


def test_nothing_in_the_folder_of_the_model_is_a_pickle(model_folder: Path) -> None:
    assert is_pickle(b"\x80\x04K\x01.")
    files = [path for path in model_folder.rglob("*") if path.is_file()]
    assert {"MLmodel", "network.npz", "network.json", "bpexp_serving.py"} <= {path.name for path in files}
    assert not [path.name for path in files if path.suffix in (".pkl", ".pickle", ".joblib", ".pt", ".pyc")]
    assert not [path.name for path in files if is_pickle(path.read_bytes())]
    archives = [path for path in files if path.suffix == ".npz"]
    with zipfile.ZipFile(archives[0]) as archive:
        assert [archive.read(name)[:6] for name in archive.namelist()] == [b"\x93NUMPY"] * len(archive.namelist())
    assert "python_function" in (model_folder / "MLmodel").read_text(encoding="utf-8")
    assert "cloudpickle" not in (model_folder / "requirements.txt").read_text(encoding="utf-8")


README = (Path(__file__).parents[2] / "bpexp/data/README.md").read_text(encoding="utf-8")
TABLE = re.search(r'^python -c "(.+?)"$', README, re.M)
TYPED = re.search(r"<!-- table to server -->\n```bash\n(.+?)```", README, re.S)


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the table that the README makes."""
    assert TABLE
    folder = tmp_path_factory.mktemp("wine")
    subprocess.run([sys.executable, "-c", TABLE[1]], cwd=folder, check=True, timeout=60)
    return folder


@pytest.fixture(scope="module")
def commands() -> list[list[str]]:
    """The three commands of the README, from the table to the answer."""
    assert TYPED
    return [shlex.split(line) for line in TYPED[1].splitlines()]


@pytest.fixture(scope="module")
def address(wine: Path, commands: list[list[str]]) -> str:
    """The address of the model that the first command prints."""
    assert commands[0][:3] == ["python", "-m", "bpexp"]
    said = subprocess.check_output(
        [sys.executable, *commands[0][1:]], cwd=wine, env=stranger(), text=True, stderr=subprocess.STDOUT, timeout=120
    )
    (line,) = [line for line in said.splitlines() if line.startswith("model ")]
    return line.split()[1]


@pytest.fixture(scope="module")
def endpoint(wine: Path, commands: list[list[str]], address: str) -> Iterator[str]:
    """The second command, with a free port of this machine, ended with all its processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    changed = {"5001": port, "runs:/RUN_ID/NAME": address}
    assert set(changed) < set(commands[1])
    log = wine / "log.txt"
    with log.open("wb") as said:
        server = subprocess.Popen(
            [sys.executable, "-m", *(changed.get(word, word) for word in commands[1])],
            env=stranger(),
            cwd=wine,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        began = time.monotonic()
        while ask(f"http://127.0.0.1:{port}/ping")[0] != 200:
            late = time.monotonic() - began > START_SECONDS
            assert server.poll() is None, log.read_text(errors="replace")[-2000:]
            assert not late, log.read_text(errors="replace")[-2000:]
            time.sleep(0.2)
        yield commands[2][1].replace("5001", port)
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(server.pid, number)
                server.wait(timeout=10)


def stranger() -> dict[str, str]:
    """The environment of who types the README's commands in a fresh terminal."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    programs = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "PATH": programs, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def ask(url: str, body: dict[str, Any] | bytes | None = None, kind: str = "application/json") -> tuple[int, str]:
    """Status and text of the answer, (0, "") where nothing answers; no proxy stands between."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(url, data, {"Content-Type": kind})
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except (URLError, OSError):
        return 0, ""


def test_the_third_command_answers_with_the_names_of_the_classes(
    endpoint: str, wine: Path, commands: list[list[str]]
) -> None:
    """The table goes to the server as it is, target and all."""
    assert commands[2][2:] == ["-H", "Content-Type: text/csv", "--data-binary", "@wine.csv"]
    status, text = ask(endpoint, (wine / "wine.csv").read_bytes(), "text/csv")
    assert status == 200, text
    answers = pd.DataFrame(json.loads(text)["predictions"])
    assert list(answers.columns) == ["target", "class_0", "class_1", "class_2"]
    table = pd.read_csv(wine / "wine.csv")
    (folder,) = wine.glob("outputs/*/*")
    run = Result(folder)
    right = answers["target"] == table["target"]
    assert right.iloc[run.split.test].mean() == run.metrics["final/accuracy_test"] > 0.8
    expected = run.predict(table)
    assert answers["target"].tolist() == expected["target"].tolist()
    assert answers.iloc[:, 1:].to_numpy(np.float32).tobytes() == run.outputs(table).tobytes()


@pytest.mark.parametrize("form", ["inputs", "dataframe_split", "dataframe_records"])
@pytest.mark.parametrize("weights", ["last", "best"])
def test_json_of_every_form_gives_the_same_bits(form: str, weights: str, endpoint: str, wine: Path) -> None:
    (folder,) = wine.glob("outputs/*/*")
    run, table = Result(folder), pd.read_csv(wine / "wine.csv").drop(columns="target")[::20]
    rows = table.to_numpy().tolist() if form == "inputs" else table.to_dict(form.partition("_")[2])  # type: ignore[call-overload]
    status, text = ask(endpoint, {form: rows, "params": {"weights": weights}})
    assert status == 200, text
    answers = pd.DataFrame(json.loads(text)["predictions"]).iloc[:, 1:].to_numpy(np.float32)
    assert answers.tobytes() == run.outputs(table, weights).tobytes()
    assert run.outputs(table, "last").tobytes() != run.outputs(table, "best").tobytes()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"inputs": [[0.0, 1.0]]}, r"expected rows of 13 values"),
        ({"inputs": [0.0, 1.0]}, r"expected rows of 13 values"),
        ({"inputs": [["a"] * 13]}, "expected a number, found 'a'"),
        ({"dataframe_records": [{"alcohol": 13.0}]}, "the rows need a column 'malic_acid'"),
        ({"dataframe_records": []}, "the rows need a column"),
        ({"rows": [[0.0] * 13]}, "inputs"),
        ({"inputs": [[0.0] * 13], "params": {"weights": "bst"}}, "there are no weights 'bst'; did you mean 'best'"),
    ],
    ids=["two columns", "one row without brackets", "words", "one column", "nothing", "another key", "other weights"],
)
def test_the_served_model_refuses_what_it_cannot_take(endpoint: str, body: dict[str, Any], told: str) -> None:
    status, text = ask(endpoint, body)
    assert 400 <= status < 500, (status, text[:500])
    assert told in text


ANSWERS = """
import json, sys
import mlflow.pyfunc
from mlflow.pyfunc import scoring_server

model = mlflow.pyfunc.load_model(sys.argv[1])
for kind, body in json.load(open(sys.argv[2], encoding="utf-8")):
    answer = scoring_server.invocations(body, kind, model, model.metadata.get_input_schema())
    print(json.dumps(json.loads(answer.response)["predictions"]))
"""


def test_text_columns_in_every_form_that_the_server_takes(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server does with a request, without the server: one process answers all forms."""
    monkeypatch.chdir(tmp_path)
    colours = [("red", "green", "blue")[i % 3] for i in range(90)]
    shown = {"size": [i / 7 for i in range(90)], "colour": colours, "big": [i % 2 == 0 for i in range(90)]}
    table = pd.DataFrame(shown).assign(kind=["warm" if colour == "red" else "cold" for colour in colours])
    table.to_csv("t.csv", index=False)
    said = ("data=csv", "data.path=t.csv", "data.categorical=[colour]", "model.hidden=[4]", "tracking.figures=false")
    run = bpexp.run(*said, f"tracking.uri={store.uri}", epochs=2)
    rows = table.drop(columns="kind")[:4]
    shuffled = rows[["big", "colour", "size"]].assign(more=[None, "x", 1, 2])
    bodies = [
        ("application/json", json.dumps({"dataframe_split": rows.to_dict("split")})),
        ("application/json", json.dumps({"dataframe_records": shuffled.to_dict("records")})),
        ("application/json", json.dumps({"inputs": rows.to_numpy().tolist()})),
        ("application/json", json.dumps({"inputs": rows.to_dict("list")})),
        ("application/json", json.dumps({"instances": rows.to_dict("records")})),
        ("text/csv", table[:4].to_csv(index=False)),
    ]
    (tmp_path / "bodies.json").write_text(json.dumps(bodies), encoding="utf-8")
    command = [sys.executable, "-P", "-c", ANSWERS, str(run.outcome.model), "bodies.json"]
    told = subprocess.check_output(command, env=environment(store), text=True, timeout=120).splitlines()
    assert len(told) == len(bodies)
    expected = json.loads(run.predict(rows).to_json(orient="records", double_precision=15))
    assert list(expected[0]) == ["kind", "cold", "warm"]
    for line in told:
        for answer, wanted in zip(json.loads(line), expected, strict=True):
            assert answer["kind"] == wanted["kind"]
            outputs = [answer["cold"], answer["warm"]]
            assert outputs == pytest.approx([wanted["cold"], wanted["warm"]], rel=1e-12)


def one_line(error: BaseException) -> str:
    """What a person reads, which is not more than a line and shows no insides."""
    text = str(error)
    assert "\n" not in text
    assert "Traceback" not in text
    return text


def test_a_run_without_a_model_has_no_network(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    run = bpexp.run(*TINY, "tracking.model=false", f"tracking.uri={store.uri}")
    loaded = bpexp.load(str(run.outcome.run_id), uri=store.uri, into=tmp_path / "fetched")
    assert loaded.metrics == run.metrics
    with pytest.raises(BpexpError, match="no network") as caught:
        loaded.predict(np.zeros((1, 784)))
    one_line(caught.value)


@pytest.mark.parametrize("run_id", ["0" * 32, "nobody", ""])
def test_an_unknown_id_is_told_in_a_line(run_id: str, store: Store, tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=f"the run '{run_id}' cannot be read") as caught:
        bpexp.load(run_id, uri=store.uri, into=tmp_path / "fetched")
    one_line(caught.value)
    assert not (tmp_path / "fetched").exists()


@pytest.mark.parametrize("holds", ["nothing", "another file", "a result.json of its own"])
def test_a_foreign_run_is_told_in_a_line(holds: str, store: Store, tmp_path: Path) -> None:
    run_id = store.client.create_run(store.experiment_id, run_name="foreign").info.run_id
    if holds != "nothing":
        store.client.log_text(run_id, "{}", "result.json" if "result" in holds else "folder/notes.txt")
    store.client.set_terminated(run_id)
    with pytest.raises(TrackingError, match=f"'{run_id}' holds no result.json; it was not recorded by bpexp") as caught:
        bpexp.load(run_id, uri=store.uri, into=tmp_path / "fetched")
    one_line(caught.value)
    assert not (tmp_path / "fetched").exists()


def test_the_parent_of_a_sweep_is_told_from_its_children(store: Store, tmp_path: Path) -> None:
    tags = {"bpexp.sweep": "-m lr=0.1,0.2", "bpexp.directory": str(tmp_path)}
    run_id = store.client.create_run(store.experiment_id, tags=tags).info.run_id
    with pytest.raises(TrackingError, match="is the parent of a sweep; load one of its children") as caught:
        bpexp.load(run_id, uri=store.uri, into=tmp_path / "fetched")
    one_line(caught.value)
