"""Mini-batches: each sample once an epoch, x with its y, the same order for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from bpexp.data import Batches, Part
from bpexp.errors import ConfigError


def part(n: int, rows: np.ndarray | None = None) -> Part:
    """Samples whose input and target say their row number."""
    X = np.repeat(np.arange(n, dtype=np.float32)[:, None], 3, axis=1)
    return Part(X=X, Y=-X[:, :2].copy(), rows=np.arange(n) if rows is None else rows, labels=None)


def epoch(batches: Batches) -> list[np.ndarray]:
    """The row numbers of each batch."""
    seen = []
    for x, y in batches.epoch():
        assert x.shape[0] == 3
        assert y.shape == (2, x.shape[1])
        assert (x == x[0]).all()
        np.testing.assert_array_equal(y, -x[:2])
        seen.append(x[0].astype(int).copy())
    return seen


@pytest.mark.parametrize("batch_size", [1, 2, 7, 10, 19, 20])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_sample_exactly_once(batch_size, shuffle):
    rows = np.random.default_rng(3).permutation(40)[:20]
    batches = Batches(part(40, rows), batch_size, np.random.default_rng(0), shuffle=shuffle)
    for _ in range(3):
        seen = epoch(batches)
        assert len(seen) == len(batches) == -(-20 // batch_size)
        assert {len(rows) for rows in seen[:-1]} <= {batch_size}
        assert sorted(np.concatenate(seen)) == sorted(rows)
        if not shuffle:
            np.testing.assert_array_equal(np.concatenate(seen), rows)


def test_the_order_is_the_generators():
    one, same, other = (Batches(part(20), 4, np.random.default_rng(seed)) for seed in (1, 1, 2))
    first, second = np.concatenate(epoch(one)), np.concatenate(epoch(one))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.concatenate(epoch(same)), first)
    assert not np.array_equal(np.concatenate(epoch(other)), first)


def test_an_epoch_draws_its_order_when_it_is_asked_for():
    """A generator restored from a checkpoint gives the epoch that it would have given."""
    rng = np.random.default_rng(0)
    batches = Batches(part(20), 4, rng)
    state = rng.bit_generator.state
    drawn = batches.epoch()
    assert rng.bit_generator.state != state
    first = [x[0].copy() for x, _ in drawn]
    rng.bit_generator.state = state
    np.testing.assert_array_equal(np.concatenate(epoch(batches)), np.concatenate(first))


def test_buffers_are_used_again():
    walk = Batches(part(20), 4, np.random.default_rng(0)).epoch()
    x, y = next(walk)
    assert x.flags.f_contiguous
    x_2, y_2 = next(walk)
    assert np.shares_memory(x, x_2)
    assert np.shares_memory(y, y_2)


def test_a_full_batch_is_neither_shuffled_nor_copied():
    rng = np.random.default_rng(0)
    state = rng.bit_generator.state
    whole = part(20)
    batches = Batches(whole, 20, rng)
    [(x, y)] = batches.epoch()
    assert np.shares_memory(x, whole.X)
    assert np.shares_memory(y, whole.Y)
    assert rng.bit_generator.state == state
    scattered = Batches(part(20, np.array([5, 2, 9])), 3, rng)
    [(x, _)] = scattered.epoch()
    assert x[0].tolist() == [5, 2, 9]
    [(x_2, _)] = scattered.epoch()
    assert x_2 is x


@pytest.mark.parametrize("batch_size", [1, 2, 7, 63, 64, 65, 150, 300])
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_of_bytes_are_those_of_their_inputs(batch_size, shuffle):
    """Bit for bit, though several are gathered at once; also from the middle of what is gathered at once."""
    rng = np.random.default_rng(0)
    X, rows = rng.integers(0, 256, (320, 5), dtype=np.uint8), rng.permutation(320)[:300]
    Y = rng.normal(size=(320, 2)).astype(np.float32)
    parts = Part(X, Y, rows, None, divisor=255.0), Part(X / np.float32(255), Y, rows, None)
    packed, plain = (Batches(p, batch_size, np.random.default_rng(1), shuffle=shuffle) for p in parts)
    for _ in range(2):
        for (x, y), (x_2, y_2) in zip(packed.epoch(), plain.epoch(), strict=True):
            assert x.dtype == np.float32
            assert x.T.flags.c_contiguous
            assert (x.tobytes(), y.tobytes()) == (x_2.tobytes(), y_2.tobytes())
    whole = [x.copy() for x, _ in packed.epoch()]
    for done in {0, len(whole) // 3, len(whole) - 1}:
        rest = Batches(parts[0], batch_size, np.random.default_rng(5), shuffle=shuffle)
        rest.load_state(packed.state(done))
        left = [x.copy() for x, _ in rest.epoch()]
        assert [x.tobytes() for x in left] == [x.tobytes() for x in whole[done:]]


@pytest.mark.parametrize("batch_size", [0, -1, 21])
def test_a_batch_size_that_does_not_fit(batch_size):
    with pytest.raises(ConfigError, match=f"between 1 and the 20 training samples, not {batch_size}"):
        Batches(part(20), batch_size, np.random.default_rng(0))
