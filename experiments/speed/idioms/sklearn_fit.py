"""scikit-learn: MLPClassifier by partial_fit, an epoch a call."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.neural_network import MLPClassifier

from experiments.speed.idioms.common import BATCH, SIZES, Data, main


def train(data: Data, lr: float, seed: int, epochs: int) -> Iterator[float]:
    X, y, test_X, test_y = data
    model = MLPClassifier(
        hidden_layer_sizes=SIZES[1:-1],
        solver="sgd",
        alpha=0.0,
        batch_size=BATCH,
        learning_rate_init=lr,
        momentum=0.0,
        random_state=seed,
    )
    for _ in range(epochs):
        model.partial_fit(X, y, classes=np.arange(SIZES[-1]))
        yield float(model.score(test_X, test_y))


if __name__ == "__main__":
    main(train)
