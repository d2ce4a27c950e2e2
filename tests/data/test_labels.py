"""Names and numbers of classes go back and forth without loss."""

from __future__ import annotations

import numpy as np
import pytest

from sft_keras.data.labels import Labels
from sft_keras.errors import DataError


def test_round_trips() -> None:
    labels = Labels.of(["差", "good", "", "1", "good", 'a "quoted", one'])
    numbers = labels.encode(list(labels.names))
    assert numbers.dtype == np.int32
    assert numbers.tolist() == list(range(len(labels)))
    assert tuple(labels.decode(numbers)) == labels.names == tuple(sorted(labels.names))
    assert Labels.from_json(labels.to_json()) == labels
    assert labels.encode([]).shape == (0,)


def test_unknown_label_is_named() -> None:
    with pytest.raises(DataError) as caught:
        Labels.of(["spam", "ham"]).encode(["ham", "spamm"])
    assert '"spamm"' in caught.value.problem
    assert 'Did you mean "spam"?' in caught.value.fix


@pytest.mark.parametrize("text", ["", "{}", "[1]", '["a", "a"]', "[" * 100_000])
def test_damaged_json(text: str) -> None:
    with pytest.raises(DataError):
        Labels.from_json(text)


@pytest.mark.parametrize("number", [-1, 2])
def test_unknown_number(number: int) -> None:
    with pytest.raises(DataError, match="from 0 to 1"):
        Labels.of(["a", "b"]).decode([number])
