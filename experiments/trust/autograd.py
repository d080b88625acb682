"""Cost and gradient of random networks beside PyTorch's autograd.

The error of a gradient is |g - g_torch| / |g_torch|, with the norm over all parameters. PyTorch computes a - y and f'
by subtraction, with an error of eps relative to 1, which its gradient has as an error of eps R: R is the norm of
dC/da^L pulled back to the parameters. Where that alone may exceed the tolerance, since the outputs of a batch are
saturated, PyTorch cannot judge: the two must then agree within 16 eps R, and the network is counted as saturated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from bpexp.gradients.backprop import backprop
from bpexp.nn.activations import activations
from bpexp.nn.heads import Head, build_head
from bpexp.nn.network import Network
from experiments.trust.pairings import pairings, variants

Array = NDArray[Any]
Tensor = torch.Tensor

TOLERANCE = {"float32": 1e-4, "float64": 1e-12}

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": lambda z: functional.leaky_relu(z, 0.01),
    "elu": functional.elu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "softplus": lambda z: torch.logaddexp(z, torch.zeros_like(z)),  # functional.softplus is z from 20 on
    "softmax": lambda z: torch.softmax(z, dim=0),
}

LOSSES = ("mse", "mae", "huber", "cross_entropy", "binary_cross_entropy")
"""Outputs and losses that PyTorch is told here; those of plug-ins are left out."""

SCALES = (1.0, 1.0, 1.0, 30.0, 3000.0)
"""Factors of the last layer's parameters: most networks are ordinary, some have extreme logits."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A random network with its head, its loss as declared and a batch x (n_0, B), y (n_L, B)."""

    network: Network
    head: Head
    hidden: list[str]
    loss: dict[str, Any]
    x: Array
    y: Array


def draw(rng: np.random.Generator, output: str, loss: str, dtype: str) -> Drawn:
    """Depth 0 to 6, widths 1 to 8, an activation for each layer, parameters and a batch of 1 to 9 samples."""
    depth, B = int(rng.integers(0, 7)), int(rng.integers(1, 10))
    sizes = [int(n) for n in rng.integers(1, 9, depth + 1)] + [int(rng.integers(2, 7))]
    hidden = [str(name) for name in rng.choice([name for name in FUNCTIONS if name != "softmax"], depth)]
    choices = list(variants(loss))
    node = {"name": loss, **choices[int(rng.integers(len(choices)))]}
    head = build_head(output, node, batch="mean" if rng.random() < 0.5 else "sum")
    network = Network(sizes, [activations.build(name) for name in hidden], head.output, dtype)
    for layer in network.layers:
        layer.W[...] = rng.normal(0, 1.5 / math.sqrt(layer.W.shape[1]), layer.W.shape)
        layer.b[...] = rng.normal(0, 0.5, layer.b.shape)
    scale = rng.choice(SCALES)
    network.layers[-1].W[...] *= scale
    network.layers[-1].b[...] *= scale
    one_hot = head.loss.classes or rng.random() < 0.5
    y = np.eye(sizes[-1])[:, rng.integers(0, sizes[-1], B)] if one_hot else rng.uniform(-1, 2, (sizes[-1], B))
    return Drawn(network, head, hidden, node, rng.normal(size=(sizes[0], B)).astype(dtype), y.astype(dtype))


def costs(output: str, loss: dict[str, Any], z: Tensor, y: Tensor) -> Tensor:
    """The terms of C_k (n_L, B), for losses with logarithms by PyTorch's functions of logits, without factor."""
    name = loss["name"]
    if name == "cross_entropy":
        return -y * torch.log_softmax(z, dim=0)
    if name == "binary_cross_entropy" and output == "sigmoid":
        return functional.binary_cross_entropy_with_logits(z, y, reduction="none")
    if name == "binary_cross_entropy":
        others = z[None] + torch.diag(torch.full((len(z),), -math.inf, dtype=z.dtype))[:, :, None]
        complement = torch.logsumexp(others, dim=1) - torch.logsumexp(z, dim=0)
        return -y * torch.log_softmax(z, dim=0) - (1 - y) * complement
    a = FUNCTIONS[output](z)
    if name == "huber":
        return functional.huber_loss(a, y, reduction="none", delta=loss.get("threshold", 1.0))
    return {"mse": torch.square, "mae": torch.abs}[name](a - y)


def by_autograd(case: Drawn) -> tuple[float, Array, float]:
    """Cost and gradient (P,) by PyTorch, and the norm of dC/da^L pulled back to the parameters."""
    theta = torch.tensor(case.network.theta, requires_grad=True)
    a, start = torch.tensor(case.x), 0
    for l, layer in enumerate(case.network.layers):
        n_out, n_in = layer.W.shape
        W = theta[start : start + n_out * n_in].reshape(n_out, n_in)
        b = theta[start + n_out * n_in : start + n_out * (n_in + 1)].reshape(n_out, 1)
        start += n_out * (n_in + 1)
        z = W @ a + b
        a = FUNCTIONS[case.hidden[l]](z) if l < len(case.hidden) else z
    output, y = case.head.name.split("+")[0], torch.tensor(case.y)
    share = case.head.weight(case.x.shape[1]) * case.loss.get("factor", 1.0)
    share /= len(y) if case.loss.get("reduction") == "mean" else 1
    cost = share * costs(output, case.loss, z, y).sum()
    (gradient,) = torch.autograd.grad(cost, theta, retain_graph=True)
    with np.errstate(divide="ignore"):
        slope = share * torch.nan_to_num(torch.tensor(case.head.slope(z.detach().numpy(), case.y)), posinf=1, neginf=-1)
    (reach,) = torch.autograd.grad(z, theta, grad_outputs=slope)
    return float(cost.detach()), gradient.numpy(), float(reach.norm())


def compare(case: Drawn) -> dict[str, float]:
    """Relative error of cost and gradient; NaN for that of a gradient which PyTorch cannot judge."""
    cost, gradient, reach = by_autograd(case)
    ours = backprop()(case.network, case.head, case.x, case.y)
    truth = gradient.astype(np.float64)
    difference, size = float(np.linalg.norm(ours.vector - truth)), float(np.linalg.norm(truth))
    rounding = float(np.finfo(case.x.dtype).eps) * reach
    error = difference / size if rounding <= TOLERANCE[case.x.dtype.name] * size else math.nan
    if math.isnan(error) and not difference <= 16 * rounding:
        raise AssertionError(f"{case.head.name} after {case.hidden}: {difference} apart, of {size}")
    return {"cost": abs(ours.cost - cost) / max(abs(cost), rounding), "gradient": error}


def measure(networks: int, seed: int = 0) -> dict[str, Any]:
    """`networks` random networks in each dtype, their pairings in turn: the worst errors and where they are."""
    names = [(output, loss) for output, loss in pairings() if output in FUNCTIONS and loss in LOSSES]
    found: dict[str, Any] = {"networks": networks, "torch": torch.__version__.split("+")[0], "seed": seed}
    for dtype in ("float32", "float64"):
        rng = np.random.default_rng(seed)
        pairs = [names[i % len(names)] for i in range(networks)]
        rows = [(pair, compare(draw(rng, *pair, dtype))) for pair in pairs]
        found[dtype] = {"saturated": sum(math.isnan(row["gradient"]) for _, row in rows)}
        for what in ("cost", "gradient"):
            pair, row = max(rows, key=lambda item: np.nan_to_num(item[1][what]))
            found[dtype][what] = {"worst": row[what], "pairing": "+".join(pair)}
    return found
