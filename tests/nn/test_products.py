"""Products in blocks are the product; the rule of `auto` is a function of shapes and leaves small products whole."""

from __future__ import annotations

from itertools import product as grid
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from bpexp.gradients.backprop import backprop
from bpexp.nn import products
from bpexp.nn.activations import activations
from bpexp.nn.heads import build_head
from bpexp.nn.network import Network
from bpexp.nn.products import AREA, DEPTH, NARROW, SMALL, WIDE, Products, block, in_blocks

SIZES = (1, 3, 10, 32, 33, 64, 100, 127, 256, 300, 301, 784, 1201)


@pytest.mark.parametrize(("n", "m", "B"), [(32, 784, 128), (64, 784, 33), (3, 5, 7), (256, 784, 128), (301, 40, 97)])
@pytest.mark.parametrize("stack", [(), (2,)])
@pytest.mark.parametrize("shared", [False, True])
def test_blocks_of_columns_and_of_rows_are_the_product(n, m, B, stack, shared):
    """Of a transposed matrix or not, and of stacks, with one right side for all or one for each."""
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(*stack, n, m)), rng.normal(size=((B, m) if shared else (*stack, B, m)))
    transposed, plain = right.mT, np.ascontiguousarray(right.mT)
    for shape in [(n, c) for c in (1, 4, 7, 32) if c < B] + [(r, B) for r in (1, 3, 8) if r < n]:
        for matrix in (transposed, plain):
            out = np.full((*stack, n, B), np.nan)
            assert in_blocks(shape, left, matrix, out) is out
            np.testing.assert_allclose(out, left @ matrix, rtol=0, atol=1e-11)
    np.testing.assert_allclose(products.product(left, transposed), left @ transposed, rtol=0, atol=1e-11)


def test_the_rule_gives_blocks_that_the_small_kernels_take():
    for n, m, B, transposed in grid(SIZES, SIZES, SIZES, (False, True)):
        rows, columns = block(n, m, B, transposed=transposed)
        assert 1 <= rows <= n
        assert 1 <= columns <= B
        assert rows == n or columns == B
        if (rows, columns) == (n, B):
            continue
        assert n * m * B > SMALL or (transposed and n * B > AREA), "a product for a small kernel stays whole"
        assert rows * m * columns <= SMALL
        assert (columns % 4 == 0) if rows == n else (rows % 4 == 0 and rows >= NARROW)
        if transposed:
            assert rows * columns <= AREA
            assert m >= DEPTH
            assert columns >= NARROW
        assert transposed or rows < n or SMALL // (n * m) >= WIDE


def test_the_default_network_has_whole_products_at_its_default_batch_size():
    pairs = [(32, 784), (32, 32), (10, 32)]
    assert all(block(n, m, 32, transposed=l == 0) == (n, 32) for l, (n, m) in enumerate(pairs))
    assert all(block(n, 32, m, transposed=l > 0) == (n, m) for l, (n, m) in enumerate(pairs))


@pytest.mark.parametrize("small", [False, True])
def test_auto_is_for_libraries_that_have_the_kernels(monkeypatch, small):
    monkeypatch.setattr(products, "blocks_pay", lambda: small)
    chosen = Products((784, 32, 10), 128, np.dot, "auto")
    assert (chosen.forward[0] is not np.dot) == (chosen.outer[0] is not np.dot) == small
    assert chosen.forward[1] is chosen.back[1] is np.dot


@pytest.mark.parametrize(
    ("numpys", "small"),
    [
        ({"internal_api": "openblas", "architecture": "SkylakeX"}, True),
        ({"internal_api": "openblas", "architecture": "Haswell"}, False),
        ({"internal_api": "mkl"}, False),
    ],
)
def test_the_library_that_decides_is_that_of_numpy_which_is_recorded(monkeypatch, numpys, small):
    """SciPy, or anything else that is imported, may load a BLAS of its own, which multiplies nothing of ours."""
    other = {"user_api": "blas", "filepath": "/lib/scipy.libs/lib.so", "internal_api": "openblas"}
    ours = {"user_api": "blas", "filepath": f"{Path(np.__file__).parent}.libs/lib.so", **numpys}
    loaded = [{**other, "architecture": "Haswell" if small else "SkylakeX"}, {"user_api": "openmp"}, ours]
    monkeypatch.setattr("threadpoolctl.ThreadpoolController", lambda: Loaded(loaded))
    monkeypatch.setattr(products, "_numpys_library", products._numpys_library.__wrapped__)
    assert products.numpys_blas() == ours
    assert products.has_small_kernels.__wrapped__() is small


def test_without_a_word_about_the_library_products_stay_whole(monkeypatch):
    monkeypatch.setattr("threadpoolctl.ThreadpoolController", lambda: Loaded([]))
    monkeypatch.setattr(products, "_numpys_library", products._numpys_library.__wrapped__)
    assert products.numpys_blas() == {}
    assert products.has_small_kernels.__wrapped__() is False


class Loaded(list):
    """What threadpoolctl knows of some libraries."""

    def select(self, **given):
        [(key, wanted)] = given.items()
        return Loaded(one for one in self if one.get(key) in wanted)

    def info(self):
        return list(self)


def test_blocks_are_for_one_thread(monkeypatch):
    """Several threads share a whole product; a small one is done by one of them."""
    monkeypatch.setattr(products, "has_small_kernels", lambda: True)
    for threads in (1, 2, 1):
        with threadpool_limits(threads, user_api="blas"):
            chosen = Products((784, 32, 10), 128, np.dot, "auto")
            assert (chosen.forward[0] is not np.dot) == (products.numpys_blas()["num_threads"] == 1)
            assert Products((784, 32, 10), 128, np.dot, 64).forward[0] is not np.dot


def test_a_number_and_none():
    chosen = Products((784, 32, 10), 128, np.dot, 64)
    assert all(one is not np.dot for one in (*chosen.forward, chosen.outer[0], *chosen.back))
    assert chosen.outer[1] is np.dot  # 32 columns, which is less than a block
    whole = Products((784, 32, 10), 128, np.dot, 0)
    assert all(one is np.dot for one in (*whole.forward, *whole.outer, *whole.back))


@pytest.mark.parametrize(("sizes", "B"), [((784, 32, 32, 10), 128), ((100, 200, 150, 10), 130), ((784, 10, 10), 700)])
def test_blocks_change_rounding_and_nothing_else(monkeypatch, sizes, B):
    """For each kernel the gradient of blocked passes is that of whole ones, and the same on every call."""
    monkeypatch.setattr(products, "blocks_pay", lambda: True)
    rng, head = np.random.default_rng(0), build_head({"name": "softmax"}, {"name": "cross_entropy"})
    network = Network(sizes, [activations.build("tanh")] * (len(sizes) - 2), head.output, "float64")
    network.theta[...] = rng.normal(size=network.theta.size) / 10
    x, y = rng.normal(size=(B, sizes[0])).T, np.eye(10)[rng.integers(10, size=B)].T
    whole = backprop(blocks=0)(network, head, x, y)
    for blocks in ("auto", 1, 32, 10_000):
        method = backprop(blocks=blocks)
        cost, vector, _ = method(network, head, x, y)
        assert cost == pytest.approx(whole.cost, rel=1e-13)
        first = vector.copy()
        np.testing.assert_allclose(first, whole.vector, rtol=0, atol=1e-13 * np.abs(whole.vector).max() * B)
        np.testing.assert_array_equal(method(network, head, x, y).vector, first)


def test_without_the_kernels_nothing_changes(monkeypatch):
    """The gradient and z^L are those of whole products, bit for bit; with them z^L is equal to rounding."""
    rng, head = np.random.default_rng(0), build_head({"name": "softmax"}, {"name": "cross_entropy"})
    network = Network((784, 32, 10), [activations.build("relu")], head.output, "float32")
    network.theta[...] = rng.normal(size=network.theta.size) / 30
    x, y = rng.random((128, 784), np.float32).T, np.eye(10, dtype=np.float32)[rng.integers(10, size=128)].T
    monkeypatch.setattr(products, "blocks_pay", lambda: False)
    auto, whole = (backprop(blocks=blocks)(network, head, x, y) for blocks in ("auto", 0))
    np.testing.assert_array_equal(auto.vector, whole.vector)
    np.testing.assert_array_equal(network.logits(x), whole.workspace.z[-1])
    monkeypatch.setattr(products, "blocks_pay", lambda: True)
    np.testing.assert_allclose(network.logits(x), whole.workspace.z[-1], rtol=0, atol=1e-5)
