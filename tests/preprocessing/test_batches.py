"""The division into batches: complete, seeded, a pure function of the epoch, little padding."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest

from sft_keras.preprocessing.batches import BatchPlan, EncodedRows, pad_batch, sorted_batches, stream
from sft_keras.preprocessing.token_rows import TokenRows

LENGTHS = np.random.default_rng(0).integers(3, 60, size=1003)


@pytest.mark.parametrize("buckets", [True, False])
def test_each_epoch_has_every_row_once_in_as_many_steps(buckets: bool) -> None:
    plan = BatchPlan(LENGTHS, 32, seed=1, length_buckets=buckets)
    for epoch in range(3):
        batches = plan.epoch(epoch)
        assert len(batches) == plan.steps
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(LENGTHS)))


def test_epochs_differ_and_repeat_for_the_same_seed() -> None:
    plan = BatchPlan(LENGTHS, 32, seed=1)
    first = [batch.tolist() for batch in plan.epoch(0)]
    assert first == [batch.tolist() for batch in BatchPlan(LENGTHS, 32, seed=1).epoch(0)]
    assert first != [batch.tolist() for batch in plan.epoch(1)]
    assert first != [batch.tolist() for batch in BatchPlan(LENGTHS, 32, seed=2).epoch(0)]


def test_buckets_save_most_of_the_padding() -> None:
    def padded(plan: BatchPlan) -> int:
        return sum(len(batch) * int(LENGTHS[batch].max()) for batch in plan.epoch(0))

    real = int(LENGTHS.sum())
    assert padded(BatchPlan(LENGTHS, 32, 1, length_buckets=True)) < 1.15 * real
    assert padded(BatchPlan(LENGTHS, 32, 1, length_buckets=False)) > 1.5 * real


def test_a_broken_epoch_goes_on_where_it_stopped() -> None:
    plan = BatchPlan(LENGTHS, 32, seed=1)
    rest = list(itertools.islice(plan.endless(2, 30), plan.steps))
    expected = [*plan.epoch(2)[30:], *plan.epoch(3)[:30]]
    assert [batch.tolist() for batch in rest] == [batch.tolist() for batch in expected]


def test_padding_and_mask() -> None:
    batch = pad_batch([np.array([5, 6, 7], np.int32), np.array([8], np.int32)], pad_id=9)
    assert batch["token_ids"].tolist() == [[5, 6, 7], [8, 9, 9]]
    assert batch["padding_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["segment_ids"].tolist() == [[0, 0, 0], [0, 0, 0]]
    one = [np.array([5], np.int32)]
    assert pad_batch(one, 0, multiple=32)["token_ids"].shape == (1, 32)
    assert pad_batch(one, 0, multiple=32, limit=20)["token_ids"].shape == (1, 20)
    assert pad_batch(one, 0, multiple=32, limit=64)["token_ids"].shape == (1, 32)


def test_prediction_goes_from_long_to_short() -> None:
    batches = sorted_batches(np.array([3, 9, 1, 7]), 2)
    assert [batch.tolist() for batch in batches] == [[1, 3], [0, 2]]


def made(rows: int) -> EncodedRows:
    return EncodedRows(
        ids=TokenRows.gather([[[index] * (index + 1) for index in range(rows)]]),
        targets=np.arange(rows, dtype=np.int32),
        weights=np.ones(rows, np.float32),
        pad_id=0,
        input_names=("token_ids",),
        multiple=4,
    )


def test_lengths_are_rounded_up_to_no_more_than_the_longest_row() -> None:
    widths = [made(7).batch(np.array([row]))[0]["token_ids"].shape[1] for row in range(7)]
    assert widths == [4, 4, 4, 4, 7, 7, 7]


def test_without_tensorflow_batches_start_anew_at_each_pass_and_may_never_end() -> None:
    from sft_keras.preprocessing.ordered_batches import OrderedBatches

    plan = BatchPlan(made(7).lengths, 3, seed=1)
    finite = OrderedBatches(list, lambda: plan.epoch(0), plan.steps)
    assert finite.num_batches == plan.steps
    for _ in range(2):
        assert [finite[index] for index in range(plan.steps)] == [list(batch) for batch in plan.epoch(0)]
    endless = OrderedBatches(list, lambda: plan.endless(0, 1), None)
    assert endless.num_batches is None
    expected = itertools.islice(plan.endless(0, 1), 8)
    assert [endless[index] for index in range(8)] == [list(batch) for batch in expected]


ROWS = EncodedRows(
    ids=TokenRows.gather([[[1, 2], [3]]]),
    targets=np.array([0, 1], np.int32),
    weights=np.array([1.0, 0.5], np.float32),
    pad_id=0,
    input_names=("token_ids",),
)


def test_the_stream_gives_inputs_targets_and_weights() -> None:
    batches = list(stream(ROWS, lambda: [np.array([1, 0])], steps=1))
    assert len(batches) == 1
    inputs, targets, weights = batches[0]
    assert list(inputs) == ["token_ids"]
    assert np.asarray(inputs["token_ids"]).tolist() == [[3, 0], [1, 2]]
    assert np.asarray(targets).tolist() == [1, 0]
    assert np.asarray(weights).tolist() == [0.5, 1.0]


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="tf.data serves TensorFlow alone")
def test_no_thread_that_tunes_the_stream_holds_up_its_end() -> None:
    """With one, freeing an endless iterator waits until the thread wakes up, after up to a minute."""
    assert stream(ROWS, lambda: itertools.repeat(np.array([0]))).options().autotune.enabled is False
