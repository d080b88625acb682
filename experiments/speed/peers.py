"""The peers: the same step in compiled code, and as a user of each library would write it for speed, on one thread."""

from __future__ import annotations

from experiments.speed.ours import Compiled
from experiments.speed.peer_jax import Jax, JaxSteps
from experiments.speed.peer_sklearn import Sklearn, SklearnInOrder
from experiments.speed.peer_torch import Torch, TorchCompiled

COMPILED = "bpexp, numba"

PEERS = {
    COMPILED: Compiled,
    "PyTorch": Torch,
    "torch.compile": TorchCompiled,
    "JAX": Jax,
    "JAX, a call a step": JaxSteps,
    "scikit-learn": Sklearn,
    "scikit-learn, no gather": SklearnInOrder,
}
MODULES = {
    COMPILED: "numba",
    "PyTorch": "torch",
    "torch.compile": "torch",
    "JAX": "jax",
    "JAX, a call a step": "jax",
    "scikit-learn": "sklearn",
    "scikit-learn, no gather": "sklearn",
}
