"""The name of a run, made from its overrides."""

from __future__ import annotations

from bpexp.running.job import run_name

LONG = ("experiment=vanishing_gradients", "model.depth=2", "study.repeats=2", "epochs=1", "data.limit=600")


def test_a_short_name_is_whole():
    assert run_name({"model": "mnist_relu"}, ("lr=0.1", "seed=2", "progress=false")) == "mnist_relu lr=0.1 seed=2"


def test_long_names_of_two_jobs_differ():
    names = [run_name({}, (*LONG, "activation=sigmoid", "init.gain=1.414213562373095", f"seed={i}")) for i in (0, 1)]
    assert names[0] != names[1]
    assert all(len(name) <= 120 for name in names)
    assert names[1].endswith("init.gain=1.414213562373095 seed=1")
