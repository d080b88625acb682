"""Which gradient methods propagate by W^T, and what is refused for those that do not."""

from __future__ import annotations

import numpy as np
import pytest

from bpexp.errors import ConfigError
from bpexp.gradients import gradient_methods
from bpexp.gradients.backprop import backprop
from bpexp.insight.probe_sets import left_out, probe_sets, refuse_probes
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network
from bpexp.papers import FORMULAS, WHOLE_PASSES
from bpexp.papers.literal_pass import run_lines

TRUE = ["backprop", "jacobian", "path_sum", "central_difference", "complex_step"]
FALSE = ["feedback_alignment", "direct_feedback_alignment", "forward_gradient"]


@pytest.mark.parametrize("name", [*TRUE, *FALSE])
def test_every_method_says_whether_it_propagates_by_the_transpose(name):
    assert gradient_methods.build(name).by_transpose == (name in TRUE)


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
@pytest.mark.parametrize("name", WHOLE_PASSES)
def test_a_printed_formula_propagates_by_the_transpose_only_if_its_deltas_are_right(name, output):
    """Those of a misprint in dC/dW or dC/db alone are; they are compared with back-propagation."""
    method, head = gradient_methods.build("as_printed", formula=name), build_head(output, "mse")
    assert method.by_transpose or not method.exact
    if method.exact or not method.by_transpose:
        return
    for seed in range(3):
        rng = np.random.default_rng(seed)
        network = Network([4, 4, 4, 4], [activations.build("tanh")] * 2, head.output, "float64")
        network.theta[...] = rng.normal(size=network.theta.size)
        x, y = rng.normal(size=(4, 4)), np.eye(4)
        printed, _ = run_lines(network, head, x, y, FORMULAS[name].code)
        work = backprop()(network, head, x, y).workspace
        for l in range(3):
            np.testing.assert_allclose(printed.delta[l + 1] * work.weight, work.delta[l], rtol=1e-9)


def test_some_misprints_have_a_ledger_and_some_have_none():
    built = {name: gradient_methods.build("as_printed", formula=name) for name in WHOLE_PASSES}
    wrong = {name: method.by_transpose for name, method in built.items() if not method.exact}
    assert {"000-dw-last", "002-db-bound-index"} <= {name for name, by_transpose in wrong.items() if by_transpose}
    assert {"003-slope-index", "003-both-slips"} <= {name for name, by_transpose in wrong.items() if not by_transpose}


@pytest.mark.parametrize("name", [*TRUE, *FALSE])
def test_a_ledger_asked_for_by_name_is_refused_where_it_would_be_false(name):
    method, full = gradient_methods.build(name), probe_sets.build("full")
    named = probe_sets.build("standard", measures=["dead", "ledger"])
    for settings in (full, probe_sets.build("standard"), probe_sets.build("off")):
        refuse_probes(method, name, settings)
    assert left_out(method, full) == (("ledger", "mean_field") if name in FALSE else ())
    if name in TRUE:
        refuse_probes(method, name, named)
        return
    with pytest.raises(ConfigError, match=rf"probe.measures names 'ledger', .* but gradient={name} does not .* W\^T"):
        refuse_probes(method, name, named)
