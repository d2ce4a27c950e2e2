"""Looks into the `tokenizer.json` of a bundle before it is used with the bundle's model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The largest in use (250,000 pieces with their scores) take about 20 MB.
MOST_BYTES = 128 * 2**20
# Normal rules exchange a character for one or two; a chain of long ones turns a sentence into gigabytes.
MOST_GROWTH = 64


class RefusedTokenizerError(Exception):
    """A tokenizer file that must not be used; the text continues "tokenizer.json …"."""


def check_tokenizer_file(path: Path, rows: int | None) -> None:
    """Refuses a tokenizer that is too large, lets texts explode, or knows ids that the model does not.

    Args:
        path: A `tokenizer.json`.
        rows: Rows of the model's embeddings; None if it has none.

    Raises:
        RefusedTokenizerError: See the text.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise RefusedTokenizerError(f"has {size:,} bytes; at most {MOST_BYTES:,} are read")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        highest = max(_ids(content), default=-1)
        growth = 1
        for rule in _rules(content.get("normalizer")):
            growth *= max(1, len(rule))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise RefusedTokenizerError(f"cannot be read: {error}") from None
    if growth > MOST_GROWTH:
        raise RefusedTokenizerError("has rules that make texts many times longer")
    if rows is not None and highest >= rows:
        raise RefusedTokenizerError(f"knows token ids up to {highest:,}, and the model has {rows:,} embeddings")


def embedding_rows(model: Any) -> int | None:
    """How many token ids a Keras model knows: the rows of its largest table of embeddings; None without any."""
    import keras

    layers = model._flatten_layers(include_self=False)
    return max((int(layer.input_dim) for layer in layers if isinstance(layer, keras.layers.Embedding)), default=None)


def _ids(content: dict[str, Any]) -> Iterator[int]:
    """Every id that the tokenizer can give."""
    vocabulary = content["model"]["vocab"]
    if isinstance(vocabulary, dict):
        yield from map(int, vocabulary.values())
    else:  # of pieces with their scores, in the order of the ids
        yield len(vocabulary) - 1
    for token in content.get("added_tokens") or ():
        yield int(token["id"])
    yield from _special_ids(content.get("post_processor"))
    if content.get("padding"):
        yield int(content["padding"]["pad_id"])


def _special_ids(value: Any) -> Iterator[int]:
    """The ids in a post-processor: of a template (`ids`), or of BERT's and RoBERTa's (`sep`, `cls`)."""
    if isinstance(value, list):
        for each in value:
            yield from _special_ids(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "ids":
                yield from map(int, each)
            elif key in ("sep", "cls"):
                yield int(each[1])
            else:
                yield from _special_ids(each)


def _rules(normalizer: Any) -> Iterator[str]:
    """What the rules of a normalizer put in the place of something, or before it."""
    if isinstance(normalizer, dict):
        if normalizer.get("type") == "Replace":
            yield str(normalizer["content"])
        elif normalizer.get("type") == "Prepend":
            yield str(normalizer["prepend"])
        for each in normalizer.get("normalizers") or ():
            yield from _rules(each)
