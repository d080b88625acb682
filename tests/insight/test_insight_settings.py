"""Probe sets and gradient checks as a config declares them, and what a probe declares that it needs."""

from __future__ import annotations

import numpy as np
import pytest

from bpexp.data.batches import Batches
from bpexp.data.dataset import Part
from bpexp.errors import ConfigError
from bpexp.gradients import gradient_methods
from bpexp.gradients.alignment import FeedbackAlignment
from bpexp.gradients.method import GradientMethod
from bpexp.insight.gradient_check import gradient_checks, refuse_check
from bpexp.insight.probe_sets import probe_sets
from bpexp.insight.probes import probe, probes
from bpexp.insight.probing import Probing
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network
from bpexp.nn.optimizers import optimizers
from bpexp.nn.schedules import schedules
from bpexp.papers import FORMULAS, WHOLE_PASSES
from bpexp.training.trainer import Trainer, train

SHIPPED = {
    *("grad_norm", "delta_norm", "saturation", "dead", "activation", "ledger"),
    *("update_ratio", "gradient_angle", "weight_norm", "gradient_noise", "gradient_cosine"),
}
"""The probes whose declarations are written out here; another probe changes nothing of them."""


@pytest.fixture
def seen(monkeypatch):
    """What probes of a contributor found in their views, by name; they leave the registry with the test."""
    monkeypatch.setattr(probes, "_probes", dict(probes._probes))
    found = {name: [] for name in ("plain", "turning", "honest", "unasked")}

    @probe(
        "plain", population="the units of the last layer", samples=lambda piece: {"z": piece.total(piece.work.z[-1])}
    )
    def plain(view):
        """How many units the last layer has."""
        found["plain"].append(view)
        return {"plain/units": float(len(view.samples["z"].value))}

    @probe("turning", "previous_gradient", population="no units")
    def turning(view):
        """Whether there was a step before."""
        found["turning"].append(view)
        return {"turning/before": float(view.previous is not None)}

    @probe("honest", "true_gradient", population="all entries of theta")
    def honest(view):
        """Largest difference to the true gradient."""
        found["honest"].append(view)
        return {"honest/off": float(np.abs(view.gradient - view.true).max())}

    @probe("unasked", "true_gradient", if_inexact=True, population="all entries of theta")
    def unasked(view):
        """As above, without being asked for where the method is not exact."""
        return {"unasked/off": float(np.abs(view.gradient - view.true).max())}

    return found


def probed(names, method="backprop", every=3, kind=Probing):
    """What 8 steps of training leave behind, by step, with one sample measured at every epoch too."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 16)
    part = Part(X=rng.normal(size=(16, 3)), Y=np.eye(2)[labels], rows=np.arange(16), labels=labels)
    head = build_head("softmax", "cross_entropy")
    network = Network([3, 4, 2], [activations.build("tanh")], head.output, "float64")
    network.theta[...] = rng.normal(size=network.theta.size)
    algorithm = gradient_methods.build(method)
    algorithm.prepare(network, head, rng)
    rule = optimizers.build("sgd"), schedules.build("constant")
    trainer = Trainer(network, head, algorithm, *rule, Batches(part, 4, rng), {"train": part}, lr=0.1, epochs=2)
    kept = {}
    fixed = part.batch(np.arange(3))

    def keep(step, measures):
        kept.setdefault(step, {}).update(measures)

    train(trainer, [kind(names, every, keep, fixed=fixed)])
    return kept


def test_a_probe_gets_what_it_declares(seen):
    kept = probed(["plain", "turning", "honest"])
    assert [kept[step]["turning/before"] for step in (0, 3, 6)] == [0.0, 1.0, 1.0]
    assert all(kept[step]["honest/off"] < 1e-12 for step in (0, 3, 6))
    assert not any("unasked/off" in measures for measures in kept.values())


def test_the_previous_gradient_is_that_of_the_step_before(seen):
    probed(["turning"], every=1)
    views = seen["turning"]
    assert len(views) == 8
    assert all(later.previous is not None for later in views[1:])


class Leaving(Probing):
    """Is told the steps that it needs and no others, as in compiled steps and in runs that are trained together."""

    _needed = 0

    def on_step(self, event):
        if event.number >= self._needed:
            if event.number == self.next_step(event.number):
                super().on_step(event)
            self._needed = self.next_step(event.number + 1)


@pytest.mark.parametrize("every", [1, 2, 3, 5])
def test_the_previous_gradient_is_the_same_for_who_leaves_steps_out(every):
    assert probed(["gradient_cosine"], every=every, kind=Leaving) == probed(["gradient_cosine"], every=every)


def test_what_needs_a_training_step_is_not_measured_on_fixed_samples(seen):
    kept = probed(["plain", "turning", "honest"])
    fixed = {name for measures in kept.values() for name in measures if name.startswith("fixed/")}
    assert fixed == {"fixed/plain/units"}


def test_a_probe_that_says_so_is_measured_unasked_where_the_method_is_not_exact(seen):
    kept = probed(["plain"], "feedback_alignment")
    assert all(kept[step]["unasked/off"] > 0 for step in (0, 3, 6))
    assert all(kept[step]["gradient_angle/theta"] > 0 for step in (0, 3, 6))


def test_the_shipped_probes_on_fixed_samples():
    """What can be seen without an update, as the README says."""
    still = {name for name in SHIPPED if not probes[name].needs}
    assert still == {"grad_norm", "delta_norm", "saturation", "dead", "activation", "ledger"}
    assert {name for name in SHIPPED if probes[name].if_inexact} == {"gradient_angle"}
    assert all(found.measure.__doc__ for found in probes.values())


def test_a_taken_name_is_refused():
    with pytest.raises(ConfigError, match="probe 'dead' is registered already"):
        probe("dead", population="none")(lambda view: {})


@pytest.mark.parametrize("name", probe_sets)
def test_unknown_probes_and_values_out_of_range_are_refused(name):
    if name != "off":
        with pytest.raises(ConfigError, match="unknown probe 'grad_nrm'; did you mean 'grad_norm'"):
            probe_sets.build(name, measures=["grad_nrm"])
        with pytest.raises(ConfigError, match="every must be"):
            probe_sets.build(name, every=0)
        with pytest.raises(ConfigError, match=r"every must be .* auto"):
            probe_sets.build(name, every="often")
        with pytest.raises(ConfigError, match="fixed must be"):
            probe_sets.build(name, fixed=-1)


def test_probe_sets_as_declared():
    assert probe_sets.build("off").measures == ()
    standard = probe_sets.build("standard")
    assert standard.measures == ("grad_norm", "delta_norm", "saturation", "dead", "update_ratio")
    assert (standard.every, standard.histograms, standard.fixed) == ("auto", False, 0)
    full = probe_sets.build("full", every=7)
    assert set(full.measures) == {name for name, found in probes.items() if not found.if_inexact}
    assert set(full.measures) >= SHIPPED - {"gradient_angle"}
    assert (full.every, full.histograms, full.fixed) == (7, True, 256)


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("start", {"coordinates": 0}, "coordinates must be"),
        ("start", {"tolerance": 0.0}, "tolerance must be"),
        ("start", {"tolerance": 1.0}, "tolerance must be"),
        ("start", {"every": 3}, "check 'start' has no parameter 'every'"),
        ("every_n", {"every": 0}, "every must be"),
        ("of", {}, "unknown check 'of'; did you mean 'off'"),
    ],
)
def test_checks_out_of_range_are_refused(name, parameters, says):
    with pytest.raises(ConfigError, match=says):
        gradient_checks.build(name, **parameters)


@pytest.mark.parametrize("name", ["start", "every_n"])
@pytest.mark.parametrize("method", ["feedback_alignment", "direct_feedback_alignment", "forward_gradient"])
def test_a_check_of_what_is_not_the_gradient_by_design_is_refused(name, method):
    with pytest.raises(ConfigError, match="is not the gradient by design; use check=off") as refused:
        refuse_check(gradient_methods.build(method), method, gradient_checks.build(name))
    assert method in str(refused.value)
    refuse_check(gradient_methods.build(method), method, gradient_checks.build("off"))


@pytest.mark.parametrize("name", WHOLE_PASSES)
def test_a_misprint_claims_to_be_the_gradient_and_can_be_checked(name):
    """Not exact, but the check exists to find it."""
    method = gradient_methods.build("as_printed", formula=name)
    assert method.checkable
    refuse_check(method, "as_printed", gradient_checks.build("start"))
    assert name in FORMULAS


def test_what_is_not_exact_is_not_checkable_unless_it_says_so():
    class Rough(GradientMethod):
        exact = False

        def __call__(self, network, head, x, y):
            raise NotImplementedError

    assert not Rough().checkable
    assert not FeedbackAlignment(direct=True).checkable
    assert gradient_methods.build("backprop").checkable


def test_other_names_at_another_step_are_refused_where_means_are_taken(seen):
    """The mean of a number that is there at some steps only would be that of other steps than its partner's."""

    @probe("moody", "update", population="no units", over_steps={"sum": lambda means: sum(means.values())})
    def moody(view):
        """One number more at each step."""
        found = len(seen["plain"]) + 1
        seen["plain"].append(view)
        return {f"moody/{number}": 1.0 for number in range(found)}

    with pytest.raises(ValueError, match=r"returned \['moody/0', 'moody/1'\] after \['moody/0'\]"):
        probed(["moody"])


# Probes that split the recursion with W^T


@pytest.mark.parametrize("name", ["feedback_alignment", "direct_feedback_alignment", "forward_gradient"])
def test_the_ledger_of_another_recursion_is_left_out_in_any_case(name):
    """Its entries would split by W^T, which was not used; on the fixed samples too."""
    kept = probed(["dead", "ledger"], name)
    names = {metric for measures in kept.values() for metric in measures}
    assert not any("ledger" in metric for metric in names)
    assert {"dead/layer_1", "fixed/dead/layer_1"} <= names
    assert any("ledger/top" in measures for measures in probed(["dead", "ledger"]).values())
