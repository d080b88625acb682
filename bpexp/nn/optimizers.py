"""Optimizers: how a gradient becomes the step that is subtracted from theta.

All are arithmetic on vectors (P,). `step(theta, grad, lr)` returns a buffer of the optimizer that the next call
overwrites. Weight decay is decoupled (Loshchilov, Hutter 2019): lr * weight_decay * theta is added to the step, biases
included; an L2 penalty, which goes through the gradient and leaves biases alone, is `penalty.l2`.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bpexp.nn.arrays import Array
from bpexp.registry import Fraction, NonNegative, Positive, Registry


class Optimizer(ABC):
    """An update rule and its state: `state` holds vectors (P,) by the names in `memory`, `t` counts the steps."""

    memory: tuple[str, ...] = ()

    def __init__(self, weight_decay: NonNegative = 0.0) -> None:
        self.weight_decay = weight_decay
        self.t = 0
        self.state: dict[str, Array] = {}
        self._buffer: Array | None = None

    def step(self, theta: Array, grad: Array, lr: float | Array) -> Array:
        """What to subtract from theta (P,), given dC/dtheta (P,).

        All is elementwise: for a stack of networks theta and gradient are (K, P), and lr (K, 1) in float64.
        """
        if self._buffer is None:
            self._buffer, self._scratch = np.empty_like(theta), np.empty_like(theta)
        if self.t == 0:
            self.state = {name: np.zeros_like(theta) for name in self.memory}
        self.t += 1
        step = self.rule(grad, lr, self._buffer)
        if self.weight_decay:
            step += np.multiply(theta, factor(lr * self.weight_decay, theta), out=self._scratch)
        return step

    def saved_state(self) -> dict[str, Any]:
        """`t` and the vectors, for a checkpoint; one that remembers more adds it, as plain values and arrays."""
        return {"t": self.t, "vectors": self.state}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take back what `saved_state` gave, and go on from there; raises ValueError for other vectors."""
        if state["t"] and tuple(state["vectors"]) != self.memory:
            raise ValueError(f"the optimizer keeps {self.memory}, not {tuple(state['vectors'])}")
        self.t, self.state, self._buffer = state["t"], state["vectors"], None

    def for_all(self, states: Sequence[Mapping[str, Any]]) -> Optimizer:
        """An optimizer like this one that steps in a stack, from the `saved_state` of each network's own."""
        twin, names = copy.copy(self), states[0]["vectors"]
        vectors = {name: np.stack([state["vectors"][name] for state in states]) for name in names}
        twin.load_state({"t": states[0]["t"], "vectors": vectors})
        return twin

    def state_of(self, k: int) -> dict[str, Any]:
        """The `saved_state` of row k of a stack, whose vectors are views."""
        return {"t": self.t, "vectors": {name: vectors[k] for name, vectors in self.state.items()}}

    @abstractmethod
    def rule(self, grad: Array, lr: float | Array, out: Array) -> Array:
        """The step without weight decay, written into `out`."""


optimizers: Registry[Optimizer] = Registry("optimizer")


def factor(number: float | Array, like: Array) -> float | Array:
    """A factor of `like`: a float as it is, or one for each row (K, 1), rounded to its dtype as a float would be."""
    return number.astype(like.dtype) if isinstance(number, np.ndarray) else number


@optimizers.register("sgd")
class SGD(Optimizer):
    """theta <- theta - lr grad. Source: 002 and 003, gradient descent.

    Args:
        weight_decay: factor of lr theta, which is subtracted from theta at each step.
    """

    def rule(self, grad: Array, lr: float | Array, out: Array) -> Array:
        return np.multiply(grad, factor(lr, grad), out=out)


@optimizers.register("momentum")
class Momentum(Optimizer):
    """v <- momentum v + grad; theta <- theta - lr v. Source: Polyak (1964).

    Args:
        momentum: factor of the previous velocity.
        weight_decay: factor of lr theta, which is subtracted from theta at each step.
    """

    memory = ("velocity",)

    def __init__(self, momentum: Fraction = 0.9, weight_decay: NonNegative = 0.0) -> None:
        super().__init__(weight_decay)
        self.momentum = momentum

    def rule(self, grad: Array, lr: float | Array, out: Array) -> Array:
        v = self.state["velocity"]
        v *= self.momentum
        v += grad
        return np.multiply(v, factor(lr, v), out=out)


@optimizers.register("nesterov")
class Nesterov(Momentum):
    """v <- momentum v + grad; theta <- theta - lr (grad + momentum v). Source: Sutskever et al. (2013).

    Args:
        momentum: factor of the previous velocity.
        weight_decay: factor of lr theta, which is subtracted from theta at each step.
    """

    def rule(self, grad: Array, lr: float | Array, out: Array) -> Array:
        super().rule(grad, lr, out)
        np.multiply(self.state["velocity"], self.momentum, out=out)
        out += grad
        return np.multiply(out, factor(lr, out), out=out)


@optimizers.register("rmsprop")
class RMSProp(Optimizer):
    """s <- rho s + (1 - rho) grad^2; theta <- theta - lr grad / (sqrt(s) + eps). Source: Hinton, lecture 6e (2012).

    Args:
        rho: decay factor of the mean square.
        eps: added to the root, so that a gradient of 0 does not divide by 0.
        weight_decay: factor of lr theta, which is subtracted from theta at each step.
    """

    memory = ("square",)

    def __init__(self, rho: Fraction = 0.9, eps: Positive = 1e-7, weight_decay: NonNegative = 0.0) -> None:
        super().__init__(weight_decay)
        self.rho, self.eps = rho, eps

    def rule(self, grad: Array, lr: float | Array, out: Array) -> Array:
        s = self.state["square"]
        s *= self.rho
        np.square(grad, out=out)
        s += np.multiply(out, 1 - self.rho, out=out)
        np.sqrt(s, out=out)
        out += self.eps
        np.divide(grad, out, out=out)
        return np.multiply(out, factor(lr, out), out=out)


@optimizers.register("adam")
class Adam(Optimizer):
    """theta <- theta - lr m^ / (sqrt(v^) + eps), with bias-corrected moments m^ and v^. Source: Kingma, Ba (2015).

    With c = sqrt(1 - beta2^t) the step is lr c / (1 - beta1^t) m / (sqrt(v) + eps c): one pass less, the same formula.

    Args:
        beta1: decay factor of the mean of the gradient.
        beta2: decay factor of the mean square of the gradient.
        eps: added to the root, so that a gradient of 0 does not divide by 0.
        weight_decay: factor of lr theta, which is subtracted from theta at each step.
    """

    memory = ("mean", "square")

    def __init__(
        self,
        beta1: Fraction = 0.9,
        beta2: Fraction = 0.999,
        eps: Positive = 1e-8,
        weight_decay: NonNegative = 0.0,
    ) -> None:
        super().__init__(weight_decay)
        self.beta1, self.beta2 = beta1, beta2
        self.eps = eps

    def rule(self, grad: Array, lr: float | Array, out: Array) -> Array:
        m, v = self.state["mean"], self.state["square"]
        m *= self.beta1
        m += np.multiply(grad, 1 - self.beta1, out=out)
        v *= self.beta2
        np.square(grad, out=out)
        out *= 1 - self.beta2
        v += out
        correction = math.sqrt(1 - self.beta2**self.t)
        np.sqrt(v, out=out)
        out += self.eps * correction
        np.divide(m, out, out=out)
        return np.multiply(out, factor(lr * correction / (1 - self.beta1**self.t), out), out=out)


@optimizers.register("adamw")
class AdamW(Adam):
    """Adam with decoupled weight decay, 0.01 unless declared otherwise. Source: Loshchilov, Hutter (2019).

    Args:
        beta1: decay factor of the mean of the gradient.
        beta2: decay factor of the mean square of the gradient.
        eps: added to the root, so that a gradient of 0 does not divide by 0.
        weight_decay: factor of lr theta, which is subtracted from theta at each step.
    """

    def __init__(
        self,
        beta1: Fraction = 0.9,
        beta2: Fraction = 0.999,
        eps: Positive = 1e-8,
        weight_decay: NonNegative = 0.01,
    ) -> None:
        super().__init__(beta1, beta2, eps, weight_decay)
