"""PyTorch with the samples in one tensor and batches by index, as those write it whose data fit into memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from experiments.speed.idioms.common import BATCH, Data, main
from experiments.speed.idioms.torch_loader import network


def train(data: Data, lr: float, seed: int, epochs: int) -> Iterator[float]:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    X, y, test_X, test_y = map(torch.from_numpy, data)
    model, loss_of = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(BATCH):
            optimizer.zero_grad()
            loss = loss_of(model(X[rows]), y[rows])
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            yield float((model(test_X).argmax(dim=1) == test_y).float().mean())


if __name__ == "__main__":
    main(train)
