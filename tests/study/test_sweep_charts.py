"""The charts of a sweep that declares none: which factors it has, in what order, and when they fill a table."""

from __future__ import annotations

from synthetic import record

from bpexp.study.sweep_charts import of_factors

RATES = (0.3, 0.01, 0.1)


def test_levels_that_are_numbers_stand_by_their_size_and_a_grid_is_a_table() -> None:
    runs = [record({"lr": lr, "activation": name, "seed": 0}, accuracy=lr) for lr in RATES for name in ("relu", "elu")]
    study = of_factors("sweep", runs, ["lr", "activation"])
    assert study.factors == {"lr": [0.01, 0.1, 0.3], "activation": ["relu", "elu"]}
    assert list(study.heat_map) == ["lr", "activation"]


def test_the_trials_of_a_search_are_no_table() -> None:
    """Each has a learning rate of its own, so that a table of two factors would be empty but for one cell a row."""
    trials = [(0.3, "relu"), (0.01, "relu"), (0.1, "elu"), (0.02, "elu"), (0.7, "relu"), (0.2, "elu")]
    runs = [record({"lr": lr, "activation": name, "seed": 0}, accuracy=lr) for lr, name in trials]
    assert not of_factors("search", runs, ["lr", "activation"]).heat_map
