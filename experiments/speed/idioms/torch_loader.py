"""PyTorch as its tutorials write it: nn.Sequential, DataLoader over a TensorDataset, loss.backward, optimizer.step."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from experiments.speed.idioms.common import BATCH, SIZES, Data, main


def network() -> nn.Sequential:
    """784-32-32-10 with ReLU; the softmax is in the loss."""
    return nn.Sequential(
        nn.Linear(SIZES[0], SIZES[1]),
        nn.ReLU(),
        nn.Linear(SIZES[1], SIZES[2]),
        nn.ReLU(),
        nn.Linear(SIZES[2], SIZES[3]),
    )


def train(data: Data, lr: float, seed: int, epochs: int) -> Iterator[float]:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    X, y, test_X, test_y = map(torch.from_numpy, data)
    loader = DataLoader(TensorDataset(X, y), batch_size=BATCH, shuffle=True)
    model, loss_of = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(epochs):
        model.train()
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = loss_of(model(inputs), labels)
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            yield float((model(test_X).argmax(dim=1) == test_y).float().mean())


if __name__ == "__main__":
    main(train)
