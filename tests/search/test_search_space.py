"""The space of a search out of Hydra's grammar: its dimensions, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import refused
from plans import planned

from bpexp.config.composition import CommandLine, composer
from bpexp.config.limits import Limits
from bpexp.config.search_space import space_of
from bpexp.errors import ConfigError
from bpexp.search.space import Dimension

LEAN = ["-m", "search=tpe", "data=xor", "data.n=60", "progress=false", "tracking=none"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_grammar_declares_the_space() -> None:
    words = ["lr=tag(log, interval(0.001, 1))", "model.width=interval(8,64)", "optimizer=choice(sgd,momentum,adam)"]
    words += ["optimizer.momentum=interval(0.5,0.9)", "batch_size=range(8,33,8)", "activation=tanh,relu"]
    words += ["penalty.l2=range(0.0,0.3,0.1)"]
    plan = planned(*LEAN[1:], *words)
    assert plan.trials is not None
    assert {d.key: d for d in plan.trials.search.space} == {
        "lr": Dimension("lr", "float", 0.001, 1.0, log=True),
        "model.width": Dimension("model.width", "int", 8, 64),
        "optimizer": Dimension("optimizer", "choice", choices=("sgd", "momentum", "adam")),
        "optimizer.momentum": Dimension("optimizer.momentum", "float", 0.5, 0.9, of="optimizer", options=("momentum",)),
        "batch_size": Dimension("batch_size", "int", 8, 32, step=8),
        "activation": Dimension("activation", "choice", choices=("tanh", "relu")),
        "penalty.l2": Dimension("penalty.l2", "float", 0.0, 0.2, step=0.1),
    }
    assert plan.trials.search.space[-1].key == "optimizer.momentum", "after the choice on which it depends"
    assert plan.config.search == {}, "a trial is no search"
    assert plan.config.lr == 0.1, "of the preset, which is tried without what is searched"


def test_a_config_file_declares_it_in_the_same_way_and_the_command_line_wins(tmp_path: Path) -> None:
    file = tmp_path / "own/experiment/mine.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(
        "# @package _global_\ndefaults:\n  - override /data: xor\n  - override /search: random\n"
        "search:\n  trials: 3\n  space:\n    lr: tag(log, interval(0.01, 1))\n    optimizer: [sgd, adam]\n"
        "    batch_size: interval(8,16)\n    epochs: interval(1,3)\n",
        encoding="utf-8",
    )
    plan = planned("experiment=mine", "tracking=none", "epochs=2", "batch_size=4,8", config_dir="own")
    assert plan.multirun
    assert plan.trials is not None
    assert plan.trials.search.trials == 3
    space = {dimension.key: str(dimension) for dimension in plan.trials.search.space}
    assert space == {
        "lr": "0.01 to 1.0, logarithmic",
        "optimizer": "choice(sgd, adam)",
        "batch_size": "choice(4, 8)",
    }


OF_A_KEY = [
    ("lr=interval(0.1,inf)", "lr=interval(0.1,inf) is infinite"),
    ("lr=interval(1,0.1)", "is empty; write interval(LOW,HIGH) with LOW below HIGH"),
    ("lr=interval(0.1,0.1)", "holds one value, which leaves nothing to search; write lr=0.1"),
    ("lr=choice(0.1)", "holds one value, which leaves nothing to search; write lr=0.1"),
    ("lr=range(1,1)", "lr=range(1,1) is empty"),
    ("lr=tag(log, interval(0, 1))", "a logarithmic range that includes 0 has no end; begin it above 0"),
    ("lr=tag(log, interval(-2, -1))", "a logarithmic range that lies below 0 has no end"),
    ("lr=tag(lgo, interval(0.1, 1))", "the tag 'lgo' has no effect here; the one that has a meaning is log"),
    ("lr=tag(log, range(1, 9, 2))", "a logarithmic range has whole numbers and step 1"),
    ("optimizer=tag(log, choice(sgd,adam))", "the tag 'log' has no effect here; a choice takes no tag"),
    ("lr=interval(-1,1)", "lr must be a number greater than 0, not -1.0"),
    ("optimizer=interval(0,1)", "optimizer is chosen by name; list them, as in optimizer=choice(NAME,NAME)"),
    ("dtype=interval(0,1)", "dtype takes no numbers; list its values"),
    ("model.width=interval(8.5,64.5)", "model.width takes whole numbers; write model.width=interval(9,64)"),
    ("model.width=range(8.5,64.5)", "model.width takes whole numbers; write model.width=range(9,64)"),
    ("seed=range(5)", "the best seed is luck; search.confirm=5 runs the best trial again"),
    ("data.validation=interval(0.1,0.3)", "trials would be judged on different data"),
    ("data=xor,two_moons", "trials would be judged on different data"),
    ("threads=choice(1,2)", "it is the same for all trials; use one value"),
    ("launcher.n_jobs=choice(1,2)", "it is the same for all trials; use one value"),
    ("loss=choice(mse,huber)", "costs of different losses cannot be compared; say objective=accuracy/validation"),
    ("pairing=choice(sigmoid_mse,softmax_mse)", "costs of different losses cannot be compared"),
]


@pytest.mark.parametrize(("word", "told"), OF_A_KEY, ids=[word for word, _ in OF_A_KEY])
def test_a_dimension_that_is_none_is_told_in_a_line(word: str, told: str) -> None:
    with composer(CommandLine()) as composing, pytest.raises(ConfigError) as refusal:
        space_of(composing.parse([word]), ["loss/validation"], Limits())
    assert told in str(refusal.value)


REFUSED = [
    ("epochs=2", "search=tpe has nothing to search; name a range or choices"),
    ("optimizer=choice(sgd,adma)", "unknown optimizer 'adma'; did you mean 'adam'?"),
    ("optimizer.momentum=interval(0,0.9)", "optimizer 'sgd' has no parameter 'momentum'"),
    ("optimizer=sgd,adam optimizer.momentum=interval(0,0.9)", "is a parameter of none of the choices of optimizer"),
    ("model.width=interval(8,900000000)", "limits.parameters"),
    (
        "lr=interval(0.1,1) objective=accuracy/test",
        "a search cannot take accuracy/test as its objective: chosen by the",
    ),
    (
        "lr=interval(0.1,1) search.objectives=[f1/validation]",
        "the objective 'f1/validation' of a search is not measured",
    ),
    ("lr=interval(0.1,1) data.validation=0", "a search needs a validation part"),
    ("lr=interval(0.1,1) search.trials=0", "trials must be a whole number of at least 1, not 0"),
    ("lr=interval(0.1,1) search.trial=3", "did you mean 'trials'?"),
    ("lr=interval(0.1,1) search.pruner=medium", "unknown search.pruner 'medium'; did you mean 'median'?"),
    ("lr=interval(0.1,1) hydra/launcher=joblib", "say launcher=process launcher.n_jobs=2"),
    ("lr=interval(0.1,1) hydra.sweep.subdir=same", "let hydra.sweep.subdir hold ${hydra.job.num}"),
    ("lr=interval(0.1,1) experiment=symmetry", "search=tpe and the study 'symmetry' exclude each other"),
]


@pytest.mark.parametrize(("words", "told"), REFUSED, ids=[words for words, _ in REFUSED])
def test_what_cannot_be_searched_is_one_line_and_nothing_is_begun(
    words: str, told: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert told in refused([*LEAN, *words.split(" ")], monkeypatch, capfd)


def test_choices_may_be_valid_where_the_preset_without_them_is_none() -> None:
    words = ["output=identity", "loss=choice(mse,huber)", "objective=accuracy/validation"]
    assert planned(*LEAN[1:], *words).config.loss["name"] == "mse"
    with pytest.raises(ConfigError, match=r"in the preset, with which search\.confirm compares"):
        planned(*LEAN[1:], *words, "search.confirm=5")


OTHERS = [
    ("lr=interval(0.1,1)", "or have them searched: search=tpe"),
    ("lr=0.1 search.trials=3", "search.trials=3 has no effect without search=NAME, such as search=tpe"),
    ("search=tpe,random lr=interval(0.1,1)", "search=tpe,random cannot be swept; use one value"),
    ("search=cmaes lr=interval(0.1,1)", "search=cmaes needs 2 ranges of numbers, and there is one; use search=tpe"),
    ("search=cmaes lr=interval(0.1,1) penalty.l2=interval(0,1) search.objectives=[loss/validation,parameters]",
     "search=cmaes takes one objective, not two; use search=nsga2"),
    ("search=nsga2 lr=interval(0.1,1) search.objectives=[loss/validation,parameters] search.pruner=median",
     "search.pruner=median needs one objective, not two"),
    ("search=tpe epochs=interval(1,4) search.pruner=median", "search epochs with search.pruner=none"),
    ("hydra/sweeper=optuna hydra.sweeper.n_trials=40 lr=interval(0.1,1)", "type search=tpe search.trials=40 in its"),
    ("hydra/sweeper=nevergrad hydra.sweeper.optim.budget=9 lr=interval(0.1,1)", "type search=cmaes search.trials=9 in"),
    ("hydra/sweeper=ax lr=interval(0.1,1)", "type search=gp in its place"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "told"), OTHERS, ids=[words for words, _ in OTHERS])
def test_the_same_of_the_search_itself(
    words: str, told: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert told in refused(["-m", "data=xor", "tracking=none", *words.split(" ")], monkeypatch, capfd)
