"""The name of a run, made from its overrides: what differs comes first."""

from __future__ import annotations

import pytest

from bpexp.config.composition import CommandLine
from bpexp.running.job import LONGEST, run_name
from bpexp.running.plan import plan

STUDY = ("experiment=vanishing_gradients", "model.depth=2", "study.repeats=2", "epochs=1", "data.limit=600")


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (("lr=0.1", "seed=2", "progress=false"), "lr=0.1 seed=2 mnist_relu"),
        (("model=linear", "lr=0.1"), "linear lr=0.1"),
        (("data=two_moons",), "data=two_moons mnist_relu"),
        ((), "mnist_relu"),
        (("experiment=symmetry", "seed=2", "tags.course=ml101", "note=mine"), "seed=2 symmetry"),
    ],
)
def test_the_name_of_a_run_alone_ends_with_what_it_belongs_to(overrides: tuple[str, ...], name: str) -> None:
    assert run_name({"model": "mnist_relu"}, overrides) == name


def test_the_name_of_a_job_begins_with_what_differs() -> None:
    said = (*STUDY, "activation=sigmoid", "init.gain=2", "seed=1")
    varied = ("activation", "seed")
    name = run_name({"model": "deep_sigmoid"}, said, varied, one_of_many=True)
    assert name == "activation=sigmoid seed=1 model.depth=2 epochs=1 data.limit=600 init.gain=2 vanishing_gradients"


def test_a_declared_name_is_that_of_a_run_alone_and_the_last_word_of_a_job() -> None:
    said = ("run_name=mine", "lr=0.1")
    assert run_name({"run_name": "mine"}, said) == "mine"
    assert run_name({"run_name": "mine"}, said, ("lr",), one_of_many=True) == "lr=0.1 mine"


@pytest.mark.parametrize("length", [10, 70, 130])
def test_long_names_of_two_jobs_differ(length: int) -> None:
    """Where all of it does not fit, what they have in common is left out."""
    said = (*STUDY, f"data.path={'x' * 90}", f"init.gain=1.{'4' * length}")
    names = [run_name({}, (*said, f"seed={i}"), ("init.gain", "seed"), one_of_many=True) for i in (0, 1)]
    assert names[0] != names[1]
    assert all(len(name) <= LONGEST for name in names)
    assert all(name.startswith("init.gain=1.4") for name in names)
    assert names[0].endswith("vanishing_gradients") == (length < 100)


def test_the_jobs_of_a_sweep_know_in_what_they_differ() -> None:
    line = CommandLine(("model=linear,mnist_small", "lr=0.1", "seed=range(2)", "data.limit=60"), multirun=True)
    names = [job.info().name for job in plan(line).jobs]
    assert names == [f"{model} seed={i} lr=0.1 data.limit=60" for model in ("linear", "mnist_small") for i in (0, 1)]
