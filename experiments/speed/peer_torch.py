"""PyTorch: the step as a user would write it for speed, eager and compiled."""

from __future__ import annotations

import os
import shutil
from typing import Any

from experiments.speed.clock import now
from experiments.speed.work import Array, Case, Samples, Turn, joined, network, split


class Torch:
    """Eager: nn.Linear with functional activations and loss, torch.optim; batches by index_select."""

    def __init__(self, case: Case, data: Samples) -> None:
        import torch

        torch.set_num_threads(1)
        self.torch, self.case = torch, case
        self.X = torch.from_numpy(data.X)
        self.targets = torch.from_numpy(data.labels if case.kind == "relu_cross_entropy" else data.Y)
        self.start = split(network(case).theta.copy(), case.sizes)
        self.linears = [torch.nn.Linear(W.shape[1], W.shape[0]) for W, _ in self.start]
        self.loss_of = self._loss_of

    def prepare(self, turn: Turn) -> None:
        torch = self.torch
        with torch.no_grad():
            for linear, (W, b) in zip(self.linears, self.start, strict=True):
                linear.weight.copy_(torch.from_numpy(W))
                linear.bias.copy_(torch.from_numpy(b))
        parameters = [p for linear in self.linears for p in (linear.weight, linear.bias)]
        kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[self.case.optimizer]
        self.optimizer = kind(parameters, lr=self.case.lr)
        self.turn, self.order = turn, torch.from_numpy(turn.order)

    def go(self) -> float:
        X, targets, optimizer, loss_of = self.X, self.targets, self.optimizer, self.loss_of
        start = now()
        total = 0.0
        for rows in self.order.split(self.turn.B):
            whole = len(rows) == len(X)
            a, y = (X, targets) if whole else (X.index_select(0, rows), targets.index_select(0, rows))
            loss = loss_of(a, y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.item()
        seconds = now() - start
        self.loss = total / self.turn.steps
        return seconds

    def _loss_of(self, a: Any, y: Any) -> Any:
        torch, functional = self.torch, self.torch.nn.functional
        f = {"relu": functional.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}[self.case.parts.hidden]
        for linear in self.linears[:-1]:
            a = f(linear(a))
        z = self.linears[-1](a)
        if self.case.kind == "relu_cross_entropy":
            return functional.cross_entropy(z, y)
        if self.case.kind == "tanh_binary":
            return functional.binary_cross_entropy_with_logits(z, y)
        return functional.mse_loss(torch.sigmoid(z), y, reduction="sum") / len(y)

    def theta(self) -> Array:
        return joined([(li.weight.detach().numpy(), li.bias.detach().numpy()) for li in self.linears])


class TorchCompiled(Torch):
    """torch.compile of network and loss, forward and backward; the optimizer stays eager. Needs a C++ compiler."""

    def __init__(self, case: Case, data: Samples) -> None:
        if not any(map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++"))):
            raise LookupError("there is no C++ compiler, which torch.compile needs")
        super().__init__(case, data)
        self.torch.compiler.reset()  # whose count of compilations would else go on from the last case
        self.loss_of = self.torch.compile(self._loss_of, dynamic=False)
