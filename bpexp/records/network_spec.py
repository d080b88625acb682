"""The description of a saved network, network.json: what it must hold, and the network that it describes.

Every saved MLflow model contains a copy of this module, so it imports `bpexp.files`, `bpexp.nn`, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from bpexp.errors import ConfigError, DataError, RecordError
from bpexp.files.plain_json import read_json
from bpexp.nn.activations import activations
from bpexp.nn.arrays import Array
from bpexp.nn.columns import Columns
from bpexp.nn.network import Network
from bpexp.nn.outputs import outputs
from bpexp.records.schema import check_format, shown, typed
from bpexp.registry import Count, Registry

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

Function = str | dict[str, Any]
NEEDED: dict[str, Any] = {
    "sizes": list[Count],
    "hidden": list[Function],
    "output": Function,
    "dtype": Literal["float32", "float64"],
}
OPTIONAL: dict[str, Any] = {
    "classes": list[str] | None,
    "target_names": list[str] | None,
    "task": Literal["classification", "regression"] | None,
    "image_shape": tuple[int, int] | None,
    "columns": dict[str, Any] | None,
    "weights": dict[str, Any] | None,
    "sha256": str,
}
"""The types of the fields. Others are kept as they are."""


def read_spec(path: Path) -> dict[str, Any]:
    """The description of the network; raises RecordError for one that is incomplete or of another format."""
    spec, where = read_json(path, error=RecordError), repr(str(path))
    if not isinstance(spec, dict):
        raise RecordError(f"{where}: found {shown(spec)}; expected the description of a network")
    check_format({"format": None, **spec}, f"the network {where}", FORMAT)
    validate_spec(spec, where)
    return spec


def validate_spec(spec: Mapping[str, Any], where: str) -> None:
    """Raise RecordError, which begins with `where`, for a spec from which no network can be built."""
    for key, hint in (NEEDED | OPTIONAL).items():
        if key in spec:
            typed(spec[key], hint, f"{where}: {key}")
        elif key in NEEDED:
            raise RecordError(f"{where}: lacks {key!r}; it needs {', '.join(NEEDED)}")
    sizes, hidden = spec["sizes"], spec["hidden"]
    if len(sizes) < 2 or len(hidden) != len(sizes) - 2:
        raise RecordError(f"{where}: has sizes {shown(sizes)} and {len(hidden)} hidden activations")
    n_L, names = sizes[-1], spec.get("classes") or ()
    if names and n_L != len(names) and not (n_L == 1 and len(names) == 2):
        raise RecordError(f"{where}: has {n_L} outputs and {len(names)} names of classes")
    _refuse_names(spec, where)
    columns = columns_of(spec, where)
    if columns is not None and columns.width != sizes[0]:
        raise RecordError(f"{where}: has {sizes[0]} inputs, and columns that make {columns.width}")


def _refuse_names(spec: Mapping[str, Any], where: str) -> None:
    """Raise RecordError for names that do not fit the task, and for weights that are announced and not described."""
    names = spec.get("target_names") or ()
    task = spec.get("task") or ("classification" if spec.get("classes") else "regression")
    expected = spec["sizes"][-1] if task == "regression" else 1
    if names and len(names) != expected:
        raise RecordError(f"{where}: target_names: found {len(names)} names; expected {expected} for a {task}")
    weights = spec.get("weights") or {}
    reported = weights.get("reported", LAST)
    if reported not in (LAST, BEST) or (reported == BEST and weights.get(BEST) is None):
        told = f"expected {LAST} or {BEST}, described beside it"
        raise RecordError(f"{where}: weights.reported: found {shown(reported)}; {told}")


def columns_of(spec: Mapping[str, Any], where: str) -> Columns | None:
    """The columns of a table that make a network's inputs; None where it takes numbers only."""
    try:
        return None if spec.get("columns") is None else typed(spec["columns"], Columns, f"{where}: columns")
    except DataError as error:
        raise RecordError(f"{where}: columns: {error}") from None


def check_functions(spec: Mapping[str, Any], where: str) -> None:
    """Raise RecordError for the functions of a layer that cannot be made, unknown ones among them."""
    for i, node in enumerate(spec["hidden"]):
        _described(activations, node, f"{where}: hidden[{i}]")
    _described(outputs, spec["output"], f"{where}: output")


def network_from_spec(theta: Array, spec: Mapping[str, Any]) -> Network:
    """The network with the layers of the spec and the parameters theta (P,)."""
    hidden = [_component(activations, node) for node in spec["hidden"]]
    network = Network(spec["sizes"], hidden, _component(outputs, spec["output"]), spec["dtype"])
    network.theta[...] = theta
    return network


def _described(registry: Registry[Any], node: Any, where: str) -> None:
    try:
        _component(registry, node)
    except ConfigError as error:
        raise RecordError(f"{where}: {error}") from None


def _component(registry: Registry[Any], node: Any) -> Any:
    """A function from a node such as {"name": "leaky_relu", "slope": 0.1}; an unknown name loads the plug-ins."""
    if registry.parse(node)[0] not in registry:
        for plugin in metadata.entry_points(group="bpexp.plugins"):
            plugin.load()
    return registry.from_config(node)
