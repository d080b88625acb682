"""The notation table names code that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from names import resolved

import bpexp.gradients
from bpexp.gradients import gradient_methods

TABLE = Path(bpexp.gradients.__file__).with_name("README.md").read_text(encoding="utf-8")
OURS = [name for name, of in gradient_methods.items() if name != "as_printed" and of.__module__.startswith("bpexp.")]
NAMES = sorted(set(re.findall(r"`(bpexp(?:\.\w+)+)`", TABLE)))


@pytest.mark.parametrize("name", NAMES)
def test_what_the_table_names_exists(name: str) -> None:
    resolved(name)


@pytest.mark.parametrize("method", OURS)
def test_the_table_names_the_module_of_every_gradient_method(method: str) -> None:
    assert gradient_methods[method].__module__ in TABLE
