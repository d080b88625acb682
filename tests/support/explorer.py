"""The page of task=explore as a test reads it: its content, its numbers, and what a browser makes of it."""

from __future__ import annotations

import base64
import json
import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpexp.nn.arrays import Array

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync", "--virtual-time-budget=20000", "--enable-logging=stderr"]


def content(page: Path) -> dict[str, Any]:
    """The JSON in the page."""
    text = page.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="numbers">(.*?)</script>', text, re.S)
    told: dict[str, Any] = json.loads(found)
    return told


def whole_numbers(packed: str) -> list[int]:
    """Whole numbers of three bytes each."""
    raw = base64.b64decode(packed)
    return [int.from_bytes(raw[at : at + 3], "big") for at in range(0, len(raw), 3)]


def numbers(packed: str, *shape: int) -> Array:
    """Decimals of four digits, three bytes each."""
    return np.array([_decimal(value) for value in whole_numbers(packed)]).reshape(shape or (-1, 1))


def _decimal(value: int) -> float:
    digits, sign = value >> 9 & 16383, -1 if value >> 23 else 1
    if digits > 9999:
        return sign * {16382: math.inf, 16383: math.nan}[digits]
    return sign * float(f"{digits}e{(value & 511) - 256}")


def rounded(values: Array) -> Array:
    """What a page of four digits may tell of numbers."""
    return np.array([float(f"{value:.3e}") for value in np.asarray(values, float).ravel()]).reshape(np.shape(values))


def in_browser(page: Path, address: str, profile: Path) -> str:
    """The page as a browser builds it; fails the test for whatever its console says."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed here to look at the page with")
    link = f"file://{page.absolute()}#{address}"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--window-size=1280,900", "--dump-dom", link]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    assert "CONSOLE" not in done.stderr, [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout
