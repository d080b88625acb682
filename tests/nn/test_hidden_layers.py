"""The declared architecture: its widths, and what contradicts itself."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from bpexp.errors import ConfigError
from bpexp.nn.architecture import Architecture
from bpexp.registry import declared_parameters


def test_widths():
    assert Architecture().widths == []
    assert Architecture(hidden=[64, 16]).widths == [64, 16]
    assert Architecture(depth=3, width=8).widths == [8, 8, 8]
    assert Architecture(depth=0).widths == []
    assert Architecture(hidden=[4, 4], activations=["relu", {"name": "elu", "alpha": 0.5}]).widths == [4, 4]


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        (
            {"hidden": [64, 16], "depth": 8},
            r"model.hidden=\[64, 16\] and model.depth=8 contradict each other; "
            r"set model.depth=null to use hidden, or model.hidden=\[\] to use depth",
        ),
        ({"hidden": [4, 4], "activations": ["relu"]}, "null or one name for each of the 2 hidden layers"),
        ({"hidden": [4], "activations": [3]}, "null or one name for each of the 1 hidden layers"),
        ({"depth": 2, "activations": []}, "null or one name for each of the 2 hidden layers"),
    ],
)
def test_contradictions_are_refused(declared, says):
    with pytest.raises(ConfigError, match=says):
        Architecture(**declared)


def test_a_config_is_built_from_it_and_every_field_says_what_it_means():
    node = OmegaConf.merge(OmegaConf.structured(Architecture), {})
    assert OmegaConf.to_container(node)["width"] is None
    assert all(parameter.meaning for parameter in declared_parameters(Architecture).values())
