"""Token ids in one array: as a list of arrays, in memory and on the disk."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from sft_keras.preprocessing import token_rows, tokenizer
from sft_keras.preprocessing.token_rows import TokenRows
from sft_keras.preprocessing.tokenizer import learn_tokenizer

BLOCKS = [[[1, 2, 3], [4]], [], [[2, 7]]]
ROWS = [row for block in BLOCKS for row in block]


@pytest.fixture(params=["memory", "disk"])
def gathered(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TokenRows:
    if request.param == "memory":
        return TokenRows.gather(BLOCKS)
    monkeypatch.setattr(token_rows, "LARGE", 1)
    found = TokenRows.gather(BLOCKS, tmp_path)
    assert isinstance(found.tokens, np.memmap)
    assert not list(tmp_path.iterdir())  # it has no name, so that no kill can leave it
    return found


def test_it_is_the_sequence_of_its_texts(gathered: TokenRows) -> None:
    assert [row.tolist() for row in gathered] == ROWS
    assert [row.tolist() for row in gathered[1:]] == ROWS[1:]
    assert gathered[-1].tolist() == ROWS[-1]
    assert gathered[0].dtype == np.int32
    assert gathered.lengths.tolist() == [3, 1, 2]
    assert gathered.used.tolist() == [1, 2, 3, 4, 7]
    with pytest.raises(IndexError):
        gathered[3]


def test_of_nothing_it_is_empty() -> None:
    assert list(TokenRows.gather([])) == []
    assert TokenRows.gather([]).used.tolist() == []


def test_a_full_disk_costs_memory_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(token_rows, "LARGE", 1)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    found = TokenRows.gather(BLOCKS, tmp_path)
    assert not isinstance(found.tokens, np.memmap)
    assert [row.tolist() for row in found] == ROWS


def test_blocks_of_texts_are_tokenised_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["red blue", "", "blue", "green red red", "red"]
    made = learn_tokenizer(texts, unit="words", vocabulary_size=50)
    whole = [row.tolist() for row in made.encode(texts, 8)]
    monkeypatch.setattr(tokenizer, "BLOCK", 2)
    assert [row.tolist() for row in made.encode(texts, 8)] == whole
    assert len(whole[1]) == 1
