"""What a search says before its first trial."""

from __future__ import annotations

import pytest

from bpexp.config.composition import CommandLine
from bpexp.running.plan import plan
from bpexp.running.sweep_header import notes_of

SPACE = ("data=xor", "data.n=60", "model.hidden=[3]", "epochs=1", "lr=interval(0.1,1)", "tracking=none")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("search=tpe search.trials=10", "all 10 trials are drawn at random, as search=tpe begins with 10 "),
        ("search=tpe search.trials=1", "the only trial is drawn at random, as search=tpe begins with 10 "),
        ("search=tpe search.trials=4 search.n_startup_trials=4", "begins with 4 (search.n_startup_trials=4); "),
        ("search=nsga2 search.trials=6", "as search=nsga2 begins with 20 (search.population_size=20); "),
        ("search=tpe search.trials=11", None),
        ("search=random search.trials=2", None),
        ("search=quasi_random search.trials=2", None),
    ],
)
def test_a_search_that_decides_nothing_says_so(words: str, told: str | None) -> None:
    """Its sampler begins at random: with too few trials it is over before it has decided one."""
    found = [note for note in notes_of(plan(CommandLine((*words.split(), *SPACE), multirun=True))) if "random" in note]
    assert len(found) == (told is not None)
    assert told is None or told in found[0]


def test_the_start_of_a_sampler_is_one_of_its_settings() -> None:
    """Of every sampler, also of those that need packages that may be absent."""
    from bpexp.search.samplers import samplers

    found = {name: samplers.build(name).at_random for name in samplers}
    assert found == {"tpe": 10, "random": 0, "quasi_random": 0, "cmaes": 1, "nsga2": 20, "gp": 10}
