"""Hashed n-grams: the same numbers as Python's unbounded integers, wherever the padding ends."""

from __future__ import annotations

import numpy as np
import pytest

from sft_keras.modeling.ngrams import HashedNgrams


def expected(ids: list[int], size: int, buckets: int) -> list[int]:
    """The buckets of a text without padding, in integers that cannot overflow."""
    result = []
    for start, first in enumerate(ids):
        value = first
        for offset in range(1, size):
            following = ids[start + offset] if start + offset < len(ids) else 0
            value = (value * 4099**2 + following) % 499_979
        result.append(1 + value % 499_979 % (buckets - 1))
    return result


@pytest.mark.parametrize("size", [2, 3])
def test_buckets_are_those_of_unbounded_integers(size: int) -> None:
    ids = np.random.default_rng(0).integers(1, 1_000_000, 500).tolist()
    result = np.asarray(HashedNgrams(size, 65_536)(np.asarray([ids], "int32")))
    assert result.tolist() == [expected(ids, size, 65_536)]


def test_padding_has_bucket_0_and_does_not_change_a_text() -> None:
    layer = HashedNgrams(2, 100)
    alone = np.asarray(layer(np.asarray([[5, 6, 7]], "int32")))
    padded = np.asarray(layer(np.asarray([[5, 6, 7, 0, 0], [1, 1, 1, 1, 1]], "int32")))
    assert padded[0].tolist() == [*alone[0].tolist(), 0, 0]
    assert (alone > 0).all()
    assert (padded[1] > 0).all()


def test_frequent_pairs_rarely_share_a_bucket() -> None:
    """Frequent tokens have low ids, and their pairs are the ones that matter."""
    frequent = np.arange(1, 151, dtype="int32")
    pairs = np.stack(np.meshgrid(frequent, frequent), axis=-1).reshape(-1, 2)
    used = np.unique(np.asarray(HashedNgrams(2, 65_536)(pairs))[:, 0])
    by_chance = 65_535 * (1 - np.exp(-len(pairs) / 65_535))
    assert len(used) > 0.97 * by_chance


@pytest.mark.parametrize("buckets", [0, 1, 499_981])
def test_buckets_that_cannot_be(buckets: int) -> None:
    with pytest.raises(ValueError, match=f"buckets={buckets}"):
        HashedNgrams(2, buckets)
