"""Stochastic gradient descent beside scikit-learn's MLPClassifier: theta after each epoch, in float64.

Both start from the same parameters and see the same batches in the same order, without momentum, penalty or decay.
scikit-learn's `partial_fit` without a shuffle walks the rows that it is given in order; it is given those of our epoch.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from bpexp.data.batches import Batches
from bpexp.data.dataset import Part
from bpexp.gradients.backprop import backprop
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.initializers import initializers
from bpexp.nn.network import Network
from bpexp.nn.optimizers import optimizers
from bpexp.nn.schedules import schedules
from bpexp.training.events import Callback, EpochEnded
from bpexp.training.trainer import Trainer, train

Array = NDArray[Any]

HIDDEN = (32, 16)
NAMES = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic", "identity": "identity"}
"""Our activation, and scikit-learn's name of it."""

LR, B = 0.1, 32


class Thetas(Callback):
    """A copy of theta at each evaluation, the first of them before training."""

    def __init__(self, network: Network) -> None:
        self.network, self.kept = network, list[Array]()

    def on_epoch(self, event: EpochEnded) -> None:
        self.kept.append(self.network.theta.copy())


def digits(samples: int) -> Part:
    """The first of scikit-learn's 1 797 digits, scaled to [0, 1], with one-hot targets."""
    X, labels = load_digits(return_X_y=True)
    X, labels = X[:samples] / 16, labels[:samples]
    return Part(X=X, Y=np.eye(10)[labels], rows=np.arange(len(X)), labels=labels)


def ours(activation: str, part: Part, epochs: int) -> list[Array]:
    """Theta before training and after each epoch, by the training loop."""
    head = build_head("softmax", "cross_entropy")
    hidden = [activations.build(activation) for _ in HIDDEN]
    network = Network([part.X.shape[1], *HIDDEN, 10], hidden, head.output, "float64")
    network.initialize(initializers.build("xavier_uniform"), np.random.default_rng(0), biases="drawn")
    thetas = Thetas(network)
    trainer = Trainer(
        network=network,
        head=head,
        method=backprop(),
        optimizer=optimizers.build("sgd"),
        schedule=schedules.build("constant"),
        batches=Batches(part, B, np.random.default_rng(1)),
        parts={"train": part},
        lr=LR,
        epochs=epochs,
    )
    ended = train(trainer, [thetas])
    assert ended.status == "finished", ended.reason
    return thetas.kept


def theirs(activation: str, part: Part, theta: Array, epochs: int) -> list[Array]:
    """Theta after each epoch, by scikit-learn from the same theta."""
    model = MLPClassifier(
        hidden_layer_sizes=HIDDEN, activation=NAMES[activation], solver="sgd", alpha=0.0, batch_size=B,
        learning_rate="constant", learning_rate_init=LR, momentum=0.0, nesterovs_momentum=False, shuffle=False,
        random_state=0, tol=0.0,
    )  # fmt: skip
    assert part.labels is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a first call with fewer samples than a batch, to have the arrays
        model.partial_fit(part.X[:10], part.labels[:10], classes=np.arange(10))
    start = 0
    for W, b in zip(model.coefs_, model.intercepts_, strict=True):
        W[...] = theta[start : start + W.size].reshape(W.T.shape).T
        b[...] = theta[start + W.size : start + W.size + b.size]
        start += W.size + b.size
    rng, kept = np.random.default_rng(1), []
    for _ in range(epochs):
        order = rng.permutation(part.rows)
        model.partial_fit(part.X[order], part.labels[order])
        layers = zip(model.coefs_, model.intercepts_, strict=True)
        kept.append(np.concatenate([np.ravel(array) for W, b in layers for array in (W.T, b)]))
    return kept


def measure(epochs: int, samples: int = 1797) -> dict[str, Any]:
    """The largest difference of an entry of theta after each epoch, and the largest entry that has moved."""
    part = digits(samples)
    found: dict[str, Any] = {"sklearn": sklearn.__version__, "samples": len(part), "epochs": epochs, "activations": {}}
    for activation in NAMES:
        start, *mine = ours(activation, part, epochs)
        yours = theirs(activation, part, start, epochs)
        found["activations"][activation] = {
            "worst": [float(np.abs(a - b).max()) for a, b in zip(mine, yours, strict=True)],
            "moved": float(np.abs(mine[-1] - start).max()),
        }
    return found
