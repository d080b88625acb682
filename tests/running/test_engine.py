"""engine= from the command line: what runs, what is said and recorded, what is refused, and how a run goes on."""

from __future__ import annotations

import importlib.util
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import command, refused
from stores import ask

from bpexp.errors import CheckpointError
from bpexp.nn.activations import Activation, activations
from bpexp.nn.compiled import Compiled
from bpexp.records.journal import JOURNAL, read
from bpexp.records.network_file import load_network
from bpexp.records.outcome import read_outcome
from bpexp.records.snapshots import Snapshots, read_snapshots
from bpexp.running import step_engine
from bpexp.running.fusing import arranged
from bpexp.running.resuming.resume import resume
from bpexp.running.step_engine import FEWEST, LARGEST, pays
from bpexp.training.trainer import train
from tests.support.resuming import rows, write_at_once
from tests.support.together import jobs_of

SMALL = ["data=xor", "data.n=60", "model.hidden=[4]", "batch_size=7", "epochs=4", "progress=false"]
QUIET = [*SMALL, "tracking=none"]

needs_numba = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="engine=numba needs numba, of the extra `fast`"
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def _absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba is not installed."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "numba" else found(name, *rest)
    )


def weights(folder: str) -> Any:
    return load_network(Path(folder)).weights["last"]


def events(folder: str, kind: str) -> list[dict[str, Any]]:
    return [line for _, line in read(Path(folder, JOURNAL)) if line.get("event") == kind]


@needs_numba
def test_every_record_says_what_ran(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*SMALL, "probe=full", "schedule=cosine", "optimizer=adam", "dtype=float64"]
    for engine in ("numpy", "numba"):
        assert command([*words, f"engine={engine}", f"hydra.run.dir={engine}"], monkeypatch) == 0
        assert read_outcome(Path(engine)).params["engine"] == engine
    np.testing.assert_allclose(weights("numba"), weights("numpy"), rtol=0, atol=1e-12)
    ours, theirs = rows(Path("numba")), rows(Path("numpy"))
    assert sorted((name, step) for name, _, step in ours) == sorted((name, step) for name, _, step in theirs)
    [told] = events("numba", "engine")
    assert told["engine"] == "numba"
    assert not events("numpy", "engine")
    tags = dict(ask(store, "select run_uuid, value from tags where key = 'bpexp.engine'"))
    params = dict(ask(store, "select run_uuid, value from params where key = 'engine'"))
    assert sorted(params.values()) == ["numba", "numpy"]
    assert tags == {run: f"numba {told['version']}" for run, engine in params.items() if engine == "numba"}


@needs_numba
def test_recording_and_probing_change_no_bit(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ways = [["probe=full", "probe.every=1"], ["probe=off"], ["tracking=none"], ["check=every_n", "check.every=5"]]
    for number, way in enumerate(ways):
        words = [*SMALL, "engine=numba", "dtype=float64", *way, f"hydra.run.dir={number}"]
        assert command(words, monkeypatch) == 0
        np.testing.assert_array_equal(weights(str(number)), weights("0"))


@needs_numba
def test_snapshots_are_those_of_numpy_and_cut_no_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bpexp.training.compiled import loop
    from bpexp.training.compiled.steps import CompiledSteps
    from tests.support.compiled import compiled, trainer_of

    monkeypatch.setattr(loop, "MOMENT", 1e9)  # so that the clock says nothing about the length of a chunk
    run, chunks = CompiledSteps.run, list[int]()

    def counted(self: CompiledSteps, first: int, B: int, rates: Any, losses: Any) -> int:
        chunks.append(len(rates))
        return run(self, first, B, rates, losses)

    monkeypatch.setattr(CompiledSteps, "run", counted)
    for engine in ("numpy", "numba"):
        (tmp_path / engine).mkdir()
    train(trainer_of(epochs=9)[0], [Snapshots(tmp_path / "numpy", 4)])
    compiled(trainer_of(epochs=9))
    without, chunks[:] = chunks[:], []
    compiled(trainer_of(epochs=9), [Snapshots(tmp_path / "numba", 4)])
    assert chunks == without
    P = trainer_of()[0].network.theta.size
    ours, theirs = (read_snapshots(tmp_path / engine, P) for engine in ("numba", "numpy"))
    assert [(kept.epoch, kept.step) for kept in ours] == [(kept.epoch, kept.step) for kept in theirs]
    assert len(ours) == 5
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.theta, other.theta, rtol=0, atol=1e-12)


@needs_numba
def test_the_check_sees_a_wrong_compiled_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    from bpexp.training.compiled.steps import CompiledSteps

    true = CompiledSteps.gradient

    def wrong(self: CompiledSteps, first: int, B: int) -> Any:
        loss, x, y, gradient = true(self, first, B)
        gradient.vector[3] *= 1.01
        return loss, x, y, gradient

    words = [*QUIET, "engine=numba", "dtype=float64", "check=start", "check.coordinates=1", "hydra.run.dir=run"]
    assert command(words, monkeypatch) == 0
    monkeypatch.setattr(CompiledSteps, "gradient", wrong)
    assert command([*words[:-1], "hydra.run.dir=other"], monkeypatch) == 1
    assert "the gradient of the whole batch is wrong in W1" in read_outcome(Path("other")).reason


@needs_numba
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["gradient=jacobian"],
            "engine=numba has no compiled form of gradient method 'Jacobian'; choose another; a new run may use ",
        ),
        (
            ["gradient.blocks=32"],
            "engine=numba has no compiled form of gradient.blocks=32; choose another; a new run may use engine=numpy",
        ),
        (["-m", "seed=1,2", "launcher.fuse=auto"], "launcher.fuse=auto has no effect with engine=numba; leave one "),
        (["task=explore"], "engine=numba has no effect with task=explore; leave one of them out"),
        (["task=trace"], "engine=numba has no effect with task=trace; leave one of them out"),
    ],
)
def test_what_has_no_form_is_refused_before_anything_is_made(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert said in refused([*QUIET, "engine=numba", *words], monkeypatch, capfd)


@pytest.mark.usefixtures("_absent")
def test_without_numba(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    line = refused([*QUIET, "engine=numba"], monkeypatch, capfd)
    assert line.strip() == (
        "engine=numba is not installed; type: pip install 'bpexp[fast]'; a new run may use engine=numpy, or engine=auto"
    )
    monkeypatch.setattr(step_engine, "FEWEST", 1)
    assert command([*QUIET[:-2], "tracking=none", "engine=auto", "hydra.run.dir=run"], monkeypatch) == 0
    assert "engine=auto takes numpy: numba is not installed; type: pip install 'bpexp[fast]'" in capfd.readouterr().err
    assert read_outcome(Path("run")).params["engine"] == "numpy"


@needs_numba
@pytest.mark.parametrize("broken", [True, False])
def test_numba_that_is_of_no_use(
    broken: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It cannot be imported, as beside another NumPy, or is switched off: engine=auto trains all the same."""
    from bpexp.training import compiled
    from bpexp.training.compiled import native

    told = (
        "cannot be imported: ModuleNotFoundError: "
        if broken
        else "compiles nothing while NUMBA_DISABLE_JIT is set; unset it"
    )
    if broken:
        monkeypatch.delattr(compiled, "native")
        monkeypatch.setitem(sys.modules, "bpexp.training.compiled.native", None)
    else:
        monkeypatch.setattr(native, "DISABLED", True)
    assert f"engine=numba {told}" in refused([*QUIET, "engine=numba"], monkeypatch, capfd)
    monkeypatch.setattr(step_engine, "FEWEST", 1)
    assert command([*QUIET[:-2], "tracking=none", "engine=auto", "hydra.run.dir=run"], monkeypatch) == 0
    assert f"engine=auto takes numpy: numba {told}" in capfd.readouterr().err


@needs_numba
def test_auto_says_what_it_takes(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    words = [*QUIET[:-2], "tracking=none", "engine=auto"]
    assert command([*words, "hydra.run.dir=few"], monkeypatch) == 0
    told = capfd.readouterr()
    assert f"engine=auto takes numpy: 24 updates, and compiled steps pay from {FEWEST:,} on" in told.err
    assert [line.split() for line in told.out.splitlines() if line.startswith("engine")] == [["engine", "numpy"]]
    monkeypatch.setattr(step_engine, "FEWEST", 1)
    assert command([*words, "hydra.run.dir=some"], monkeypatch) == 0
    told = capfd.readouterr()
    assert "engine=auto takes numba: 24 updates of a small network\n" in told.err
    assert "engine         numba, compiled steps\n" in told.out
    assert command([*words, "gradient=jacobian", "hydra.run.dir=other"], monkeypatch) == 0
    assert "engine=auto takes numpy: numba has no compiled form of gradient method 'Jacobian'" in capfd.readouterr().err
    assert command(["-m", *words, "seed=1,2", "launcher.fuse=auto", "launcher=serial"], monkeypatch) == 0
    assert "small network; launcher.fuse=auto trains no such runs together" in capfd.readouterr().err
    engines = {name: read_outcome(Path(name)).params["engine"] for name in ("few", "some", "other")}
    assert engines == {"few": "numpy", "some": "numba", "other": "numpy"}
    config = Path("some/config.yaml").read_text(encoding="utf-8")
    assert "engine: numba" in config  # what a resume reads


def test_a_sweep_says_once_what_auto_takes(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["-m", *QUIET[:-2], "tracking=none", "engine=auto", "seed=0,1,2", "launcher=serial", "epochs=1,2,3"]
    assert command([word for word in words if word != "epochs=4"], monkeypatch) == 0
    assert capfd.readouterr().err.count("engine=auto takes numpy: ") == 1


def test_what_pays_is_a_function_of_the_shapes() -> None:
    assert (LARGEST, FEWEST) == (4_000_000, 20_000)  # as bpexp/running/README.md says
    assert pays((2, 8, 1), 4, FEWEST)
    assert pays((784, 32, 32, 10), 128, FEWEST)
    assert not pays((784, 32, 32, 10), 128, FEWEST - 1)
    assert not pays((784, 256, 128, 10), 128, 10**9)
    assert pays((LARGEST, 1), 1, FEWEST)
    assert not pays((LARGEST + 1, 1), 1, FEWEST)


@needs_numba
def test_a_broken_off_run_ends_as_an_unbroken_one(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*(word for word in QUIET if word != "epochs=4"), "engine=numba", "optimizer=adam", "dtype=float64"]
    assert command([*words, "epochs=6", "hydra.run.dir=whole"], monkeypatch) == 0
    write_at_once(monkeypatch)
    assert command([*words, "epochs=3", "hydra.run.dir=part"], monkeypatch) == 0
    assert resume(Path("part").absolute(), {"epochs": 6}).status == "finished"
    np.testing.assert_array_equal(weights("part"), weights("whole"))
    assert rows(Path("part")) == rows(Path("whole"))
    assert len(events("part", "engine")) == 1


@needs_numba
def test_a_run_goes_on_with_its_engine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command([*QUIET, "engine=numba", "hydra.run.dir=run"], monkeypatch) == 0
    folder = Path("run").absolute()
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("engine: numba", "engine: numpy"), encoding="utf-8")
    with pytest.raises(CheckpointError, match="engine='numpy', but the checkpoint 'numba'"):
        resume(folder, {"epochs": 6})
    config.write_text(text, encoding="utf-8")
    monkeypatch.setattr("bpexp.records.provenance.metadata.version", lambda name: f"0 of {name}")
    with pytest.raises(CheckpointError, match=r"was written with numba .*, but this is 0 of numba"):
        resume(folder, {"epochs": 6})


def test_a_signal_ends_the_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    """It lasts some seconds, and nothing of it is lost."""
    went_on = []

    def compiles(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        went_on.append(True)

    monkeypatch.setattr("bpexp.running.build.compiled_steps", compiles)
    monkeypatch.setattr("bpexp.running.build.engine_of", lambda *_: ("numba", ""))
    assert command([*QUIET, "hydra.run.dir=run"], monkeypatch) == 143
    assert read_outcome(Path("run")).status == "killed"
    assert not went_on


def _no_loop(z: Any, a: Any, p: Any, rows: int, n: int) -> None:
    z.nothing()


@needs_numba
def test_a_form_that_cannot_be_compiled_is_told_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    made = activations.build("relu")
    form = Activation(made.f, made.df, compiled=Compiled(_no_loop, _no_loop))
    monkeypatch.setattr(activations, "_factories", {**activations._factories, "relu": lambda: form})
    assert command([*QUIET, "engine=numba", "hydra.run.dir=run"], monkeypatch) == 1
    reason = read_outcome(Path("run")).reason
    assert "cannot compile this network: TypingError: Unknown attribute 'nothing' of type float32" in reason
    assert "test_engine.py" in reason


@needs_numba
def test_compiled_runs_are_trained_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = jobs_of("data=xor", "model.hidden=[4]", "batch_size=4", "seed=0,1", "engine=numba")
    assert [job.together for job in arranged(jobs, "auto")] == [1, 1]
    assert command(["-m", *QUIET, "engine=numpy,numba", "launcher=serial", "hydra.sweep.dir=sweep"], monkeypatch) == 0
    assert [read_outcome(Path("sweep", str(job))).params["engine"] for job in (0, 1)] == ["numpy", "numba"]
    np.testing.assert_allclose(weights("sweep/1"), weights("sweep/0"), atol=1e-5)


@needs_numba
def test_the_report_of_a_study_says_which_runs_were_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """engine=auto may take one engine for an arm and another one for the next."""
    words = ["experiment=symmetry", "data=mnist_5k", "data.limit=60", "epochs=1", "init=zeros,normal", "seed=0,1"]
    words += ["activation=tanh", "probe.fixed=0", "tracking=none", "progress=false", "launcher=serial"]
    turns = itertools.cycle([True, False])
    monkeypatch.setattr(step_engine, "pays", lambda *_: next(turns))
    assert command([*words, "engine=auto", "hydra.sweep.dir=sweep"], monkeypatch) == 0
    page = Path("sweep", "report.html").read_text(encoding="utf-8")
    assert "runs: 4, 2 of them by compiled steps (engine=numba), equal to those of NumPy to rounding" in page


CODE = """
import warnings; warnings.simplefilter("error")
import numpy as np
from bpexp.training.compiled import native
from bpexp.training.compiled.activations import relu

def own(z, a, p, rows, n):  # of no file beside which the result could lie
    a[0] = z[0]

for form in (relu, own):
    made = native.compiled(form, np.dtype(np.float32), 3, 2)
    print(made.found, not made.unkept, made.native.address > 0)
"""


def compiled_with(cache: Path) -> list[str]:
    """What a process of its own says of compiling two forms: whether each was found, is kept, and can be called."""
    environment = {"NUMBA_CACHE_DIR": str(cache), "PATH": "/usr/bin:/bin"}
    root = Path(step_engine.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", CODE], cwd=root, env=environment, capture_output=True, text=True)
    return done.stdout.splitlines() or [done.stderr]


@needs_numba
def test_a_cache_that_is_damaged_or_cannot_be_had_is_no_error(tmp_path: Path) -> None:
    assert compiled_with(tmp_path) == ["False True True", "False False True"]
    assert compiled_with(tmp_path) == ["True True True", "False False True"]
    for index in tmp_path.rglob("*.nbi"):
        index.write_bytes(index.read_bytes()[:20])
    assert compiled_with(tmp_path) == ["False False True", "False False True"]
