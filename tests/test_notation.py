"""The notation table names code that exists."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import bpexp.gradients

TABLE = Path(bpexp.gradients.__file__).with_name("README.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`(bpexp(?:\.\w+)+)`", TABLE)))


@pytest.mark.parametrize("name", NAMES)
def test_what_the_table_names_exists(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


def test_the_table_names_every_exact_method() -> None:
    assert len(NAMES) > 15
