"""Prediction by a saved network: raw rows in, classes or values out, as the data set has them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bpexp.errors import TrackingError, nearest
from bpexp.nn.arrays import Array
from bpexp.nn.network import Network
from bpexp.records.network_file import SavedNetwork, load_network
from bpexp.records.network_spec import network_from_spec

if TYPE_CHECKING:
    import pandas as pd

PARAM = "weights"
"""The key of `params` that chooses the weights."""

MOST_BYTES = 2**31
"""Largest size of all activations of the rows that are predicted at once, in bytes of float64."""


class Predictor:
    """A saved network with all that turns raw rows into answers; also the Python model in a saved MLflow model."""

    def __init__(self, saved: SavedNetwork) -> None:
        self.saved, self.spec = saved, saved.spec

    @cached_property
    def networks(self) -> dict[str, Network]:
        """The network with the weights of the last epoch and, where one was chosen, with those of the best epoch."""
        return {name: network_from_spec(theta, self.spec) for name, theta in self.saved.weights.items()}

    @property
    def network(self) -> Network:
        """The network that the figures of the run speak of."""
        return self.networks[self.saved.reported]

    @property
    def classes(self) -> list[str]:
        """The names of the classes; empty for a regression."""
        names = list(self.spec.get("classes") or ())
        if self.spec.get("task", "classification" if names else "regression") == "regression":
            return []
        return names or [str(number) for number in range(max(self.spec["sizes"][-1], 2))]

    @property
    def answer_names(self) -> list[str]:
        """The columns of the table that `predict` returns, as in `predict`."""
        names, values = list(self.spec.get("target_names") or ()), self.classes
        n_L = self.spec["sizes"][-1]
        if not values:
            return names or (["y"] if n_L == 1 else [f"y{i}" for i in range(n_L)])
        label = names[0] if names else "class"
        while label in values:  # a class may have any name
            label += "_"
        return [label, *(values if n_L > 1 else values[1:])]

    def predict(self, rows: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """The answer for each raw row, as a table of N rows.

        Of a classification: the name of the predicted class, in a column named as the target of the data or `class`,
        then one column for each class with its output; of a network with a single output, that of the second class
        alone. Of a regression: one column for each target, in the units of the data, with its name, or y, or y0, y1,
        ...

        Args:
            rows: a data frame, array or list (N, n_0) as the data set has them: neither scaled nor encoded. Samples may
                keep their axes, such as images in colour (N, height, width, 3). Of a table, a data frame or mapping is
                read by the names of its columns, and further columns are ignored.
            params: {"weights": "best"} or {"weights": "last"} chooses the weights; by default those that the figures of
                the run speak of.

        Raises BpexpError, a ValueError, for rows that the network cannot take.
        """
        import pandas as pd

        unknown = [key for key in params or () if key != PARAM]
        if unknown:
            raise TrackingError(f"unknown parameter {unknown[0]!r}; predict takes {PARAM!r}")
        a = self.outputs(rows, (params or {}).get(PARAM))
        columns = {} if not self.classes else {0: self._named(a)}
        columns |= {len(columns) + i: a[:, i] for i in range(a.shape[1])}
        index = rows.index if isinstance(rows, pd.DataFrame) else None
        return pd.DataFrame(columns, index=index).set_axis(self.answer_names, axis="columns")

    def outputs(self, rows: Any, weights: str | None = None) -> Array:
        """a^L (N, n_L) for raw rows, an argument as in `predict`; of a regression in the units of the data.

        Args:
            rows: as in `predict`.
            weights: last or best; None for those that the figures of the run speak of.

        Raises BpexpError, a ValueError, for rows that the network cannot take.
        """
        name = self.saved.reported if weights is None else weights
        if name not in tuple(self.networks):
            hint = nearest(str(name), self.networks)
            raise TrackingError(f"there are no weights {name!r}; {hint}choose from: {', '.join(self.networks)}")
        network = self.networks[name]
        self._refuse_many(rows)
        x = self._inputs(rows)
        with np.errstate(over="ignore", invalid="ignore"):  # of a network that has diverged
            a = np.ascontiguousarray(network.forward(x.T).T)
        return a if self.saved.target_scaling is None else self.saved.target_scaling.undo(a)

    def _refuse_many(self, rows: Any) -> None:
        """Raise TrackingError for more rows at once than fit: a server is sent any number of them."""
        most = MOST_BYTES // (8 * sum(self.spec["sizes"]))
        if hasattr(rows, "__len__") and not isinstance(rows, Mapping) and len(rows) > most:
            raise TrackingError(f"the model takes at most {most:,} rows at once, not {len(rows):,}; send some of them")

    def _inputs(self, rows: Any) -> Array:
        """(N, n_0) the inputs of the network: raw rows encoded, and scaled as in training."""
        numbers = self._images(_numbers(rows)) if self.saved.columns is None else self.saved.columns.encode(rows)
        n = self.spec["sizes"][0]
        if numbers.ndim != 2 or numbers.shape[1] != n:
            raise TrackingError(f"the model takes rows of {n} numbers, (N, {n}), not an array of shape {numbers.shape}")
        x = self.saved.scaling.apply(numbers, np.dtype(self.spec["dtype"]))
        if not np.isfinite(x).all():
            i, j = (int(k) for k in np.argwhere(~np.isfinite(x))[0])
            wanted = f"numbers that are finite in {self.spec['dtype']}"
            raise TrackingError(f"the model takes {wanted}, and row {i}, column {j} is {numbers[i, j]!s}")
        return x

    def _images(self, x: Array) -> Array:
        """Samples of several axes as rows, images of a known height and width only where they have these."""
        shape = self.spec.get("image_shape")
        fits = x.ndim > 2 and (not shape or list(x.shape[1:]) == list(shape))
        return x.reshape(len(x), math.prod(x.shape[1:])) if fits else x

    def _named(self, a: Array) -> Array:
        """(N,) the names of the predicted classes; None where an output is not finite."""
        numbers = (a[:, 0] > 0.5).astype(np.intp) if a.shape[1] == 1 else a.argmax(axis=1)
        names: Array = np.array(self.classes, dtype=object)[numbers]
        names[~np.isfinite(a).all(axis=1)] = None
        return names

    def get_raw_model(self) -> Predictor:
        """Called by MLflow's `get_raw_model`; returns this object."""
        return self


def _numbers(rows: Any) -> Array:
    """`rows` as an array of numbers; a data frame with columns of several types may be one of objects."""
    try:
        x = np.asarray(rows)
        if x.dtype.kind == "c":
            raise TypeError("found complex ones")
        return x if x.dtype.kind in "biuf" else x.astype(np.float64)
    except (TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise TrackingError(f"the model takes rows of numbers (N, n_0): {reason}") from None


def load_predictor(directory: Path) -> Predictor:
    """The saved network of a directory; raises TrackingError if it is missing or changed."""
    return Predictor(load_network(directory))
