"""R13: a plug-in that misbehaves is named, and refused or made the outcome of its run; nothing else is lost."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from bpexp.config.plugins import load_plugins
from bpexp.errors import BpexpError, ConfigError
from tests.support.command_line import command, refused
from tests.support.plans import planned
from tests.support.plug_ins import plug_in

SMALL = ("data=xor", "model.hidden=[3]", "data.n=60", "epochs=1", "tracking=none", "hydra.run.dir=here")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise SystemExit", "SystemExit: "),
        ("raise BaseException('odd')", "BaseException: odd"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("a = (", "SyntaxError: "),
        ("raise MemoryError", "MemoryError: "),
        (
            "from bpexp.nn.activations import activations\nactivations.register('relu')(lambda: None)",
            "ConfigError: activation 'relu' is registered already; choose another name",
        ),
    ],
)
def test_a_plug_in_that_does_not_load_is_named(
    code: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with plug_in(code, tmp_path, monkeypatch), pytest.raises(ConfigError) as error:
        load_plugins()
    assert str(error.value).startswith(f"the plug-in 'mine' (plug_in_mine) does not load: {told}")


def test_an_interrupt_is_told_from_a_plug_in_that_raises_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own handler raises the same exception; those of the command line do not."""
    with plug_in("raise KeyboardInterrupt", tmp_path, monkeypatch):
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                load_plugins()
            signal.signal(signal.SIGINT, lambda *_: None)
            with pytest.raises(ConfigError, match=r"the plug-in 'mine' .* does not load: KeyboardInterrupt"):
                load_plugins()
        finally:
            signal.signal(signal.SIGINT, before)


def test_what_a_plug_in_prints_is_not_the_answer_and_a_slow_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bpexp.config.plugins.SLOW", 0.0)
    with plug_in("print('hello')", tmp_path, monkeypatch):
        load_plugins()
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("hello\nbpexp: warning: the plug-in 'mine' (plug_in_mine) took 0 s to load\n")


HOOK = """
import sys
import numpy as np
from bpexp.training.callbacks import callbacks
from bpexp.training.events import Callback

@callbacks.register("odd")
class Odd(Callback):
    def __init__(self) -> None: ...
    def {hook}(self, event):
        {code}
"""

HOOKS = [
    ("on_epoch", "sys.exit(3)", "SystemExit: 3, in Odd.on_epoch of the plug-in 'mine' (plug_in_mine, line 11)"),
    ("on_start", "raise BaseException('odd')", "BaseException: odd, in Odd.on_start of the plug-in 'mine'"),
    ("on_step", "{}['a']", "KeyError: 'a', in Odd.on_step of the plug-in 'mine'"),
    ("on_end", "raise SystemExit", "SystemExit: , in Odd.on_end of the plug-in 'mine'"),
    ("on_step", "event.update[:] = 0", "ValueError: assignment destination is read-only, in Odd.on_step of the"),
    ("on_step", "event.gradient.vector *= 2", "ValueError: output array is read-only, in Odd.on_step of the plug-in"),
    ("on_step", "event.x[...] = 0", "ValueError: assignment destination is read-only, in Odd.on_step of the plug-in"),
    ("on_start", "event.network.theta[...] = 0", "ValueError: assignment destination is read-only, in Odd.on_start"),
    ("on_start", "event.network.layers[0].W[...] = 0", "ValueError: assignment destination is read-only, in Odd.on"),
    ("on_epoch", "event.epoch = 3", "FrozenInstanceError: cannot assign to field 'epoch', in Odd.on_epoch of the"),
]


def outcome(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and result.json of a run with the plug-in."""
    with plug_in(code, folder, monkeypatch):
        ended = command([*SMALL, *words], monkeypatch)
    return ended, json.loads(Path("here/result.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("hook", "code", "told"), HOOKS, ids=[f"{hook}-{code}" for hook, code, _ in HOOKS])
def test_what_a_callback_does_wrong_is_the_outcome_of_its_run(
    hook: str, code: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, result = outcome(HOOK.format(hook=hook, code=code), tmp_path, monkeypatch, "callbacks.odd={}")
    assert (ended, result["status"]) == (1, "failed")
    assert result["reason"].startswith(told)


QUIET = {
    "returns garbage": ("on_epoch", "return object()"),
    "changes its copies": ("on_epoch", "event.metrics.clear()"),
    "moves the position": ("after_step", "event.epoch = event.step = 77"),
}


@pytest.mark.parametrize("name", QUIET)
def test_a_callback_that_changes_what_it_was_given_changes_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook, code = QUIET[name]
    ended, result = outcome(HOOK.format(hook=hook, code=code), tmp_path, monkeypatch, "callbacks.odd={}")
    assert command([*SMALL[:-1], "hydra.run.dir=alone"], monkeypatch) == ended == 0
    alone = json.loads(Path("alone/result.json").read_text(encoding="utf-8"))
    assert result["theta_sha256"] == alone["theta_sha256"]
    assert result["metrics"] == alone["metrics"]


ACTIVATION = """
import sys
import numpy as np
from bpexp.nn.activations import Activation, activations

@activations.register("odd")
def odd() -> Activation:
    \"\"\"f(z) = z.\"\"\"
    {code}
"""

UNSOUND = {
    "return Activation(f=lambda z, out=None: z[:1], df=lambda z, out=None: z)": "f(z) of z (2, 3) is an array (1, 3)",
    "return Activation(f=lambda z, out=None: z, df=lambda z, out=None: 1.0)": "df(z) of z (2, 3) is 1.0, not an array",
    "return Activation(f=lambda z, out=None: z * 1j, df=lambda z, out=None: z)": "is an array (2, 3) of complex64",
    "return Activation(f=lambda z, out=None: np.abs(z, out=z), df=lambda z, out=None: z)": "f(z) changes z in place",
    "return Activation(f=lambda z, out=None: z if out is None else out, df=np.cos)": "other values where it is given a",
    "return Activation(f=lambda z, out=None: z * np.nan, df=lambda z, out=None: z)": "f(z) is NaN at every z from -2",
    "return 3": "activation 'odd' makes 3, which is no Activation",
    "sys.exit(2)": "SystemExit: 2, in odd of the plug-in 'mine' (plug_in_mine, line 9)",
    "return Activation(f=lambda z, out=None: z.nothing, df=np.cos)": "AttributeError: 'numpy.ndarray' object has no",
}


@pytest.mark.parametrize("code", UNSOUND)
def test_an_activation_that_is_none_is_refused_before_anything_is_made(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with plug_in(ACTIVATION.format(code=code), tmp_path, monkeypatch):
        load_plugins()
        with pytest.raises(BpexpError) as error:
            planned(*SMALL, "activation=odd")
    assert UNSOUND[code] in str(error.value)
    assert not Path("here").exists()


def test_an_activation_that_breaks_in_training_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "return Activation(f=lambda z, out=None: z if len(z) == 2 else sys.exit(4), df=lambda z, out=None: 0 * z + 1)"
    )
    ended, result = outcome(ACTIVATION.format(code=code), tmp_path, monkeypatch, "activation=odd")
    assert (ended, result["status"]) == (1, "failed")
    assert result["reason"].startswith("SystemExit: 4, in odd.<locals>.<lambda> of the plug-in 'mine'")


def linear() -> str:
    return ACTIVATION.format(code="return Activation(f=lambda z, out=None: z, df=lambda z, out=None: 0 * z + 1)")


@pytest.mark.parametrize("words", [(), ("-m", "seed=0,1", "launcher=serial", "hydra.sweep.dir=here")])
def test_a_plug_in_that_is_gone_is_named_where_a_run_or_sweep_is_resumed(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """With it the same command goes on; where nothing of it is used, its absence is no obstacle."""
    said = [word for word in SMALL if not (words and word.startswith("hydra"))]
    with plug_in(linear(), tmp_path, monkeypatch):
        assert command([*said, *words, "activation=odd"], monkeypatch) == 0
    more = [] if words else ["epochs=2"]
    (tmp_path / "here" / "1" / "result.json").unlink() if words else None
    capfd.readouterr()
    line = refused(["resume=here", *more], monkeypatch, capfd)
    assert line.startswith("the plug-in 'mine' was installed when this began, and is not: unknown activation 'odd'")
    with plug_in(linear(), tmp_path, monkeypatch):
        assert command(["resume=here", *more], monkeypatch) == 0
        assert command([*said[:-1], "hydra.run.dir=unused"], monkeypatch) == 0
    assert command(["resume=unused", "epochs=2"], monkeypatch) == 0


def test_no_callback_is_no_callback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "from bpexp.training.callbacks import callbacks\n@callbacks.register('odd')\ndef odd() -> int:\n    return 3\n"
    )
    ended, result = outcome(code, tmp_path, monkeypatch, "callbacks.odd={}")
    assert (ended, result["reason"]) == (1, "callback 'odd' makes 3, which is no bpexp.training.events.Callback")
