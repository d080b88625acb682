"""The peers: the same step as a user of each library would write it for speed, on one thread."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from experiments.speed.work import LR, Array, Case, Samples, Turn, joined, network, split


class Torch:
    """PyTorch, eager: nn.Linear with functional activations and loss, optim.SGD; batches by index_select."""

    def __init__(self, case: Case, data: Samples) -> None:
        import torch

        torch.set_num_threads(1)
        self.torch, self.case = torch, case
        self.X = torch.from_numpy(data.X)
        targets = data.labels if case.kind == "relu_cross_entropy" else data.Y
        self.targets = torch.from_numpy(targets)
        self.start = split(network(case).theta.copy(), case.sizes)
        self.linears = [torch.nn.Linear(W.shape[1], W.shape[0]) for W, _ in self.start]
        parameters = [p for linear in self.linears for p in (linear.weight, linear.bias)]
        self.optimizer = torch.optim.SGD(parameters, lr=LR)

    def prepare(self, turn: Turn) -> None:
        with self.torch.no_grad():
            for linear, (W, b) in zip(self.linears, self.start, strict=True):
                linear.weight.copy_(self.torch.from_numpy(W))
                linear.bias.copy_(self.torch.from_numpy(b))
        self.turn, self.order = turn, self.torch.from_numpy(turn.order)

    def go(self) -> float:
        torch, functional = self.torch, self.torch.nn.functional
        entropy = self.case.kind == "relu_cross_entropy"
        f = functional.relu if entropy else torch.sigmoid
        *hidden, last = self.linears
        optimizer, X, targets = self.optimizer, self.X, self.targets
        start = time.perf_counter()
        total = 0.0
        for rows in self.order.split(self.turn.B):
            a, y = X.index_select(0, rows), targets.index_select(0, rows)
            for linear in hidden:
                a = f(linear(a))
            z = last(a)
            if entropy:
                loss = functional.cross_entropy(z, y)
            else:
                loss = functional.mse_loss(torch.sigmoid(z), y, reduction="sum") / len(rows)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.item()
        seconds = time.perf_counter() - start
        self.loss = total / self.turn.steps
        return seconds

    def theta(self) -> Array:
        return joined([(li.weight.detach().numpy(), li.bias.detach().numpy()) for li in self.linears])


class Jax:
    """JAX: the whole turn is one compiled call, a lax.scan over the batches that gathers each inside."""

    def __init__(self, case: Case, data: Samples) -> None:
        import jax

        self.jax, self.case = jax, case
        self.X, self.Y = jax.device_put(data.X), jax.device_put(data.Y)
        self.start = split(network(case).theta.copy(), case.sizes)
        self.chunk = jax.jit(self._chunk)

    def _cost(self, params: Any, x: Any, y: Any) -> Any:
        jax, entropy = self.jax, self.case.kind == "relu_cross_entropy"
        f = jax.nn.relu if entropy else jax.nn.sigmoid
        for W, b in params[:-1]:
            x = f(x @ W.T + b)
        z = x @ params[-1][0].T + params[-1][1]
        if entropy:
            return (jax.nn.logsumexp(z, axis=1) - (y * z).sum(axis=1)).mean()
        return ((jax.nn.sigmoid(z) - y) ** 2).sum(axis=1).mean()

    def _chunk(self, params: Any, X: Any, Y: Any, batches: Any) -> Any:
        jax = self.jax

        def step(params: Any, rows: Any) -> Any:
            x = X.at[rows].get(mode="promise_in_bounds")
            y = Y.at[rows].get(mode="promise_in_bounds")
            loss, slopes = jax.value_and_grad(self._cost)(params, x, y)
            return jax.tree.map(lambda p, g: p - LR * g, params, slopes), loss

        return jax.lax.scan(step, params, batches)

    def prepare(self, turn: Turn) -> None:
        put = self.jax.device_put
        self.params = [(put(W), put(b)) for W, b in self.start]
        self.batches = put(turn.order.reshape(turn.steps, turn.B).astype(np.int32))
        self.jax.block_until_ready((self.params, self.batches))

    def go(self) -> float:
        start = time.perf_counter()
        self.params, losses = self.chunk(self.params, self.X, self.Y, self.batches)
        self.jax.block_until_ready((self.params, losses))
        seconds = time.perf_counter() - start
        self.loss = float(losses.mean())
        return seconds

    def theta(self) -> Array:
        return joined([(np.asarray(W), np.asarray(b)) for W, b in self.params])


class Sklearn:
    """scikit-learn's MLPClassifier by partial_fit, one pass over the samples of a turn, with its own shuffle.

    It cannot be told an order, so the samples lie such that its shuffle, whose draw is known, has them in ours.
    """

    shuffle = True

    def __init__(self, case: Case, data: Samples) -> None:
        from sklearn.neural_network import MLPClassifier

        if case.kind != "relu_cross_entropy" or case.B is None:
            raise LookupError("MLPClassifier has no mean squared error")
        self.data = data
        self.start = split(network(case).theta.copy(), case.sizes)
        self.model = MLPClassifier(
            hidden_layer_sizes=case.sizes[1:-1],
            activation="relu",
            solver="sgd",
            alpha=0.0,
            batch_size=case.B,
            learning_rate="constant",
            learning_rate_init=LR,
            momentum=0.0,
            nesterovs_momentum=False,
            shuffle=self.shuffle,
            random_state=0,
            tol=0.0,
        )
        first = slice(0, case.B)
        self.model.partial_fit(data.X[first], data.labels[first], classes=np.arange(10))

    def prepare(self, turn: Turn) -> None:
        model = self.model
        for l, (W, b) in enumerate(self.start):
            model.coefs_[l][...] = W.T
            model.intercepts_[l][...] = b
        order = self._arranged(turn.order)
        self.x, self.y = self.data.X[order], self.data.labels[order]

    def _arranged(self, order: Array) -> Array:
        """Where the samples have to lie so that the pass visits them in `order`."""
        from sklearn.utils import shuffle

        drawn = shuffle(np.arange(len(order)), random_state=self.model.random_state)
        lying = np.empty_like(order)
        lying[drawn] = order
        return lying

    def go(self) -> float:
        start = time.perf_counter()
        self.model.partial_fit(self.x, self.y)
        seconds = time.perf_counter() - start
        self.loss = float(self.model.loss_)
        return seconds

    def theta(self) -> Array:
        assert all(array.dtype == np.float32 for array in self.model.coefs_)
        return joined([(W.T, b) for W, b in zip(self.model.coefs_, self.model.intercepts_, strict=True)])


class SklearnInOrder(Sklearn):
    """The same without a shuffle: its batches are slices of samples that lie in order, so it is spared the gather."""

    shuffle = False

    def _arranged(self, order: Array) -> Array:
        return order


PEERS = {
    "PyTorch": Torch,
    "JAX": Jax,
    "scikit-learn": Sklearn,
    "scikit-learn, no gather": SklearnInOrder,
}
COMPILED = "bpexp, numba"

MODULES = {
    COMPILED: "numba",
    "PyTorch": "torch",
    "JAX": "jax",
    "scikit-learn": "sklearn",
    "scikit-learn, no gather": "sklearn",
}
