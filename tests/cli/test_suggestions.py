"""What people type for a name: another case, another spelling, the words of textbooks and of other libraries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

import pytest

from bpexp.config.composition import CommandLine
from bpexp.config.groups import GROUPS, options
from bpexp.config.schema import Config
from bpexp.errors import ConfigError, nearest
from bpexp.registry import Parameter, declared_parameters
from bpexp.running.plan import plan
from bpexp.synonyms import DOTTED, SYNONYMS, simplified
from bpexp.training.metrics import metrics


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("optimizer=SGD", "sgd"),
        ("optimizer=Adam", "adam"),
        ("activation=Relu", "relu"),
        ("activation=LeakyReLU", "leaky_relu"),
        ("activation=swish", "silu"),
        ("output=Softmax", "softmax"),
        ("data=MNIST", "mnist"),
        ("loss=CrossEntropy", "cross_entropy"),
        ("loss=cross-entropy", "cross_entropy"),
        ("loss=CE", "cross_entropy"),
        ("loss=MeanSquaredError", "mse"),
        ("init=he", "he_normal"),
        ("init=glorot_uniform", "xavier_uniform"),
        ("learning_rate=0.1", "lr"),
        ("learningRate=0.1", "lr"),
        ("LR=0.1", "lr"),
        ("epoch=3", "epochs"),
        ("Epochs=3", "epochs"),
        ("n_epochs=3", "epochs"),
        ("batchsize=3", "batch_size"),
        ("batch=3", "batch_size"),
        ("random_seed=3", "seed"),
        ("hidden=[3]", "model.hidden"),
        ("layers=[3]", "model.hidden"),
        ("depth=3", "model.depth"),
        ("weight_decay=0.1", "penalty.l2"),
        ("patience=3", "callbacks.early_stopping.patience"),
        ("dataset=xor", "data"),
        ("limit=10", "data.limit"),
        ("nonlinearity=relu", "activation"),
        ("model.layers=[3]", "hidden"),
        ("penalty.L2=0.1", "l2"),
        ("data.limits=5", "limit"),
        ("data.valid=0.1", "validation"),
        ("data.Limit=5", "limit"),
        ("launcher=slurm", "submitit"),
    ],
)
def test_the_name_that_was_meant_is_suggested(typed: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean '{meant}'\\? "):
        plan(CommandLine((typed,)))


def test_a_parameter_that_is_misspelt_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"has no parameter 'limits'; .* it takes: validation, .*limit$"):
        plan(CommandLine(("data.limits=5",)))


@pytest.mark.parametrize("typed", ["qqq", "", "\x1b[2J", "é" * 5000])
def test_what_resembles_nothing_gets_no_suggestion(typed: str) -> None:
    assert nearest(typed, ["relu", "sigmoid", "model.hidden"]) == ""


def test_the_same_word_goes_before_a_synonym() -> None:
    """A table's own column `rate` is meant by Rate, whatever else the word means."""
    assert nearest("Rate", ["lr", "rate"]) == "did you mean 'rate'? "
    assert nearest("rate", ["lr", "other"]) == "did you mean 'lr'? "


def test_a_parameter_of_another_option_is_answered_with_those_that_take_it() -> None:
    with pytest.raises(ConfigError, match=r"'sgd' has no parameter 'momentum'; momentum, nesterov take it"):
        plan(CommandLine(("optimizer.momentum=0.9",)))


def test_every_synonym_stands_for_something_that_there_is() -> None:
    keys = declared_parameters(Config)
    below = {key for group in GROUPS.values() for name in group.registry for key in group.parameters(name)}
    inner = {name for parameter in keys.values() if is_dataclass(hint := parameter.hint) for name in inner_keys(hint)}
    known = {*keys, *metrics, *(name for group in GROUPS for name in options(group)), *below, *inner, "patience"}
    for word, names in SYNONYMS.items():
        assert word == simplified(word)
        for name in names:
            assert name in DOTTED or name in known, name
    for name in DOTTED:
        section, _, key = name.partition(".")
        assert section in keys
        assert key in known or name == "callbacks.early_stopping.patience", name


def inner_keys(hint: Any) -> Mapping[str, Parameter]:
    return declared_parameters(hint)
