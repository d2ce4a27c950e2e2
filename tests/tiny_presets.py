"""A tiny, randomly initialised preset of each family that loads weights, as a KerasHub folder.

`FACTORIES` has one entry a family; the contract tests fail for a family without one.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import FILLER, WORDS, sentences

TEXTS = [text for text, _ in sentences(60)] + ["Café, naïve and 味道很好 🎉 (so far) 1234567!"] * 3
WIDTHS = {"num_layers": 2, "hidden_dim": 16, "intermediate_dim": 32, "max_sequence_length": 32}
HEADS = {"num_heads": 2}


def wordpieces() -> list[str]:
    """BERT's special tokens and the words of the tests."""
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *FILLER, *WORDS["good"], *WORDS["bad"]]


def sentencepiece_model(**options: Any) -> bytes:
    """A Unigram model trained on the texts of the tests."""
    import sentencepiece

    model = io.BytesIO()
    settings = {"vocab_size": 300, "hard_vocab_limit": False, "minloglevel": 2, **options}
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(TEXTS), model_writer=model, **settings)
    return model.getvalue()


def byte_pairs(special: list[str]) -> tuple[dict[str, int], list[str]]:
    """A vocabulary and merges of byte-level BPE trained on the texts of the tests."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [" ".join(pair) for pair in model["merges"]]


DEBERTA_PIECES = {
    "pad_id": 0,
    "bos_id": 1,
    "eos_id": 2,
    "unk_id": 3,
    "pad_piece": "[PAD]",
    "bos_piece": "[CLS]",
    "eos_piece": "[SEP]",
    "unk_piece": "[UNK]",
}
ALBERT_PIECES = {
    "pad_id": 0,
    "unk_id": 1,
    "bos_id": 2,
    "eos_id": 3,
    "pad_piece": "<pad>",
    "unk_piece": "<unk>",
    "bos_piece": "[CLS]",
    "eos_piece": "[SEP]",
    "user_defined_symbols": "[MASK],(,),-",
}


def bert_tokenizer(name: str) -> Any:
    """KerasHub's WordPiece tokenizer of a family."""
    import keras_hub

    return getattr(keras_hub.models, f"{name}Tokenizer")(vocabulary=wordpieces(), lowercase=True, strip_accents=True)


def roberta_tokenizer() -> Any:
    """KerasHub's byte-level BPE of RoBERTa."""
    import keras_hub

    vocabulary, merges = byte_pairs(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return keras_hub.models.RobertaTokenizer(vocabulary=vocabulary, merges=merges)


def gpt2_tokenizer() -> Any:
    """KerasHub's byte-level BPE of GPT-2."""
    import keras_hub

    vocabulary, merges = byte_pairs(["<|endoftext|>"])
    return keras_hub.models.GPT2Tokenizer(vocabulary=vocabulary, merges=merges)


def unigram_tokenizer(name: str, **options: Any) -> Any:
    """KerasHub's SentencePiece tokenizer of a family."""
    import keras_hub

    return getattr(keras_hub.models, f"{name}Tokenizer")(sentencepiece_model(**options))


def preset(folder: Path, name: str, tokenizer: Any, **options: Any) -> str:
    """Writes a random backbone of KerasHub's class `{name}Backbone` with its tokenizer; returns the folder."""
    import keras
    import keras_hub

    keras.utils.set_random_seed(0)
    size = {"vocab_size" if name == "Electra" else "vocabulary_size": tokenizer.vocabulary_size()}
    backbone = getattr(keras_hub.models, f"{name}Backbone")(**size, **{**WIDTHS, **options})
    backbone.save_to_preset(str(folder))
    tokenizer.save_to_preset(str(folder))
    return str(folder)


# Family to what `model.backbone` says; called with an empty folder of its own.
FACTORIES: dict[str, Callable[[Path], str]] = {
    "albert": lambda folder: preset(
        folder, "Albert", unigram_tokenizer("Albert", **ALBERT_PIECES), **HEADS, embedding_dim=8
    ),
    "bert": lambda folder: preset(folder, "Bert", bert_tokenizer("Bert"), **HEADS),
    "deberta_v3": lambda folder: preset(
        folder, "DebertaV3", unigram_tokenizer("DebertaV3", **DEBERTA_PIECES), **HEADS, bucket_size=8
    ),
    "distil_bert": lambda folder: preset(folder, "DistilBert", bert_tokenizer("DistilBert"), **HEADS),
    "electra": lambda folder: preset(folder, "Electra", bert_tokenizer("Electra"), **HEADS, embedding_dim=8),
    "f_net": lambda folder: preset(folder, "FNet", unigram_tokenizer("FNet", **ALBERT_PIECES)),
    "gpt2": lambda folder: preset(folder, "GPT2", gpt2_tokenizer(), **HEADS),
    "lstm": lambda _: "lstm",
    "roberta": lambda folder: preset(folder, "Roberta", roberta_tokenizer(), **HEADS),
    "xlm_roberta": lambda folder: preset(folder, "XLMRoberta", unigram_tokenizer("XLMRoberta"), **HEADS),
}
