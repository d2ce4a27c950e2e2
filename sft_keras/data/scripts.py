"""Which writing system the texts use: scripts without spaces need other tokens than words between spaces."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Literal

_UNSPACED = re.compile(
    "["
    "\u0e01-\u0e3a\u0e40-\u0e4e"  # Thai
    "\u0e81-\u0ebd\u0ec0-\u0ecd\u0edc-\u0edf"  # Lao
    "\u1000-\u103f\u1050-\u108f\ua9e0-\ua9ef\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17d3"  # Khmer
    "\u2e80-\u2fd5\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
    "\u3041-\u309f"  # Hiragana
    "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Katakana
    "]+"
)
_LETTERS = re.compile(r"[^\W\d_]+")
_LATIN = re.compile("[A-Za-z\u00aa-\u024f\u1e00-\u1eff\uff21-\uff5a]+")

_TEXTS = 10_000
_CHARACTERS = 2_000
_MAINLY = 0.3

Script = Literal["latin", "unspaced", "other"]


def unspaced_share(texts: Iterable[str]) -> float:
    """The share of letters that belong to scripts written without spaces between words.

    Han, Hiragana, Katakana, Thai, Lao, Khmer and Myanmar count, with their vowel signs; Hangul does not,
    since Korean puts spaces. Digits, punctuation and emoji are no letters.

    Args:
        texts: The texts; the first 10,000 are read, and the first 2,000 characters of each.

    Returns:
        A share from 0 to 1; 0 if there are no letters.
    """
    unspaced = spaced = 0
    for text in islice(texts, _TEXTS):
        head = text[:_CHARACTERS]
        rest = _UNSPACED.sub("", head)
        unspaced += len(head) - len(rest)
        spaced += len(rest) - len(_LETTERS.sub("", rest))
    return unspaced / (unspaced + spaced) if unspaced else 0.0


def unspaced_runs(text: str) -> list[tuple[str, bool]]:
    """A text in runs of one kind: its pieces, each with whether it is of a script without spaces."""
    runs: list[tuple[str, bool]] = []
    at = 0
    for found in _UNSPACED.finditer(text):
        if found.start() > at:
            runs.append((text[at : found.start()], False))
        runs.append((found[0], True))
        at = found.end()
    if at < len(text):
        runs.append((text[at:], False))
    return runs


def mostly_unspaced(texts: Iterable[str]) -> bool:
    """Whether more than 30% of the letters are of scripts without spaces, so that characters make better tokens.

    The bound is below one half because one Han character says as much as several Latin letters.
    """
    return unspaced_share(texts) > _MAINLY


def mostly_latin(texts: Iterable[str]) -> bool:
    """Whether at most 30% of the letters are of other scripts than the Latin one, as an English model needs it.

    Args:
        texts: The texts; as much of them is read as for `unspaced_share`.
    """
    letters = other = 0
    for text in islice(texts, _TEXTS):
        found = "".join(_LETTERS.findall(text[:_CHARACTERS]))
        letters += len(found)
        other += len(_LATIN.sub("", found))
    return other <= _MAINLY * letters


def script_of(text: str) -> Script:
    """Which kind of writing system a text uses; one without letters counts as Latin."""
    if mostly_unspaced([text]):
        return "unspaced"
    return "latin" if mostly_latin([text]) else "other"
