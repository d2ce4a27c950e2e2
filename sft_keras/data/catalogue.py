"""What is told about data, by language: findings by their names, notes on how a file was read by their patterns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sft_keras.catalogues import Catalogue, Catalogues

catalogue = Catalogues("sft_keras.data", "finding")
# Values that are words of our own, which have a name in each language.
_WORDS = ("file", "other")


@dataclass(frozen=True)
class Names:
    """A list of labels or columns in a sentence.

    Attributes:
        items: Their names.
        counts: How many rows each has; empty if that is not told.
        quoted: Whether they stand in quotation marks.
        more: Whether there are further ones.
    """

    items: tuple[str, ...]
    counts: tuple[int, ...] = ()
    quoted: bool = False
    more: bool = False


Value = str | int | float | Names


def tell(language: str, key: str, values: Mapping[str, Value]) -> str:
    """A sentence about data.

    Args:
        language: "en" or "zh".
        key: Its name in the catalogue.
        values: What belongs at its places.

    Raises:
        ConfigError: There is no such language.
    """
    words = catalogue(language)
    return words(key, **{name: _told(words, name, value) for name, value in values.items()})


def translate_notes(notes: tuple[str, ...], language: str) -> tuple[str, ...]:
    """Notes on how a file was read, in a language; English where the catalogue does not know one."""
    words = catalogue(language)
    return tuple(catalogue.translate(note, words) or note for note in notes)


def _told(words: Catalogue, name: str, value: Value) -> str | int | float:
    if isinstance(value, Names):
        form = f"form.{'quoted' if value.quoted else 'plain'}"
        if value.counts:
            told = [words(f"{form}_counted", name=item, n=n) for item, n in zip(value.items, value.counts, strict=True)]
        else:
            told = [words(form, name=item) for item in value.items]
        return words("form.list").join(told) + (words("form.more") if value.more else "")
    if name in _WORDS and isinstance(value, str):
        return words.named("word", value)
    return value
