"""scikit-learn: MLPClassifier by partial_fit, with its own shuffle and without."""

from __future__ import annotations

import numpy as np

from experiments.speed.clock import now
from experiments.speed.work import Array, Case, Samples, Turn, joined, network, split


class Sklearn:
    """One pass over the samples of a turn.

    It cannot be told an order, so the samples lie such that its shuffle, whose draw is known, has them in ours.
    """

    shuffle = True

    def __init__(self, case: Case, data: Samples) -> None:
        from sklearn.neural_network import MLPClassifier

        if case.kind == "sigmoid_mse":
            raise LookupError("MLPClassifier has no mean squared error")
        if case.B is None and self.shuffle:
            raise LookupError("a full batch is not shuffled")
        self.case, self.data = case, data
        self.start = split(network(case).theta.copy(), case.sizes)
        self.model = MLPClassifier(
            hidden_layer_sizes=case.sizes[1:-1],
            activation=case.parts.hidden,
            solver=case.optimizer,
            alpha=0.0,
            batch_size=case.B or len(data),
            learning_rate="constant",
            learning_rate_init=case.lr,
            momentum=0.0,
            nesterovs_momentum=False,
            shuffle=self.shuffle,
            random_state=0,
            tol=0.0,
        )
        first = slice(0, case.B)
        self.model.partial_fit(data.X[first], data.labels[first], classes=np.unique(data.labels))

    def prepare(self, turn: Turn) -> None:
        model = self.model
        vars(model).pop("_optimizer", None)  # the moments of Adam, which nothing public sets back
        for l, (W, b) in enumerate(self.start):
            model.coefs_[l][...] = W.T
            model.intercepts_[l][...] = b
        order = slice(None) if self.case.B is None else self._arranged(turn.order)
        self.x, self.y = self.data.X[order], self.data.labels[order]

    def _arranged(self, order: Array) -> Array:
        """Where the samples have to lie so that the pass visits them in `order`."""
        from sklearn.utils import shuffle

        drawn = shuffle(np.arange(len(order)), random_state=self.model.random_state)
        lying = np.empty_like(order)
        lying[drawn] = order
        return lying

    def go(self) -> float:
        start = now()
        self.model.partial_fit(self.x, self.y)
        seconds = now() - start
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
