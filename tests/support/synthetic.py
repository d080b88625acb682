"""Studies without training: runs made from known effects, so that the right answer is known too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from bpexp.study.analysis import RunRecord
from bpexp.study.declaration import declaration
from bpexp.study.declaration import record as recorded
from bpexp.study.design import Study, declared
from bpexp.study.evidence import weigh
from bpexp.study.standing import Standings, standings

Point = dict[str, Any]

FACTORS: dict[str, list[Any]] = {"activation": ["sigmoid", "relu"], "init": ["xavier", "he"], "lr": [0.1, 1.0]}


def study(**changes: Any) -> Study:
    """Two activations, two initializers and two learning rates, five seeds, the learning rate tuned."""
    return declared("synthetic", {"factors": FACTORS, "tuned": "lr", "repeats": 5, **changes})


def claim(**said: Any) -> dict[str, Any]:
    return {"text": "so it is", "measure": "final accuracy/test", **said}


def points(design: Study) -> Iterator[Point]:
    """Every combination of levels and seeds."""
    keys = [*design.factors, "seed"]
    for values in product(*design.factors.values(), range(design.repeats)):
        yield dict(zip(keys, values, strict=True))


def record(point: Point, status: str = "finished", **final: float) -> RunRecord:
    """A run of two epochs that ends at these values; accuracy is accuracy/test, and so on."""
    series = {
        {"accuracy": "accuracy/test", "validation": "accuracy/validation", "loss": "loss/test"}.get(name, name): [
            (10, 0.5 * value),
            (20, value),
        ]
        for name, value in final.items()
    }
    return RunRecord(point, status, {**series, "time/epoch": [(10, 1.0), (20, 2.0)]})


def runs(design: Study, result: Callable[[Point], float | dict[str, float]]) -> list[RunRecord]:
    """Every run of a study; `result` says its accuracies, one for both parts or each."""
    made = []
    for point in points(design):
        value = result(point)
        values = value if isinstance(value, dict) else {"accuracy": value, "validation": value}
        made.append(record(point, **values))
    return made


def in_time(design: Study) -> Standings:
    """The standing of the claims of a study that was declared before its runs."""
    node = {"factors": dict(design.factors), "repeats": design.repeats}
    return standings(weigh(recorded(declaration(design, node, [], []), None).text(), None), design, None)
