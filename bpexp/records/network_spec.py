"""The description of a saved network, network.json: what it must hold, and the network that it describes.

Every saved MLflow model contains a copy of this module, so it imports `bpexp.nn` and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from bpexp.errors import DataError, TrackingError
from bpexp.nn.activations import activations
from bpexp.nn.arrays import Array
from bpexp.nn.columns import Columns
from bpexp.nn.network import Network
from bpexp.nn.outputs import outputs
from bpexp.registry import Registry

FORMAT = 3
"""Version of the format.

Format 1 has no scaling of the inputs: its networks take rows scaled as in training. Format 2 has no columns of a table,
no scaling of the targets and the weights of one epoch only. Both are still read.
"""

SPEC = "network.json"

TRAINED_IN = ("float32", "float64")
"""The dtypes of saved networks."""

LAST, BEST = "last", "best"
"""The names of the weights: those of the last epoch, and those of the best one."""


def read_spec(path: Path) -> dict[str, Any]:
    """The description of the network; raises TrackingError for one that is incomplete or of another format."""
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrackingError(
            f"the network {str(path)!r} cannot be read: {one_line(error)}; save the model again"
        ) from error
    found = spec.get("format") if isinstance(spec, dict) else spec
    if not isinstance(spec, dict) or found not in range(1, FORMAT + 1):
        raise TrackingError(f"the network {str(path)!r} has format {found!r}; this version reads 1 to {FORMAT}")
    validate_spec(spec, str(path))
    return spec


def validate_spec(spec: Mapping[str, Any], where: str) -> None:
    """Raise TrackingError for a spec from which no network can be built."""
    missing = [key for key in ("sizes", "hidden", "output", "dtype") if key not in spec]
    if missing:
        raise TrackingError(f"the network {where!r} lacks {missing[0]!r}; it needs sizes, hidden, output and dtype")
    sizes, hidden, dtype = spec["sizes"], spec["hidden"], spec["dtype"]
    if dtype not in TRAINED_IN:
        raise TrackingError(f"the network {where!r} has dtype {dtype!r}; choose from: {', '.join(TRAINED_IN)}")
    if len(sizes) < 2 or len(hidden) != len(sizes) - 2 or not all(isinstance(n, int) and n > 0 for n in sizes):
        raise TrackingError(f"the network {where!r} has sizes {sizes!r} and {len(hidden)} hidden activations")
    n_L, names = sizes[-1], spec.get("classes") or ()
    if names and n_L != len(names) and not (n_L == 1 and len(names) == 2):
        raise TrackingError(f"the network {where!r} has {n_L} outputs and {len(names)} names of classes")
    columns = columns_of(spec, where)
    if columns is not None and columns.width != sizes[0]:
        raise TrackingError(f"the network {where!r} has {sizes[0]} inputs, and columns that make {columns.width}")


def columns_of(spec: Mapping[str, Any], where: str) -> Columns | None:
    """The columns of a table that make a network's inputs; None where it takes numbers only."""
    try:
        return None if spec.get("columns") is None else Columns.from_spec(spec["columns"])
    except DataError as error:
        raise TrackingError(f"the network {where!r}: {error}") from None


def network_from_spec(theta: Array, spec: Mapping[str, Any]) -> Network:
    """The network with the layers of the spec and the parameters theta (P,)."""
    hidden = [_component(activations, node) for node in spec["hidden"]]
    network = Network(spec["sizes"], hidden, _component(outputs, spec["output"]), spec["dtype"])
    network.theta[...] = theta
    return network


def _component(registry: Registry[Any], node: Any) -> Any:
    """A function from a node such as {"name": "leaky_relu", "slope": 0.1}; an unknown name loads the plug-ins."""
    if registry.parse(node)[0] not in registry:
        for plugin in metadata.entry_points(group="bpexp.plugins"):
            plugin.load()
    return registry.from_config(node)


def one_line(error: Exception) -> str:
    """The first line of an error."""
    return str(error).partition("\n")[0] or type(error).__name__
