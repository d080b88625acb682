"""JAX: a whole turn as one compiled call, a step as one compiled call, and a sweep as one by vmap."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.speed.clock import now
from experiments.speed.work import Array, Case, Samples, Turn, joined, network, split

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


@functools.lru_cache(maxsize=2)
def _put(data: Samples) -> tuple[Any, Any]:
    """The samples as JAX holds them; once for all who train on them."""
    import jax

    return jax.device_put(data.X), jax.device_put(data.Y)


class Jax:
    """The whole turn is one compiled call, a lax.scan over the batches that gathers each inside."""

    def __init__(self, case: Case, data: Samples) -> None:
        import jax

        self.jax, self.case = jax, case
        self.X, self.Y = _put(data)
        self.start = split(network(case).theta.copy(), case.sizes)
        self.chunk = jax.jit(self._chunk)

    def _cost(self, params: Any, x: Any, y: Any) -> Any:
        jax, kind = self.jax, self.case.kind
        f = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jax.numpy.tanh}[self.case.parts.hidden]
        for W, b in params[:-1]:
            x = f(x @ W.T + b)
        z = x @ params[-1][0].T + params[-1][1]
        if kind == "relu_cross_entropy":
            return (jax.nn.logsumexp(z, axis=1) - (y * z).sum(axis=1)).mean()
        if kind == "tanh_binary":
            return (jax.nn.softplus(z) - y * z).sum(axis=1).mean()
        return ((jax.nn.sigmoid(z) - y) ** 2).sum(axis=1).mean()

    def _step(self, state: Any, x: Any, y: Any, lr: Any) -> Any:
        """The state after a step, which is weights, and the moments and count of Adam; and the loss before it."""
        jax, (params, moments, t) = self.jax, state
        loss, slopes = jax.value_and_grad(self._cost)(params, x, y)
        if not moments:
            return (jax.tree.map(lambda p, g: p - lr * g, params, slopes), moments, t), loss
        m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, moments[0], slopes)
        v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, moments[1], slopes)
        rate, root = lr / (1 - BETA1 ** (t + 1)), 1 / (1 - BETA2 ** (t + 1))
        params = jax.tree.map(lambda p, m, v: p - rate * m / (jax.numpy.sqrt(v * root) + EPS), params, m, v)
        return (params, (m, v), t + 1), loss

    def _on_rows(self, state: Any, X: Any, Y: Any, rows: Any, lr: Any) -> Any:
        if self.case.B is None:
            return self._step(state, X, Y, lr)
        x, y = (array.at[rows].get(mode="promise_in_bounds") for array in (X, Y))
        return self._step(state, x, y, lr)

    def _chunk(self, state: Any, X: Any, Y: Any, batches: Any, lr: Any) -> Any:
        return self.jax.lax.scan(lambda state, rows: self._on_rows(state, X, Y, rows, lr), state, batches)

    def prepare(self, turn: Turn) -> None:
        put = self.jax.device_put
        params = [(put(W), put(b)) for W, b in self.start]
        zeros = [tuple(map(self.jax.numpy.zeros_like, layer)) for layer in params]
        moments = (zeros, zeros) if self.case.optimizer == "adam" else ()
        self.state = params, moments, put(np.float32(0))
        self.lr = put(np.float32(self.case.lr))
        rows = np.zeros((1, 1)) if self.case.B is None else turn.order.reshape(turn.steps, turn.B)
        self.batches = put(rows.astype(np.int32))
        self.jax.block_until_ready((self.state, self.batches))

    def go(self) -> float:
        start = now()
        self.state, losses = self.chunk(self.state, self.X, self.Y, self.batches, self.lr)
        self.jax.block_until_ready((self.state, losses))
        seconds = now() - start
        self.loss = float(losses.mean())
        return seconds

    def theta(self) -> Array:
        return joined([(np.asarray(W), np.asarray(b)) for W, b in self.state[0]])


class JaxSteps(Jax):
    """One compiled call a step, as in a loop that looks at its training; losses are read at the end."""

    def __init__(self, case: Case, data: Samples) -> None:
        super().__init__(case, data)
        self.one = self.jax.jit(self._on_rows)

    def prepare(self, turn: Turn) -> None:
        super().prepare(turn)
        self.rows = list(np.asarray(self.batches))

    def go(self) -> float:
        state, one, X, Y, lr = self.state, self.one, self.X, self.Y, self.lr
        start = now()
        losses = []
        for rows in self.rows:
            state, loss = one(state, X, Y, rows, lr)
            losses.append(loss)
        self.jax.block_until_ready((state, losses))
        seconds = now() - start
        self.state, self.loss = state, float(np.mean([np.asarray(loss) for loss in losses]))
        return seconds


class JaxSweep(Jax):
    """Networks that differ in their learning rate alone, on the same batches: the turn of all is one call, by vmap."""

    def __init__(self, case: Case, data: Samples, rates: Sequence[float]) -> None:
        super().__init__(case, data)
        self.rates = np.asarray(rates, np.float32)
        self.chunk = self.jax.jit(self.jax.vmap(self._chunk, in_axes=(0, None, None, None, 0)))

    def prepare(self, turn: Turn) -> None:
        super().prepare(turn)
        stack, K = self.jax.numpy.stack, len(self.rates)
        self.state = self.jax.tree.map(lambda array: stack([array] * K), self.state)
        self.lr = self.jax.device_put(self.rates)
        self.jax.block_until_ready(self.state)

    def thetas(self) -> list[Array]:
        params = self.state[0]
        return [joined([(np.asarray(W[k]), np.asarray(b[k])) for W, b in params]) for k in range(len(self.rates))]
