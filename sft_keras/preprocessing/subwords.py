"""The tokenizers of pretrained models, rebuilt in the Rust library from what their presets bring.

WordPiece comes from a vocabulary (see `tokenizer.py`), byte-level BPE from a vocabulary and merges, SentencePiece
from its serialised model. The ids are those that the model was pretrained on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from sft_keras.errors import ConfigError
from sft_keras.preprocessing.tokenizer import TextTokenizer

SPACE = "▁"
# Kinds of pieces in a SentencePiece model: `ModelProto.SentencePiece.Type`.
UNKNOWN_PIECE, CONTROL_PIECE, USER_DEFINED_PIECE = 2, 3, 4
UNIGRAM_MODEL = 1


def byte_pair_tokenizer(
    vocabulary: dict[str, int], merges: Iterable[str], *, start: str, end: str, special: Sequence[str], pad_id: int
) -> TextTokenizer:
    """Byte-level BPE as in GPT-2 and RoBERTa; it knows every text, since every byte is a token.

    Words are split with GPT-2's own pattern before any merge, as in pretraining. KerasHub's tokenizer does so in a
    `tf.data` pipeline; called eagerly it does not (0.32.0), and gives other ids where a merge reaches over two words.

    Args:
        vocabulary: Token to id.
        merges: Pairs of tokens with a space between, the first merged first; a version line is skipped.
        start: The token before each text.
        end: The token after each text.
        special: Tokens that are never split.
        pad_id: What fills a batch.
    """
    rules = (merge.split(" ") for merge in merges if merge and not merge.startswith("#version"))
    pairs = [(first, second) for first, second in rules]
    tokenizer = Tokenizer(models.BPE(vocabulary, pairs))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([token for token in special if token in vocabulary])
    return TextTokenizer(tokenizer, pad_id=pad_id).packed(start, end)


def sentencepiece_tokenizer(
    proto: bytes, *, start: str, end: str, pad: str, fairseq_ids: bool = False, source: str = "the preset"
) -> TextTokenizer:
    """A Unigram tokenizer with the pieces, scores and character rules of a SentencePiece model.

    Args:
        proto: The serialised `ModelProto`.
        start: The token before each text.
        end: The token after each text.
        pad: The token that fills a batch.
        fairseq_ids: Whether ids are those of XLM-RoBERTa: `<s>`, `<pad>`, `</s>`, `<unk>` come first, then the pieces
            after the model's own three, then `<mask>`.
        source: Where the model comes from, for messages.

    Raises:
        ConfigError: It is no SentencePiece model, or not of the Unigram kind.
    """
    from sentencepiece import sentencepiece_model_pb2

    model: Any = sentencepiece_model_pb2.ModelProto()
    with contextlib.suppress(Exception):  # protobuf's own kind; what could not be read has no pieces
        model.ParseFromString(proto)
    if not model.pieces or model.trainer_spec.model_type != UNIGRAM_MODEL:
        raise ConfigError(
            "The SentencePiece model is not of the Unigram kind, the only one that is supported.",
            where=source,
            fix="Take a preset whose tokenizer is a Unigram model, or a folder with a tokenizer.json.",
        )
    pieces = [(piece.piece, score) for piece, score in zip(model.pieces, _scores(model.pieces), strict=True)]
    special = [piece.piece for piece in model.pieces if piece.type in (UNKNOWN_PIECE, CONTROL_PIECE)]
    unknown_id = next((i for i, piece in enumerate(model.pieces) if piece.type == UNKNOWN_PIECE), 0)
    if fairseq_ids:
        first = ["<s>", "<pad>", "</s>", "<unk>"]
        pieces = [*((name, 0.0) for name in first), *pieces[3:], ("<mask>", 0.0)]
        special, unknown_id = [*first, "<mask>"], 3
    tokenizer = Tokenizer(models.Unigram(pieces, unknown_id, model.trainer_spec.byte_fallback))
    tokenizer.normalizer = _normalizer(model.normalizer_spec)
    # To split at spaces first is quicker and gives the same ids, unless a piece reaches over a space.
    split = not any(SPACE in name[1:] for name, _ in pieces)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="never", split=split)
    tokenizer.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    # As in every published tokenizer.json: written out in a text, a special token gets its own id.
    tokenizer.add_special_tokens(special)
    return TextTokenizer(tokenizer, pad_id=tokenizer.token_to_id(pad) or 0).packed(start, end)


def _scores(pieces: Sequence[Any]) -> list[float]:
    """Log-probabilities; a piece that its user defined outweighs what it could be split into, as in SentencePiece."""
    learned = [piece.score for piece in pieces if piece.type == 1]
    best = max(learned, default=0.0)
    return [len(piece.piece) * best - 0.1 if piece.type == USER_DEFINED_PIECE else piece.score for piece in pieces]


def _normalizer(spec: Any) -> normalizers.Normalizer:
    """SentencePiece's character rules, and its handling of runs of spaces."""
    steps: list[normalizers.Normalizer] = []
    if spec.precompiled_charsmap:
        # The library looks up a letter without its combining accents first, and would drop them: compose beforehand.
        steps.append(normalizers.NFC())
        steps.append(normalizers.Precompiled(spec.precompiled_charsmap))
    if spec.remove_extra_whitespaces:
        steps.append(normalizers.Replace(Regex(rf"\A +|[ {SPACE}]+\z"), ""))
        steps.append(normalizers.Replace(Regex(" {2,}"), " "))
    if spec.add_dummy_prefix:
        steps.append(normalizers.Prepend(" "))
    return normalizers.Sequence(steps)
