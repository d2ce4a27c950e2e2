"""Texts to token ids with the Rust `tokenizers` library: from a preset's file, from a vocabulary, or learned.

One class serves every backbone, because `tokenizer.json` describes normalisation, splitting, vocabulary and
special tokens alike for WordPiece models and for vocabularies that are learned from the training part.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from sft_keras.errors import ArtifactError
from sft_keras.preprocessing.token_rows import TokenRows

PAD, UNKNOWN = "[PAD]", "[UNK]"
# What published files call them.
PADS = (PAD, "<pad>")
MASKS = ("[MASK]", "<mask>")
# Texts that are tokenised together.
BLOCK = 8_192
Unit = Literal["words", "characters"]


class TextTokenizer:
    """A tokenizer with its padding id.

    Truncation is asked for at each call, not stored: the same object counts whole texts and encodes cut ones.

    Args:
        tokenizer: The Rust tokenizer; padding and truncation stored in it are switched off.
        pad_id: The id that fills a batch up to its longest text.
    """

    def __init__(self, tokenizer: Tokenizer, pad_id: int = 0) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self.pad_id = pad_id

    @classmethod
    def from_file(cls, path: Path) -> TextTokenizer:
        """Reads a `tokenizer.json`.

        Raises:
            ArtifactError: The file is missing or no tokenizer.
        """
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the Rust binding raises plain Exception
            raise ArtifactError(f"The tokenizer cannot be read: {error}", where=str(path)) from None
        if tokenizer.padding:
            return cls(tokenizer, tokenizer.padding["pad_id"])
        named = (tokenizer.token_to_id(pad) for pad in PADS)
        return cls(tokenizer, next((pad_id for pad_id in named if pad_id is not None), 0))

    @property
    def vocabulary_size(self) -> int:
        """How many ids there are, special tokens included."""
        return int(self._tokenizer.get_vocab_size())

    @property
    def vocabulary(self) -> dict[str, int]:
        """Token to id."""
        return dict(self._tokenizer.get_vocab())

    @property
    def kind(self) -> str:
        """The library's name of the model: `WordPiece`, `BPE`, `Unigram` or `WordLevel`."""
        return type(self._tokenizer.model).__name__

    @property
    def merges(self) -> list[str]:
        """The merges of a BPE model in their order, the two tokens with a space between."""
        return [" ".join(pair) for pair in json.loads(self._tokenizer.to_str())["model"]["merges"]]

    def packed(self, start: str, end: str) -> TextTokenizer:
        """The same tokenizer, which puts each text between two special tokens, unless it adds its own already."""
        ids = {token: self._tokenizer.token_to_id(token) for token in (start, end)}
        if self._tokenizer.num_special_tokens_to_add(is_pair=False) == 0 and None not in ids.values():
            self._tokenizer.post_processor = processors.TemplateProcessing(
                single=[start, "$A", end], special_tokens=list(ids.items())
            )
        return self

    @property
    def is_lowercase(self) -> bool:
        """Whether capitals are folded."""
        return bool(self._tokenizer.normalizer) and self._tokenizer.normalizer.normalize_str("A") == "a"

    def encode(self, texts: Sequence[str], max_length: int, *, folder: Path | None = None) -> TokenRows:
        """Token ids of each text, special tokens included, cut at the end to `max_length`.

        Args:
            texts: The texts; lone surrogates are replaced, since they are no characters.
            max_length: Most ids a text.
            folder: Where ids that are very many may lie; see `TokenRows.gather`.

        Returns:
            One int32 array of shape [tokens] a text; a text without any token gets one unknown token, because
            a row without a token has no vector.
        """
        unknown = [self._tokenizer.token_to_id(UNKNOWN) or 0]

        def blocks() -> Iterator[list[list[int]]]:
            # What the library says of a text takes some kilobytes.
            for start in range(0, len(texts), BLOCK):
                block = self._tokenizer.encode_batch_fast([_clean(text) for text in texts[start : start + BLOCK]])
                yield [encoding.ids or unknown for encoding in block]

        self._tokenizer.enable_truncation(max_length)
        try:
            return TokenRows.gather(blocks(), folder)
        finally:
            self._tokenizer.no_truncation()

    def encode_with_spans(self, text: str, max_length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Token ids of one text as `encode` gives them, and where each comes from.

        Args:
            text: The text.
            max_length: Most ids.

        Returns:
            Ids, int32 [tokens]; start and end in the characters of the text, int64 [tokens, 2]; whether it is a special
            token, which stands for none of the text, bool [tokens].
        """
        self._tokenizer.enable_truncation(max_length)
        try:
            encoding = self._tokenizer.encode(_clean(text))
        finally:
            self._tokenizer.no_truncation()
        if not encoding.ids:
            (ids,) = self.encode([text], max_length)
            return ids, np.array([[0, len(text)]], dtype=np.int64), np.array([False])
        return (
            np.asarray(encoding.ids, dtype=np.int32),
            np.asarray(encoding.offsets, dtype=np.int64),
            np.asarray(encoding.special_tokens_mask, dtype=bool),
        )

    @property
    def neutral_id(self) -> int:
        """The id that says least of what stands there: that of the mask token, else that of padding."""
        named = (self._tokenizer.token_to_id(mask) for mask in MASKS)
        return next((mask_id for mask_id in named if mask_id is not None), self.pad_id)

    def count(self, texts: Sequence[str], chunk: int = 4096) -> np.ndarray:
        """Number of ids of each whole text, special tokens included: int64, shape [texts]."""
        counts: list[int] = []
        for start in range(0, len(texts), chunk):
            block = [_clean(text) for text in texts[start : start + chunk]]
            counts.extend(len(encoding.ids) for encoding in self._tokenizer.encode_batch_fast(block))
        return np.asarray(counts, dtype=np.int64)

    def save(self, path: Path) -> None:
        """Writes `tokenizer.json`, padding id included, so that other programs pad alike."""
        self._tokenizer.enable_padding(pad_id=self.pad_id, pad_token=self._tokenizer.id_to_token(self.pad_id) or PAD)
        try:
            self._tokenizer.save(str(path))
        finally:
            self._tokenizer.no_padding()


def wordpiece_tokenizer(vocabulary: Sequence[str], *, lowercase: bool) -> TextTokenizer:
    """BERT's tokenizer over a given vocabulary, for presets that bring no `tokenizer.json`.

    Args:
        vocabulary: The tokens in the order of their ids, with `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]` among them.
        lowercase: Whether the model is uncased; accents are then stripped too, as in the original BERT.
    """
    ids = {token: index for index, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token=UNKNOWN, max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=lowercase
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = [token for token in (PAD, UNKNOWN, "[CLS]", "[SEP]", "[MASK]") if token in ids]
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    return TextTokenizer(tokenizer, pad_id=ids[PAD])


def learn_tokenizer(texts: Iterable[str], *, unit: Unit, vocabulary_size: int) -> TextTokenizer:
    """A tokenizer whose vocabulary is the most frequent words, or characters, of the training part.

    Args:
        texts: The training texts; no other part may be seen.
        unit: `words` splits at spaces and punctuation (each Han character is a word of its own);
            `characters` suits scripts written without spaces.
        vocabulary_size: Most ids, `[PAD]` (0) and `[UNK]` (1) included.
    """
    normal = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=unit == "words", strip_accents=False, lowercase=True
    )
    normalizer = normalizers.Sequence([normalizers.NFKC(), normal])
    pre_tokenizer: pre_tokenizers.PreTokenizer = pre_tokenizers.BertPreTokenizer()
    if unit == "characters":
        split = pre_tokenizers.Split(Regex(r"\S"), behavior="isolated")
        pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), split])
    counts: Counter[str] = Counter()
    for text in texts:
        pieces = pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(_clean(text)))
        counts.update(piece for piece, _ in pieces)
    # The library's trainer orders tokens of equal frequency by chance; a resumed run must get the same ids.
    frequent = sorted(counts, key=lambda token: (-counts[token], token))
    tokens = [PAD, UNKNOWN, *(token for token in frequent if token not in (PAD, UNKNOWN))][:vocabulary_size]
    tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token=UNKNOWN))
    # Not `add_special_tokens`: a text that says "[PAD]" would get the id of padding, and be masked in its middle.
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    return TextTokenizer(tokenizer, pad_id=0)


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
