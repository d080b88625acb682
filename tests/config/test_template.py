"""Jobs that share a composition are composed as Hydra composes each of them alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bpexp.config import composition
from bpexp.config.composition import CommandLine, Composer, composer
from bpexp.errors import BpexpError

NUMBERS = ["0", "1", "3", "0.5", "1e-3", "-1", "true", "null", "inf", "'7'", "x"]
TEXTS = ["a", "'b c'", "null", "'x=1,y'", "12", '"q\'q"', "'???'", "'${seed}'", "''", "a.b"]
LISTS = ["[8]", "[16,4]", "[]", "null", "[8,x]", "[[1]]", "12"]
VALUES = {
    **dict.fromkeys(["lr", "seed", "epochs", "batch_size", "penalty.l2", "data.limit", "init.gain"], NUMBERS),
    **dict.fromkeys(["optimizer.weight_decay", "callbacks.early_stopping.patience", "callbacks.new.key"], NUMBERS),
    **dict.fromkeys(["run_name", "objective", "tracking.experiment", "dtype", "tracking.uri"], TEXTS),
    **dict.fromkeys(["model.hidden", "model.activations", "model.depth", "probe.measures"], LISTS),
}
"""Keys whose values differ from job to job, sensible or not."""

OPTIONS = [
    *("activation=tanh", "optimizer=adam", "init=normal", "model=mnist_sigmoid", "pairing=sigmoid_mse", "data=xor"),
    *("experiment=symmetry", "check=start", "probe=full", "loss={name:mse,factor:0.5}", "model=chain", "schedule=step"),
    *("+data.limit=5", "++lr=0.5", "+callbacks.other.x=1", "~callbacks.early_stopping", "activation@output=tanh"),
    *("run_name=${lr}-${seed}", "objective=${run_name}", "data={limit:50}", "data.validation=${penalty.l2}"),
    *("hydra.sweep.subdir=${lr}/${seed}", "hydra.sweep.subdir=${hydra.job.override_dirname}"),
    "hydra.sweep.subdir=${hydra:job.num}x",
    *(
        "hydra.run.dir=out/${lr}/${seed}",
        "hydra.sweep.dir=out",
        "hydra.sweep.subdir=${hydra:job.num}x",
        "hydra.output_subdir=null",
    ),
    *("callbacks={}", "callbacks.early_stopping={patience:2}", "penalty={l1:1}", "limits.layers=5", "no_key=1"),
]
"""What all jobs share: options, additions, deletions, packages, interpolations, mappings, Hydra's own keys."""


@st.composite
def sweeps(draw: st.DrawFn) -> list[list[str]]:
    """The overrides of three jobs with the same keys in the same order."""
    shared = draw(st.lists(st.sampled_from(OPTIONS), max_size=3, unique=True))
    keys = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4, unique=True))
    order = draw(st.permutations([*shared, *keys]))
    return [[w if w in shared else f"{w}={draw(st.sampled_from(VALUES[w]))}" for w in order] for _ in range(3)]


def composed(composing: Composer, words: list[str], number: int) -> Any:
    """What is made of a job, or what is said against it; the time at which it was composed is left out."""
    try:
        made = composing.compose(composing.parse(words), number)
    except BpexpError as error:
        return str(error)
    texts = {made.run_dir: made.hydra["run"]["dir"], made.sweep_dir: made.hydra["sweep"]["dir"]}
    places = [made.subdirectory, *(place for place, text in texts.items() if "now" not in text)]
    return made.config, made.raw, places, made.multirun, made.sweep_params, made.launcher, made.choice("model")


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(sweeps())
@example([[f"seed={seed}", "hydra.sweep.subdir=${hydra.job.override_dirname}", f"lr={seed}"] for seed in (1, 2, 3)])
@example([[f"model.activations={v}", "run_name='a'"] for v in ("null", "[tanh,relu]", "[relu]")])
@example([["loss={name:mse,factor:0.5}", f"lr={v}"] for v in (1, 2, 3)])
@example([["penalty={l1:1}", f"penalty.l2={v}"] for v in (1, 2, 3)])
@example([["hydra.sweep.subdir=${hydra.job.override_dirname}", "loss={name:mse,factor:0.5}", f"lr={v}"] for v in "12"])
@example([[f"model.hidden.0={v}", "lr=0.1"] for v in (4, 8, "x")])
@example([[f"run_name={v}", "objective=${run_name}"] for v in ("a", "'???'", "b")])
def test_a_shared_composition_gives_what_hydra_gives(jobs: list[list[str]]) -> None:
    with composer(CommandLine()) as shared:
        for number, words in enumerate(jobs):
            alone = Composer(shared._line, shared._loader, shared.limits)
            assert composed(shared, words, number) == composed(alone, words, number)


@pytest.mark.parametrize(
    ("grid", "expected"),
    [
        (["seed=range(10)", "lr=0.1,0.2,0.3,0.4,0.5", "model.hidden=[8],[4,4]"], 1),
        (["seed=range(25)", "activation=relu,tanh", "optimizer=sgd,adam"], 4),
        (["seed=range(20)", "model=mnist_relu,chain,mnist_sigmoid,linear,deep_relu"], 5),
        (["seed=range(100)", "run_name=x-${seed}", "hydra.sweep.subdir=${lr}/${seed}"], 1),
    ],
)
def test_hydra_composes_a_sweep_of_100_once_for_each_choice_of_options(
    grid: list[str], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bpexp.running.plan import plan

    calls: list[object] = []
    once = composition.compose
    monkeypatch.setattr(composition, "compose", lambda *a, **k: [calls.append(a), once(*a, **k)][1])
    planned = plan(CommandLine(("data=digits", "tracking=none", *grid), multirun=True))
    assert (len(planned.jobs), len(calls)) == (100, expected)


def test_compositions_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "TEMPLATES", 2)
    with composer(CommandLine()) as composing:
        for name in ("relu", "tanh", "sigmoid", "relu"):
            for lr in (0.1, 0.2):
                made = composing.compose(composing.parse([f"activation={name}", f"lr={lr}"]))
                assert (made.config.activation["name"], made.config.lr) == (name, lr)
        assert composing.compositions == 4
        assert len(composing._composed) == 2
