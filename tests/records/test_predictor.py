"""A saved network takes raw rows of any type of number, and refuses anything else in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bpexp
from bpexp.data import datasets
from bpexp.errors import BpexpError, TrackingError
from bpexp.nn.activations import activations
from bpexp.nn.column import Column
from bpexp.nn.columns import Columns
from bpexp.nn.network import Network
from bpexp.nn.outputs import outputs
from bpexp.nn.scaling import InputScaling, TargetScaling
from bpexp.records.network_file import save_network
from bpexp.records.predictor import Predictor, load_predictor

ROWS = np.random.default_rng(2).integers(0, 256, (7, 6), dtype=np.uint8)


@pytest.fixture
def predictor(tmp_path: Path) -> Predictor:
    network = Network([6, 3], [], outputs.build("softmax"), "float32")
    network.theta[...] = np.random.default_rng(1).standard_normal(network.theta.size)
    spec = {"sizes": [6, 3], "hidden": [], "output": {"name": "softmax"}, "dtype": "float32"}
    spec |= {"classes": ["a", "b", "c"], "image_shape": [2, 3]}
    save_network(tmp_path, theta=network.theta, spec={**spec, "scaling": InputScaling(scale=np.asarray(255.0))})
    return load_predictor(tmp_path)


MIXED = pd.DataFrame({i: ROWS[:, i].astype("float32" if i % 2 else "int64") for i in range(6)})


@pytest.mark.parametrize(
    "rows",
    [*(ROWS.astype(kind) for kind in ("int64", "float32", "float64", "object")), ROWS.tolist(), MIXED],
    ids=["int64", "float32", "float64", "object", "list", "frame"],
)
def test_rows_of_any_type_of_number_give_the_same_bits(rows: Any, predictor: Predictor) -> None:
    assert predictor.outputs(rows).tobytes() == predictor.outputs(ROWS).tobytes()


@pytest.mark.parametrize("rows", [ROWS[:1], ROWS[:0], pd.DataFrame(ROWS[:0]), np.ones((2, 6), dtype=bool)])
def test_one_row_no_row_and_truth_values(rows: Any, predictor: Predictor) -> None:
    table = predictor.predict(rows)
    assert list(table.columns) == ["class", "a", "b", "c"]
    assert len(table) == len(rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((2, 5)), r"rows of 6 numbers, \(N, 6\), not an array of shape \(2, 5\)"),
        (np.zeros(6), r"not an array of shape \(6,\)"),
        ([["a"] * 6], "rows of numbers .*could not convert string to float"),
        ([[1.0], [1.0, 2.0]], "rows of numbers .*inhomogeneous"),
        ({"x": [1.0]}, "rows of numbers"),
        (None, r"not an array of shape \(\)"),
        ([[1.0, 2.0, float("nan"), 4.0, 5.0, 6.0]], "finite in float32, and row 0, column 2 is nan"),
        ([[1.0] * 6, [None] * 6], "row 1, column 0 is nan"),
        (np.full((1, 6), 1e300), r"finite in float32, and row 0, column 0 is 1e\+300"),
        (np.zeros((2, 3, 2)), r"not an array of shape \(2, 3, 2\)"),
        (np.zeros((2, 6), dtype=complex), "rows of numbers"),
    ],
)
def test_what_is_not_rows_of_numbers_is_refused_in_one_line(rows: Any, message: str, predictor: Predictor) -> None:
    with pytest.raises(TrackingError, match=message) as caught:
        predictor.predict(rows)
    assert "\n" not in str(caught.value)


def test_a_run_on_bytes_predicts_bytes_as_it_was_evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = ("data.validation=0", "data.test=0", "evaluation.train_samples=5000")
    run = bpexp.run("data=mnist_5k", *whole, "epochs=1", "batch_size=20", "tracking=none", "probe=off")
    raw = datasets.build("mnist_5k")(np.random.default_rng(0))
    assert raw.X.dtype == np.uint8
    assert (run.predict(raw.X)["class"] == raw.y.astype(str)).mean() == run.metrics["final/accuracy_train"]
    x = raw.X[:500].astype(np.float32) / np.float32(255)
    assert run.outputs(raw.X[:500]).tobytes() == np.ascontiguousarray(run.network.forward(x.T).T).tobytes()


def test_a_network_in_another_dtype_is_not_saved(tmp_path: Path) -> None:
    network = Network([6, 3], [], activations.build("identity"), "complex128")
    spec = {"sizes": [6, 3], "hidden": [], "output": {"name": "identity"}, "dtype": "complex128"}
    with pytest.raises(TrackingError, match="dtype: found 'complex128'; expected one of float32, float64"):
        save_network(tmp_path, theta=network.theta, spec=spec)


def test_the_answer_is_a_name_and_an_output_for_each_class(predictor: Predictor) -> None:
    table, outputs = predictor.predict(ROWS), predictor.outputs(ROWS)
    assert list(table["class"]) == ["abc"[i] for i in outputs.argmax(axis=1)]
    np.testing.assert_array_equal(table[["a", "b", "c"]], outputs)
    labelled = pd.DataFrame(ROWS, index=list("tuvwxyz"))
    assert list(predictor.predict(labelled).index) == list("tuvwxyz")


def test_images_may_keep_their_shape(predictor: Predictor) -> None:
    assert predictor.outputs(ROWS.reshape(7, 2, 3)).tobytes() == predictor.outputs(ROWS).tobytes()
    with pytest.raises(TrackingError, match=r"rows of 6 numbers, \(N, 6\), not an array of shape \(7, 2, 3, 1\)"):
        predictor.outputs(ROWS.reshape(7, 2, 3, 1))


def test_samples_in_colour_are_asked_as_they_were_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (90, 2, 2, 3), dtype=np.uint8), np.arange(90) % 3
    run = bpexp.run("tracking=none", "probe=off", "model.hidden=[4]", "epochs=1", "batch_size=9", data=(X, y))
    assert run.outputs(X).tobytes() == run.outputs(X.reshape(90, 12)).tobytes()
    assert len(run.outputs(X[:0])) == 0
    test = run.split.test
    assert (run.predict(X[test])["class"] == y[test].astype(str)).mean() == run.metrics["final/accuracy_test"]


def saved(
    folder: Path, sizes: list[int], output: str, *, weights: Any = None, other: float | None = None, **spec: Any
) -> Predictor:
    """A predictor whose parameters are 0, and those of the other weights `other`."""
    network = Network(sizes, [], outputs.build(output), "float32")
    plain = {"sizes": sizes, "hidden": [], "output": {"name": output}, "dtype": "float32"}
    filled = None if other is None else np.full_like(network.theta, other)
    save_network(folder, theta=network.theta, spec={**plain, **spec, "weights": weights}, other=filled)
    return load_predictor(folder)


@pytest.mark.parametrize(
    ("sizes", "output", "spec", "names"),
    [
        ([2, 2], "softmax", {"classes": ["yes", "no"], "target_names": ["ill"]}, ["ill", "yes", "no"]),
        ([2, 2], "softmax", {"classes": ["class", "class_"]}, ["class__", "class", "class_"]),
        ([2, 1], "sigmoid", {"classes": ["no", "yes"], "task": "classification"}, ["class", "yes"]),
        ([2, 3], "softmax", {"task": "classification"}, ["class", "0", "1", "2"]),
        ([2, 1], "identity", {"task": "regression"}, ["y"]),
        ([2, 2], "identity", {"task": "regression"}, ["y0", "y1"]),
        ([2, 2], "identity", {"task": "regression", "target_names": ["width", "height"]}, ["width", "height"]),
    ],
)
def test_the_columns_of_the_answer(
    sizes: list[int], output: str, spec: dict[str, Any], names: list[str], tmp_path: Path
) -> None:
    table = saved(tmp_path, sizes, output, **spec).predict([[0.0, 0.0]])
    assert list(table.columns) == names
    assert table.shape == (1, len(names))


def test_values_are_in_the_units_of_the_data(tmp_path: Path) -> None:
    units = TargetScaling(np.array([1e9, -3.0]), np.array([0.5, 2.0]))
    predictor = saved(tmp_path, [2, 2], "identity", task="regression", target_scaling=units)
    assert predictor.predict([[0.0, 0.0]]).to_dict("records") == [{"y0": 1e9, "y1": -3.0}]
    predictor.network.theta[...] = 1.0
    assert predictor.outputs([[1.0, 2.0]]).tolist() == [[1e9 + 2, 5.0]]


def test_a_network_that_diverged_names_no_class(tmp_path: Path) -> None:
    predictor = saved(tmp_path, [2, 2], "softmax", classes=["a", "b"])
    predictor.network.theta[...] = np.nan
    assert predictor.predict([[0.0, 1.0]])["class"].tolist() == [None]


COLUMNS = Columns((Column("size"), Column("colour", "category", ("blue", "red"), "most_frequent", "red")))
TABLE = pd.DataFrame({"colour": ["red", None, "blue"], "id": [7, 8, 9], "size": [1, 2, 3]}, index=[5, 6, 7])


@pytest.fixture
def of_a_table(tmp_path: Path) -> Predictor:
    scaling = InputScaling(np.array([2.0, 0.0, 0.0]), np.array([0.5, 1.0, 1.0]))
    predictor = saved(tmp_path, [3, 2], "softmax", classes=["a", "b"], columns=COLUMNS, scaling=scaling)
    predictor.network.theta[...] = np.random.default_rng(3).normal(size=8)
    return predictor


@pytest.mark.parametrize(
    "rows",
    [
        TABLE,
        TABLE[["size", "colour"]],
        TABLE.astype({"colour": "category", "size": "float32"}),
        TABLE.to_dict("list"),
        [[1, "red"], [2, ""], [3, "blue"]],
        np.array([["1", "red"], ["2.0", ""], ["3", "blue"]]),
        np.array([[1, "red"], [2, None], [3, "blue"]], dtype=object),
    ],
    ids=["shuffled, with more", "in order", "categories", "mapping", "list", "array of text", "array of objects"],
)
def test_rows_of_a_table_are_found_by_name_encoded_and_scaled(rows: Any, of_a_table: Predictor) -> None:
    x = np.array([[-2, 0, 1], [0, 0, 1], [2, 1, 0]], dtype=np.float32)
    expected = np.ascontiguousarray(of_a_table.network.forward(x.T).T)
    assert of_a_table.outputs(rows).tobytes() == expected.tobytes()
    index = [5, 6, 7] if isinstance(rows, pd.DataFrame) else [0, 1, 2]
    assert list(of_a_table.predict(rows).index) == index


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (TABLE.drop(columns="size"), "the rows need a column 'size' once, and have it not"),
        (TABLE.assign(size=[1, None, 3]), "row 1, column 'size': a value is missing"),
        (TABLE.assign(size=["1", "2", "x"]), "row 2, column 'size': expected a number, found 'x'"),
        (TABLE.assign(colour="green"), "unknown category 'green'"),
        ([[1, 2, 3]], r"expected rows of 2 values, \(N, 2\), in the order size, colour"),
        ([1, "red"], "expected rows of 2 values"),
        (TABLE.assign(size=1e300), r"row 0, column 0 is 1e\+300"),
    ],
)
def test_rows_that_are_not_of_the_table_are_refused_in_one_line(rows: Any, message: str, of_a_table: Predictor) -> None:
    with pytest.raises(BpexpError, match=message) as caught:
        of_a_table.predict(rows)
    assert "\n" not in str(caught.value)


BOTH = {"reported": "last", "last": {"epoch": 9, "step": 90}, "best": {"epoch": 4, "step": 40}}


def test_both_weights_are_loaded_and_chosen_by_name(tmp_path: Path) -> None:
    predictor = saved(tmp_path, [2, 2], "identity", weights=BOTH, other=1.0)
    rows = [[1.0, 1.0]]
    assert set(predictor.networks) == {"last", "best"}
    assert predictor.outputs(rows).tolist() == predictor.outputs(rows, "last").tolist() == [[0.0, 0.0]]
    assert predictor.outputs(rows, "best").tolist() == [[3.0, 3.0]]
    assert predictor.predict(rows, {"weights": "best"}).to_dict("records") == [{"y0": 3.0, "y1": 3.0}]
    restored = saved(tmp_path, [2, 2], "identity", weights={**BOTH, "reported": "best"}, other=1.0)
    assert restored.outputs(rows).tolist() == restored.outputs(rows, "best").tolist() == [[0.0, 0.0]]
    assert restored.outputs(rows, "last").tolist() == [[3.0, 3.0]]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"weights": "bst"}, "there are no weights 'bst'; did you mean 'best'"),
        ({"wieghts": "best"}, "unknown parameter 'wieghts'; predict takes 'weights'"),
        ({"weights": 3}, "there are no weights 3"),
    ],
)
def test_weights_that_are_not_there(params: dict[str, Any], message: str, tmp_path: Path) -> None:
    predictor = saved(tmp_path, [2, 2], "identity", weights=BOTH, other=1.0)
    with pytest.raises(TrackingError, match=message):
        predictor.predict([[0.0, 0.0]], params)


def test_a_run_that_was_never_evaluated_has_one_set_of_weights(tmp_path: Path) -> None:
    predictor = saved(tmp_path, [2, 2], "identity", weights={"reported": "last", "last": {"epoch": 1}})
    with pytest.raises(TrackingError, match="there are no weights 'best'; choose from: last"):
        predictor.outputs([[0.0, 0.0]], "best")


@pytest.mark.parametrize(
    "arrays",
    [
        {"target_shift": np.zeros(3)},
        {"target_scale": np.ones(2)},
        {"input_shift": np.zeros(3)},
        {"theta_best": np.ones(2)},
    ],
    ids=lambda arrays: next(iter(arrays)),
)
def test_arrays_that_do_not_fit_are_refused(arrays: dict[str, Any], tmp_path: Path) -> None:
    saved(tmp_path, [2, 2], "identity")
    with np.load(tmp_path / "network.npz") as archive:
        np.savez(tmp_path / "network.npz", **{name: archive[name] for name in archive.files}, **arrays)
    with pytest.raises(TrackingError, match=f"{next(iter(arrays))} of .* is |they go together"):
        load_predictor(tmp_path)


def test_more_rows_than_fit_are_refused_before_they_are_read(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bpexp.records.predictor.MOST_BYTES", 8 * 9 * 5)
    assert len(predictor.outputs(ROWS[:5])) == 5
    with pytest.raises(TrackingError, match="at most 5 rows at once, not 7; send some of them"):
        predictor.outputs(ROWS)


def test_malformed_rows_of_a_table_are_our_errors_and_short(tmp_path: Path) -> None:
    """4 000 made bodies of a served table gave one foreign error: lists of several lengths within a column."""
    columns = Columns((Column("age", "number"), Column("colour", "category", ("red", "blue"))))
    network = Network([3, 1], [], outputs.build("identity"), "float32")
    spec = {"sizes": [3, 1], "hidden": [], "output": {"name": "identity"}, "dtype": "float32", "columns": columns}
    save_network(tmp_path, theta=network.theta, spec={**spec, "scaling": InputScaling()})
    predictor, random = load_predictor(tmp_path), np.random.default_rng(0)
    values: list[Any] = [1.0, None, "red", "x" * 10**5, "\x1b[2J", [1, [2]], {"a": 1}, 10**400, 1j, b"\0", float("inf")]
    for _ in range(200):
        cells = [[values[random.integers(len(values))] for _ in range(2)] for _ in range(3)]
        columnwise = dict(zip(("age", "colour"), zip(*cells, strict=True), strict=True))
        for rows in (cells, columnwise, [dict(zip(("age", "colour"), row, strict=True)) for row in cells], cells[0]):
            told = ""
            try:
                predictor.predict(rows)
            except BpexpError as error:
                told = str(error)
            assert len(told) < 4000
            assert told.isprintable()
