"""Compiled steps are those of NumPy to rounding, for every component; and who watches changes no bit."""

from __future__ import annotations

import ctypes
import dataclasses
import itertools
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba", reason="engine=numba needs numba, of the extra `fast`")

from numba import config

from bpexp.errors import ConfigError
from bpexp.gradients.jacobian import jacobian
from bpexp.nn.activations import Activation, activations
from bpexp.nn.compiled import Compiled
from bpexp.nn.losses import losses
from bpexp.nn.optimizers import SGD, optimizers
from bpexp.nn.outputs import outputs
from bpexp.nn.penalties import Clip, Penalty
from bpexp.training.callbacks import EarlyStopping
from bpexp.training.compiled import native, parts
from bpexp.training.compiled.forms import Declared, lacking
from bpexp.training.compiled.steps import CompiledSteps
from bpexp.training.events import Callback, Position, Step, StopTraining
from bpexp.training.guarded import guarded
from bpexp.training.trainer import Trainer, train
from tests.support.compiled import Each, Kept, assert_equal, by_both, compiled, trainer_of
from tests.support.resuming import resumes_everywhere

GUIDE = Path(__file__).parents[2] / "CONTRIBUTING.md"

ATOL = {"float64": 1e-12, "float32": 2e-5}
"""Of theta after 20 steps or more: a step in float32 rounds by some 1e-7 of theta, and these nets do not amplify it."""

ACTIVATIONS = ["identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus"]
LOSSES = ["mse", "mae", "huber", "cross_entropy", "binary_cross_entropy"]
OPTIMIZERS = ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"]
"""Those of bpexp, which have a compiled form; another one that is registered may have none, and is then refused."""

PAIRS = [(o, l) for o, l in itertools.product(outputs, losses) if outputs[o]().codomain in losses[l]().needs]
"""Every output with every loss that has a meaning on it."""


def skip_without_form(**how: Any) -> None:
    """Skip what is refused with a reason, if it is none of bpexp's own."""
    trainer, declared = trainer_of(**how)
    missing = lacking(declared, trainer.network, trainer.head, trainer.method, trainer.optimizer)
    ours = {repr(name) for name in (*ACTIVATIONS, *LOSSES, *OPTIMIZERS, "softmax")}
    if missing and not any(name.endswith(tuple(ours)) for name in missing):
        pytest.skip(f"no compiled form of {', '.join(missing)}")


@pytest.mark.parametrize("dtype", ATOL)
@pytest.mark.parametrize("name", list(activations))
def test_every_activation(name: str, dtype: str) -> None:
    skip_without_form(hidden=name)
    assert_equal(lambda: trainer_of(name, dtype=dtype), ATOL[dtype])


@pytest.mark.parametrize("node", [{"name": "leaky_relu", "slope": 0.3}, {"name": "elu", "alpha": 2.5}])
def test_parameters_of_activations(node: dict[str, Any]) -> None:
    assert_equal(lambda: trainer_of(node), 1e-12)


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_every_head(pair: tuple[str, str]) -> None:
    """By the closed form, by the error or by the chain rule; mean and sum; both dtypes."""
    skip_without_form(head=pair)
    for shortcut, (batch, dtype) in itertools.product((True, False), (("mean", "float64"), ("sum", "float32"))):
        how = {"shortcut": shortcut, "batch": batch, "dtype": dtype}
        assert_equal(partial(trainer_of, head=pair, lr=0.01, **how), ATOL[dtype])


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "binary_cross_entropy"])
def test_parameters_of_losses(loss: str) -> None:
    own = {"threshold": 0.3} if loss == "huber" else {}
    node = {"name": loss, "reduction": "mean", "factor": 0.7, **own}
    for shortcut in (True, False):
        assert_equal(partial(trainer_of, head=("sigmoid", node), shortcut=shortcut), 1e-12)


@pytest.mark.parametrize("dtype", ATOL)
@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_saturated_heads_keep_their_digits(pair: tuple[str, str], dtype: str) -> None:
    """z of some hundreds, where the outputs round to 0 and 1: a step of nearly 0, so that all see the same weights."""
    skip_without_form(head=pair)
    how: dict[str, Any] = {"head": pair, "spread": 30.0, "dtype": dtype, "lr": 1e-30, "epochs": 1}
    _, seen, _, told = by_both(partial(trainer_of, **how))
    rtol = 1e-4 if dtype == "float32" else 1e-10
    np.testing.assert_allclose(told.losses, seen.losses, rtol=rtol)
    trainer, declared = trainer_of(**how)
    steps = CompiledSteps(trainer, declared)
    steps.walk(np.arange(30))
    _, x, y, found = steps.gradient(0, 8)
    true = trainer.method(trainer.network, trainer.head, x, y).vector
    np.testing.assert_allclose(found.vector, true, rtol=0, atol=rtol * float(np.abs(true).max()))


@pytest.mark.parametrize("decay", [0.0, 0.03])
@pytest.mark.parametrize("name", list(optimizers))
def test_every_optimizer(name: str, decay: float) -> None:
    skip_without_form(optimizer=name)
    node = {"name": name, "weight_decay": decay}
    assert_equal(lambda: trainer_of(optimizer=node, lr=0.01), 1e-10)
    assert_equal(lambda: trainer_of(optimizer=node, lr=0.01, dtype="float32"), 2e-4)  # g / sqrt(g^2) amplifies rounding


@pytest.mark.parametrize("dtype", ATOL)
@pytest.mark.parametrize(
    "how",
    [
        {"B": 30, "schedule": "constant"},
        {"B": 1},
        {"B": 7},
        {"B": 30, "piece": 8},
        {"B": 20, "piece": 8},
        {"B": 30, "piece": 1},
        {"penalty": Penalty(l1=0.01, l2=0.02), "clip": Clip(value=0.05, norm=0.1)},
        {"clip": Clip(norm=0.01)},
        {"penalty": Penalty(l2=0.1)},
        {"sizes": (6, 3)},
        {"sizes": (1, 1, 2)},
        {"sizes": (6, 9, 8, 7, 6, 5, 4, 3)},
        {"sizes": (600, 90, 3), "N": 60, "B": 50},  # in blocks of 16 where there are small kernels
    ],
    ids=str,
)
def test_every_kind_of_batch_and_net(how: dict[str, Any], dtype: str) -> None:
    assert_equal(lambda: trainer_of(dtype=dtype, **{"epochs": 25, **how}), 10 * ATOL[dtype])


@pytest.mark.parametrize(
    ("sizes", "B", "block"),
    [
        ((784, 32, 32, 10), 128, 32),
        ((784, 32, 32, 10), 100, 32),
        ((784, 64, 10), 128, 16),
        ((784, 256, 10), 128, 128),
        ((784, 256, 10), 60_000, 512),
        ((2, 8, 1), 4, 4),
        ((5, 3), 1, 1),
    ],
)
def test_blocks_are_a_function_of_the_shapes(
    sizes: tuple[int, ...], B: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "has_small_kernels", lambda: True)
    assert parts.block_of(sizes, B, 512) == block
    monkeypatch.setattr(parts, "has_small_kernels", lambda: False)
    assert parts.block_of(sizes, B, 512) == min(B, 512)


class Truth(Callback):
    """Holds each event to NumPy's pass at the same theta, and to what then becomes of theta."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.seen, self.expected = trainer, 0, trainer.network.theta.copy()

    def on_step(self, event: Step) -> None:
        trainer, theta = self.trainer, self.trainer.network.theta
        np.testing.assert_array_equal(theta, self.expected)
        true = trainer.method(trainer.network, trainer.head, event.x, event.y)
        B = event.x.shape[1]
        assert event.gradient.cost == pytest.approx(true.cost, rel=1e-12)
        assert event.loss == pytest.approx(true.cost / (B * trainer.head.weight(B)), rel=1e-12)
        np.testing.assert_allclose(event.gradient.vector, true.vector, atol=1e-14)
        work, own = event.gradient.workspace, true.workspace
        assert (work is None) == (own is None)
        if work is not None and own is not None:
            assert work.weight == own.weight
            for arrays, theirs in ((work.z, own.z), (work.a, own.a), (work.slope, own.slope), (work.delta, own.delta)):
                assert len(arrays) == len(theirs)
                for array, other in zip(arrays, theirs, strict=True):
                    np.testing.assert_allclose(array, other, atol=1e-14)
        self.expected = theta - event.update
        self.seen += 1


@pytest.mark.parametrize("how", [{}, {"B": 30}, {"B": 20, "piece": 8}, {"optimizer": "adam"}], ids=str)
def test_a_watched_step_tells_the_truth(how: dict[str, Any]) -> None:
    trainer, declared = trainer_of(**how)
    truth = Truth(trainer)
    compiled((trainer, declared), [truth])
    assert truth.seen == trainer.epochs * len(trainer.batches)
    np.testing.assert_array_equal(trainer.network.theta, truth.expected)


class After(Callback):
    """Needs every `after_step`."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def after_step(self, at: Position) -> None:
        self.steps.append(at.step)


class Third(Each):
    """Needs every third step."""

    def next_step(self, number: int) -> int:
        return number + -number % 3


@pytest.mark.parametrize("dtype", ATOL)
@pytest.mark.parametrize(
    "how",
    [
        {"optimizer": "adam"},
        {"optimizer": {"name": "momentum", "weight_decay": 0.1}, "B": 1},
        {"clip": Clip(norm=0.1), "penalty": Penalty(l1=0.1), "B": 20, "piece": 8},
        {"B": 30, "optimizer": "nesterov"},
    ],
    ids=str,
)
def test_who_watches_changes_no_bit(how: dict[str, Any], dtype: str) -> None:
    thetas, kept = [], []
    for watching in ([], [Each()], [Third()], [After()], [After(), Third()]):
        made, told = trainer_of(dtype=dtype, **how), Kept()
        compiled(made, [told, *watching])
        thetas.append(made[0].network.theta)
        kept.append(told)
        total = made[0].epochs * len(made[0].batches)
        for one in watching:
            if isinstance(one, Third):
                assert one.numbers == list(range(0, total, 3))
            elif isinstance(one, Each):
                assert one.numbers == list(range(total))
            else:
                assert one.steps == list(range(1, total + 1))
    for theta, told in zip(thetas, kept, strict=True):
        np.testing.assert_array_equal(theta, thetas[0])
        assert told.losses == kept[0].losses


@pytest.mark.parametrize(
    "how", [{"optimizer": "adam"}, {"B": 30}, {"B": 20, "piece": 8, "optimizer": "rmsprop"}], ids=str
)
def test_a_resumed_training_is_an_unbroken_one(how: dict[str, Any]) -> None:
    declared = trainer_of(**how)[1]

    def make() -> tuple[Trainer, list[Callback]]:
        return trainer_of(epochs=3, **how)[0], []

    def run(trainer: Trainer, callbacks: list[Callback], resumed: Any = None) -> None:
        compiled((trainer, declared), callbacks, resumed)

    assert resumes_everywhere(make, train=run) > 5


@pytest.mark.parametrize("watched", [False, True])
def test_a_training_that_diverges_stops_where_numpy_does(watched: bool) -> None:
    """Theta and optimizer stay as they were before the step whose loss is not finite."""
    how: dict[str, Any] = {"lr": 30.0, "epochs": 40, "schedule": "constant"}
    one, other = (trainer_of("softplus", ("identity", "mse"), "momentum", **how) for _ in range(2))
    seen, told = Kept(), Kept()
    found = train(one[0], [seen])
    ended = compiled(other, [told, *([Each()] if watched else [])])
    assert found.status == ended.status == "diverged"
    assert (ended.epoch, ended.step, ended.reason) == (found.epoch, found.step, found.reason)
    assert len(told.losses) == len(seen.losses) == found.step
    assert np.isfinite(told.losses).all()
    np.testing.assert_allclose(other[0].network.theta, one[0].network.theta, rtol=1e-6)
    assert other[0].optimizer.t == one[0].optimizer.t


def test_nan_among_the_samples_is_found_at_once() -> None:
    for hidden in ACTIVATIONS:
        trainer, declared = trainer_of(hidden)
        trainer.batches.part.X[17] = np.nan
        before = trainer.network.theta.copy()
        ended = compiled((trainer, declared))
        assert ended.status == "diverged", hidden
        assert ended.step < len(trainer.batches)
        assert np.isfinite(trainer.network.theta).all()
        assert ended.step == 0 or not np.array_equal(before, trainer.network.theta)


class Epochs(Callback):
    """Somebody else's, which looks at evaluations alone."""


def test_a_callback_of_a_plug_in_is_told_the_steps_that_it_needs() -> None:
    assert type(guarded("epochs", Epochs())).on_step is Callback.on_step
    assert type(guarded("epochs", Epochs())).after_step is Callback.after_step
    third, after = Third(), After()
    compiled(trainer_of(), [guarded("third", third), guarded("after", after)])
    assert third.numbers == list(range(0, 28, 3))
    assert after.steps == list(range(1, 29))


class StopAt(Each):
    def on_step(self, event: Step) -> None:
        super().on_step(event)
        if event.number == 9:
            raise StopTraining("enough")


def test_a_callback_stops_before_the_update() -> None:
    one, other = trainer_of(optimizer="adam"), trainer_of(optimizer="adam")
    found, ended = train(one[0], [StopAt()]), compiled(other, [StopAt()])
    assert (ended.status, ended.step, ended.reason) == (found.status, found.step, found.reason)
    np.testing.assert_allclose(other[0].network.theta, one[0].network.theta, atol=1e-12)


def test_a_training_that_is_stopped_early_goes_back_to_its_best_epoch() -> None:
    how: dict[str, Any] = {"lr": 3.0, "epochs": 30, "schedule": "constant"}
    stopping = [EarlyStopping(patience=1, metric="loss/train", restore_best=True) for _ in range(2)]
    one, other = trainer_of(**how), trainer_of(**how)
    found, ended = train(one[0], [stopping[0]]), compiled(other, [stopping[1]])
    assert found.status == ended.status == "stopped"
    assert (ended.epoch, ended.step, ended.reason, ended.restored) == (
        found.epoch,
        found.step,
        found.reason,
        found.restored,
    )
    np.testing.assert_allclose(other[0].network.theta, one[0].network.theta, atol=1e-9)


def test_epochs_that_are_not_evaluated_are_trained() -> None:
    one, other = trainer_of(), trainer_of()
    trainers = [dataclasses.replace(made[0], evaluate_every=3) for made in (one, other)]
    train(trainers[0], []), compiled((trainers[1], other[1]))
    np.testing.assert_allclose(trainers[1].network.theta, trainers[0].network.theta, atol=1e-12)


class Fails(Callback):
    def on_step(self, event: Step) -> None:
        raise ValueError("a mistake of a callback")


def test_an_error_of_a_callback_is_raised() -> None:
    with pytest.raises(ValueError, match="a mistake of a callback"):
        compiled(trainer_of(), [Fails()])


def _leaky(z: Any, a: Any, p: Any, rows: int, n: int) -> None:
    for i in range(rows * n):
        a[i] = z[i] if z[i] > 0 else p[0] * z[i]


def _leaky_backward(z: Any, g: Any, p: Any, rows: int, n: int) -> None:
    for i in range(rows * n):
        g[i] *= 1 if z[i] > 0 else p[0]


def test_an_activation_brings_its_form_along() -> None:
    own = {"name": "elu"}  # by name it is another one: what counts is the form of the object

    def make(form: Compiled | None) -> tuple[Trainer, Declared]:
        trainer, declared = trainer_of({"name": "leaky_relu", "slope": 0.2})
        net = trainer.network
        net.hidden = tuple(Activation(f.f, f.df, compiled=form) for f in net.hidden)
        return trainer, Declared([own] * len(net.hidden), declared.output, declared.loss)

    assert_equal(lambda: _declared_as(make(Compiled(_leaky, _leaky_backward, parameters=(0.2,)))), 1e-12)


def _declared_as(made: tuple[Trainer, Declared]) -> tuple[Trainer, Declared]:
    made[0].network.live_in(made[0].network.theta)  # the layers call the functions that it has now
    return made


def printed() -> dict[str, Any]:
    """What CONTRIBUTING prints of a compiled form, executed."""
    [code] = re.findall(r"<!-- compiled -->\n```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.S | re.M)
    names: dict[str, Any] = {}
    exec(code, names)
    return names


def test_the_form_that_the_guide_prints() -> None:
    z = np.linspace(-3, 3, 12).reshape(4, 3)
    a, g, form = np.empty(12), np.ones(12), printed()["COMPILED"]
    form.forward(z.ravel(), a, np.empty(0), 4, 3)
    form.backward(z.ravel(), g, np.empty(0), 4, 3)
    np.testing.assert_allclose(a, (z / (1 + np.abs(z))).ravel())
    np.testing.assert_allclose(g, (1 / (1 + np.abs(z)) ** 2).ravel())
    assert native.compiled(form.forward, np.dtype(np.float64), 3, 2).native.address
    assert native.compiled(form.backward, np.dtype(np.float32), 3, 2).native.address


class Own(SGD):
    """An optimizer of somebody else, which has another rule."""


def test_what_has_no_form_is_named() -> None:
    trainer, declared = trainer_of()
    net, head = trainer.network, trainer.head
    assert lacking(declared, net, head, jacobian(), Own()) == [
        "gradient method 'Jacobian'",
        "optimizer 'Own'",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(activations["tanh"], "__module__", "somewhere")  # another one of that name
        assert lacking(declared, net, head, trainer.method, trainer.optimizer) == ["activation 'tanh'"]


def _steep(z: Any, g: Any, p: Any, rows: int, n: int) -> None:
    for i in range(rows * n):
        g[i] *= 2 if z[i] > 0 else p[0]


def _idle(z: Any, a: Any, p: Any, rows: int, n: int) -> None:
    """Writes nothing, as one does that raises, of which compiled code tells nobody."""


def _plain_error(z: Any, y: Any, e: Any, p: Any, rows: int, n: int) -> None:
    for i in range(rows * n):
        e[i] = (z[i] if z[i] > 0 else p[0] * z[i]) - y[i]


def _other_error(z: Any, y: Any, e: Any, p: Any, rows: int, n: int) -> None:
    for i in range(rows * n):
        e[i] = y[i] - z[i]


@pytest.mark.parametrize("dtype", ATOL)
@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        (Compiled(_leaky, _leaky_backward, _plain_error, parameters=(0.2,)), ""),
        (Compiled(_leaky, _steep, parameters=(0.2,)), "its backward gives .* for g f'"),
        (Compiled(_leaky, _leaky_backward, parameters=(0.3,)), "its forward gives .* for f"),
        (Compiled(_idle, _leaky_backward, parameters=(0.2,)), "its forward gives nan for f"),
        (Compiled(_leaky, _leaky_backward, _other_error, parameters=(0.2,)), "its error gives .* - y"),
    ],
    ids=["right", "slope", "parameter", "idle", "error"],
)
def test_a_form_is_held_to_the_activation_that_brings_it_along(form: Compiled, wrong: str, dtype: str) -> None:
    trainer, declared = trainer_of({"name": "leaky_relu", "slope": 0.2}, dtype=dtype)
    f = trainer.network.hidden[0]
    trainer.network.hidden = (*trainer.network.hidden[:-1], Activation(f.f, f.df, compiled=form))
    if not wrong:
        assert CompiledSteps(trainer, declared)
        return
    with pytest.raises(ConfigError, match=f"compiled form of activation 'leaky_relu' is another function: {wrong}"):
        CompiledSteps(trainer, declared)


def _broken(z: Any, a: Any, p: Any, rows: int, n: int) -> None:
    a.nothing(z)


def test_a_form_that_cannot_be_compiled_is_an_error() -> None:
    trainer, declared = trainer_of()
    f = trainer.network.hidden[0]
    trainer.network.hidden = (Activation(f.f, f.df, compiled=Compiled(_broken, _broken)), *trainer.network.hidden[1:])
    with pytest.raises(Exception, match="nothing"):
        CompiledSteps(trainer, declared)


def test_what_was_compiled_before_in_this_process_is_not_compiled_again() -> None:
    for _ in range(2):
        trainer, declared = trainer_of()
        made = CompiledSteps(trainer, declared).compilation
    assert (made.new, list(made.unkept)) == (0, [])


def written(cache: Path, text: str, **names: Any) -> Any:
    """The function `f` of a file, which looks at other names of its module."""
    (cache / "own.py").write_text(text, encoding="utf-8")
    module: dict[str, Any] = {"__name__": "own", **names}
    exec(compile(text, str(cache / "own.py"), "exec"), module)
    return module["f"]


def halved_by(form: Any) -> tuple[float, native.Made]:
    """f(0.5) in machine code."""
    made = native.compiled(form, np.dtype(np.float64), 3, 2)
    z, a = np.array([0.5]), np.zeros(1)
    made.native.ctypes(*(array.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for array in (z, a, a)), 1, 1)
    return float(a[0]), made


def test_a_form_that_looks_at_what_may_change_is_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba finds code on disk by the file of a function: the number of another cell, or file, is not in it."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    text = "def f(z, a, p, rows, n):\n    a[0] = SLOPE * z[0]\n"
    for slope in (0.1, 0.7):
        value, made = halved_by(written(tmp_path, text, SLOPE=slope))
        assert (value, made.found, made.unkept) == (slope * 0.5, False, native.USES_MORE)
    text = "import math\ndef f(z, a, p, rows, n):\n    a[0] = math.sqrt(z[0] * z[0])\n"
    for found in (False, True):
        value, made = halved_by(written(tmp_path, text))
        assert (value, made.found, made.unkept) == (0.5, found, "")


def test_a_change_in_any_of_our_modules_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A form calls functions of other modules, of which Numba does not see that they changed."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    text = "def f(z, a, p, rows, n):\n    a[0] = z[0]\n"
    for source, found in ((b"one", False), (b"one", True), (b"other", False)):
        monkeypatch.setattr(native, "_sources", lambda source=source: source)
        assert native.compiled(written(tmp_path, text), np.dtype(np.float64), 3, 2).found == found


def test_no_two_types_share_a_file_in_which_code_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes that compile for float32 and float64 at once would write over each other's."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    form, before = written(tmp_path, "def f(z, a, p, rows, n):\n    a[0] = z[0]\n"), {}
    for dtype in (np.float32, np.float64):
        assert not native.compiled(form, np.dtype(dtype), 3, 2).found
        now = {path: path.read_bytes() for path in (tmp_path / "cache").rglob("*.nb?")}
        assert len(now) == len(before) + 2
        assert now.items() >= before.items()
        before = now
