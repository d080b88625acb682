"""The steps of one training in compiled code, on the arrays of its network and its optimizer."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from bpexp.gradients.backprop import Backprop
from bpexp.gradients.method import Gradient
from bpexp.nn.activations import Activation
from bpexp.nn.arrays import Array
from bpexp.nn.network import Workspace
from bpexp.nn.products import Products
from bpexp.training.compiled import kernel
from bpexp.training.compiled.agreement import refuse_another
from bpexp.training.compiled.arguments import Samples
from bpexp.training.compiled.forms import Declared, forms
from bpexp.training.compiled.parts import Parts
from bpexp.training.trainer import Trainer


class CompiledSteps:
    """Steps of a trainer in compiled code: `run` makes many, `gradient` and then `update` one that somebody watches.

    Everything is compiled, or found compiled, when it is made; `compilation` says what was. Raises what Numba raises
    for a form that it cannot compile, and ConfigError for one that is another function than its activation.

    Args:
        trainer: whose network, head, method, optimizer, penalty, clipping and batches are used.
        declared: what network and head are made of, and in which nothing is `lacking`.
    """

    def __init__(self, trainer: Trainer, declared: Declared) -> None:
        start, method, network = time.perf_counter(), trainer.method, trainer.network
        assert isinstance(method, Backprop)
        self.trainer, self._parts = trainer, Parts(network.dtype)
        made = forms(declared, network, trainer.head)
        self._refuse_another(declared)
        self._net, self._head = self._parts.net(network, made), self._parts.head(trainer.head, made)
        self._blas, self._samples = self._parts.blas(), self._parts.samples(trainer.batches)
        self._work = self._parts.work(network.sizes, trainer.batches, method.piece)
        self._rule = self._parts.rule(trainer.optimizer, trainer.penalty, trainer.clip, self._net.gradient)
        self._run = self._parts.loop(self._net, self._head, self._blas, self._work, self._samples, self._rule)
        self.compilation = self._parts.compilation
        self.compilation.seconds = time.perf_counter() - start

    def _refuse_another(self, declared: Declared) -> None:
        """Hold each form that an activation of somebody else brings along to that activation."""
        network, output = self.trainer.network, self.trainer.head.output
        functions = zip([*declared.hidden, declared.output], [*network.hidden, output], strict=True)
        for node, function in functions:
            if isinstance(function, Activation) and function.compiled is not None:
                refuse_another(str(node["name"]), function, network.dtype)

    def begin(self) -> None:
        """Take up the vectors that the optimizer has now, or give it those of a first step."""
        trainer, optimizer = self.trainer, self.trainer.optimizer
        if optimizer.t == 0:
            optimizer.state = {name: np.zeros_like(trainer.network.theta) for name in optimizer.memory}
        optimizer.state = {name: np.require(v, requirements=["C", "W"]) for name, v in optimizer.state.items()}
        self._rule = self._parts.rule(optimizer, trainer.penalty, trainer.clip, self._net.gradient)

    def walk(self, order: Array) -> None:
        """Take the samples in this order from now on, as the rows of the data; a full batch has no order."""
        X, Y, _, divisor, whole = self._samples
        self._samples = Samples(X, Y, np.array(order, dtype=np.int64), divisor, whole)

    def run(self, first: int, B: int, rates: Array, losses: Array) -> int:
        """Steps of B samples, one for each rate, from place `first` of the order on; their losses are filled in.

        Returns the number of those done: before a step whose loss is not finite theta and optimizer stay as they were.
        """
        done = self._call(first, B, rates, losses, kernel.ALL)
        self.trainer.optimizer.t += done
        return done

    def gradient(self, first: int, B: int) -> tuple[float, Array, Array, Gradient]:
        """Loss, x (n_0, B), y (n_L, B) and gradient of one batch, with the pass unless it is walked in pieces."""
        losses = np.empty(1)
        self._call(first, B, np.zeros(1), losses, kernel.GRADIENT)
        weight, loss = self.trainer.head.weight(B), float(losses[0])
        x, y = self.trainer.batches.full or self.trainer.batches.part.batch(self._samples.order[first : first + B])
        gradient = self._net.gradient.copy()
        return loss, x, y, Gradient(loss * (B * weight), gradient, self._pass(x, weight))

    def update(self, lr: float) -> Array:
        """What to subtract from theta after `gradient`, in a buffer; for the optimizer the step is then made."""
        self._call(0, 1, np.array([lr]), np.empty(1), kernel.UPDATE)
        self.trainer.optimizer.t += 1
        return self._net.gradient

    def _call(self, first: int, B: int, rates: Array, losses: Array, part: int) -> int:
        fixed = (self._net, self._head, self._blas, self._work, self._samples, self._rule)
        return self._run(*fixed, first, B, rates, losses, self.trainer.optimizer.t, part)

    def _pass(self, x: Array, weight: float) -> Workspace | None:
        """The pass over the batch that was walked last; None if the buffers do not hold all of it."""
        work, network, B = self._work, self.trainer.network, x.shape[1]
        if work.rows < B:
            return None
        z, a, delta = (list(self._layers(numbers, B)) for numbers in (work.z, work.a, work.delta))
        slope = [f.df(z_l) for f, z_l in zip(network.hidden, z, strict=False)]
        return Workspace(x, z, a, slope, delta, Products(network.sizes, B, np.dot, "auto"), weight)

    def _layers(self, numbers: Array, B: int) -> Iterator[Array]:
        """(n_l, B) of each layer."""
        start = 0
        for n in self.trainer.network.sizes[1:]:
            yield numbers[start : start + B * n].reshape(B, n).T
            start += self._work.rows * n
