"""Token ids against the preset's own `tokenizer.json`, read by the library alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from sft_keras.config import ModelConfig
from sft_keras.errors import ArtifactError
from sft_keras.modeling.backbones.base import resolve_backbone
from sft_keras.preprocessing.tokenizer import TextTokenizer, learn_tokenizer, wordpiece_tokenizer

AWKWARD = [
    "Café naïve résumé Ångström",
    "Straße GROSS ẞ",
    "İstanbul ıspanak",
    "I ❤️ it 👍🏽 👨‍👩‍👧",
    "很好吃，味道不错！かな カナ 한국어",
    "a\x00b\x07c\td\u200be\ufeff",
    "[CLS] is written here [SEP] and [MASK] too",
    "x" * 500,
    "word" * 60 + " short",
    "",
    "   ",
    "ﬁ ﬂ ２０２６ ①",
    "don't won't 3.14 $5,000 a@b.cc http://x.y",
]


@pytest.fixture(scope="module")
def folder() -> Path:
    found = resolve_backbone("minilm").location.folder
    assert found is not None, "the package with the embedded weights is not installed"
    return found


@pytest.fixture(scope="module")
def reference(folder: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def minilm_tokenizer() -> TextTokenizer:
    backbone = resolve_backbone("minilm")
    return backbone.family.tokenizer(backbone.location, ModelConfig(), [])


@pytest.mark.parametrize("text", AWKWARD)
def test_minilm_ids_are_those_of_its_own_file(text: str, reference: Tokenizer) -> None:
    assert minilm_tokenizer().encode([text], 8192)[0].tolist() == reference.encode(text).ids


@pytest.mark.parametrize("text", AWKWARD)
def test_a_tokenizer_from_the_vocabulary_alone_gives_the_same_ids(
    text: str, folder: Path, reference: Tokenizer
) -> None:
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    assert (
        wordpiece_tokenizer(vocabulary, lowercase=True).encode([text], 8192)[0].tolist() == reference.encode(text).ids
    )


def test_accents_are_not_unknown() -> None:
    tokenizer = minilm_tokenizer()
    unknown = tokenizer.vocabulary["[UNK]"]
    assert unknown not in tokenizer.encode(["Café"], 16)[0]
    assert tokenizer.encode(["Café"], 16)[0].tolist() == tokenizer.encode(["cafe"], 16)[0].tolist()


def test_cutting_keeps_the_closing_token_and_is_not_remembered() -> None:
    tokenizer = minilm_tokenizer()
    text = "one two three four five six seven"
    cut = tokenizer.encode([text], 5)[0]
    assert len(cut) == 5
    assert cut[-1] == tokenizer.vocabulary["[SEP]"]
    assert tokenizer.count([text])[0] == 9


def test_lone_surrogates_do_not_crash() -> None:
    assert len(minilm_tokenizer().encode(["broken \ud83d text"], 16)[0]) > 2


def test_saved_and_read_again_gives_the_same_ids(tmp_path: Path) -> None:
    for tokenizer in (minilm_tokenizer(), learn_tokenizer(["a b c", "b c"], unit="words", vocabulary_size=100)):
        tokenizer.save(tmp_path / "tokenizer.json")
        again = TextTokenizer.from_file(tmp_path / "tokenizer.json")
        assert again.pad_id == tokenizer.pad_id
        for text in ("a b z", *AWKWARD):
            assert again.encode([text], 64)[0].tolist() == tokenizer.encode([text], 64)[0].tolist()


def test_a_learned_vocabulary_is_limited_and_puts_padding_first() -> None:
    tokenizer = learn_tokenizer(["red red red green green blue"], unit="words", vocabulary_size=4)
    assert tokenizer.vocabulary_size == 4
    assert tokenizer.pad_id == 0
    assert set(tokenizer.vocabulary) == {"[PAD]", "[UNK]", "red", "green"}
    assert tokenizer.encode(["blue red"], 8)[0].tolist() == [1, tokenizer.vocabulary["red"]]


def test_chinese_is_split_into_characters() -> None:
    tokenizer = learn_tokenizer(["味道很好 very 好"], unit="characters", vocabulary_size=100)
    ids = tokenizer.encode(["很好"], 8)[0]
    assert ids.tolist() == [tokenizer.vocabulary["很"], tokenizer.vocabulary["好"]]


def test_a_text_without_a_token_still_gets_one() -> None:
    tokenizer = learn_tokenizer(["a b"], unit="words", vocabulary_size=10)
    assert tokenizer.encode([" \u200b "], 8)[0].dtype == np.int32
    assert tokenizer.encode([""], 8)[0].tolist() == [1]


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ArtifactError, match="tokenizer"):
        TextTokenizer.from_file(tmp_path / "tokenizer.json")


def test_a_text_that_says_pad_is_not_masked_in_its_middle() -> None:
    tokenizer = learn_tokenizer(["red [PAD] green"], unit="words", vocabulary_size=100)
    ids = tokenizer.encode(["red [PAD] green", "[PAD]"], 8)
    assert all(row.all() for row in ids)
    characters = learn_tokenizer(["很好[PAD]"], unit="characters", vocabulary_size=100)
    assert characters.encode(["很[PAD]好"], 8)[0].all()
