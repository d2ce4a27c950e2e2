"""Changes of a text that should not change its label, as people and programs make them (Ribeiro et al. 2020, CheckList,
https://arxiv.org/abs/2005.04118).

Each is a function of a text and a source of chance; it gives the text back as it is where it has nothing to change.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

Perturbation = Callable[[str, Random], str]
PERTURBATIONS: dict[str, Perturbation] = {}
ANSWER_MAY_CHANGE = frozenset({"negation", "shortened"})
"""Those that can change what a text means: their flips are told, and are no mistakes."""

_WORD = re.compile(r"[^\W\d_]{4,}")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_ALIKE = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")
_AUXILIARY = re.compile(r"\b(is|are|was|were|am|can|could|do|does|did|will|would|should|has|have|had)\b", re.IGNORECASE)
_ZH_VERB = re.compile(r"(是|会|能|要|想|喜欢|推荐|值得|可以)")
_NAMES = (
    ("John", "Mary", "David", "Anna", "James", "Sarah", "Michael", "Emma", "Peter", "Julia", "Thomas", "Laura"),
    ("London", "Paris", "Berlin", "Madrid", "Boston", "Chicago", "Tokyo", "Sydney", "Rome", "Vienna", "Dublin"),
    ("America", "England", "France", "Germany", "Spain", "Italy", "Japan", "China", "Canada", "India", "Australia"),
    ("北京", "上海", "广州", "深圳", "杭州", "成都", "南京", "武汉", "西安", "苏州", "天津", "重庆"),
    ("中国", "美国", "日本", "英国", "法国", "德国", "韩国", "加拿大", "意大利"),
)
_NAME = re.compile("|".join(rf"\b{name}\b" if name.isascii() else name for names in _NAMES for name in names))
_FILLER = {False: " I am writing this down today, as I was asked to.", True: "今天按要求把这些写下来。"}


def perturbation(name: str) -> Callable[[Perturbation], Perturbation]:
    """Enters a function under a name, which has a sentence in the catalogue."""

    def enter(function: Perturbation) -> Perturbation:
        PERTURBATIONS[name] = function
        return function

    return enter


def perturbed(name: str, text: str, seed: int) -> str:
    """A text after a perturbation; the same text, name and seed give the same result."""
    return PERTURBATIONS[name](text, Random(f"{seed} {name} {text}"))  # noqa: S311 - no secret


@perturbation("typos")
def typos(text: str, draw: Random) -> str:
    """In one word of five, two letters are swapped, one is left out, or its neighbour on the keyboard is hit."""
    words = list(_WORD.finditer(text))
    chosen = [word for word in words if draw.random() < 0.2] or ([draw.choice(words)] if words else [])
    for word in reversed(chosen):
        text = text[: word.start()] + _mistyped(word.group(), draw) + text[word.end() :]
    return text


def _mistyped(word: str, draw: Random) -> str:
    at = draw.randrange(1, len(word) - 1)
    kind = draw.choice(("swap", "drop", "key"))
    if kind == "swap" and word[at] != word[at + 1]:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == "key":
        for row in _KEYS:
            place = row.find(word[at].lower())
            if place >= 0:
                near = row[max(0, place - 1) : place] + row[place + 1 : place + 2]
                return word[:at] + draw.choice(near) + word[at + 1 :]
    return word[:at] + word[at + 1 :]


@perturbation("upper_case")
def upper_case(text: str, draw: Random) -> str:
    """All letters are capital."""
    del draw
    return text.upper()


@perturbation("lower_case")
def lower_case(text: str, draw: Random) -> str:
    """All letters are small."""
    del draw
    return text.lower()


@perturbation("no_punctuation")
def no_punctuation(text: str, draw: Random) -> str:
    """Punctuation is left out, but for apostrophes and hyphens within words."""
    del draw
    kept = re.sub(r"(?<=\w)['’-](?=\w)", "\x00", text)
    joined = dict(enumerate(re.findall(r"(?<=\w)['’-](?=\w)", text)))
    bare = "".join(c for c in kept if c == "\x00" or not unicodedata.category(c).startswith("P"))
    pieces = bare.split("\x00")
    whole = "".join(piece + joined.get(index, "") for index, piece in enumerate(pieces))
    return re.sub(r"(?<=\S) {2,}", " ", whole).strip() or text


@perturbation("spaces")
def spaces(text: str, draw: Random) -> str:
    """Spaces are doubled here and there, and one stands before and after the text."""
    wider = "".join(c * 2 if c == " " and draw.random() < 0.5 else c for c in text)
    return f" {wider} "


@perturbation("negation")
def negation(text: str, draw: Random) -> str:
    """A "not" is put after the first auxiliary verb, a 不 before the first such verb in Chinese."""
    del draw
    found = _AUXILIARY.search(text)
    if found and not re.match(r"\s*(not\b|n\s?['’]\s?t)", text[found.end() :], re.IGNORECASE):
        return f"{text[: found.end()]} not{text[found.end() :]}"
    verb = _ZH_VERB.search(text)
    if verb and text[max(0, verb.start() - 1) : verb.start()] != "不":
        return f"{text[: verb.start()]}不{text[verb.start() :]}"
    return text


@perturbation("shortened")
def shortened(text: str, draw: Random) -> str:
    """The first half of the text, cut between words."""
    del draw
    if len(text) < 8:
        return text
    half = len(text) // 2
    if _HAN.search(text[:half]):
        return text[:half]
    return text[:half].rpartition(" ")[0] or text[:half]


@perturbation("lengthened")
def lengthened(text: str, draw: Random) -> str:
    """A sentence that says nothing of the matter is added."""
    del draw
    return text + _FILLER[bool(_HAN.search(text))]


@perturbation("names")
def names(text: str, draw: Random) -> str:
    """Names of people and places are replaced by others of their kind."""

    def other(found: re.Match[str]) -> str:
        kind = next(each for each in _NAMES if found.group() in each)
        return draw.choice([name for name in kind if name != found.group()])

    return _NAME.sub(other, text)


@perturbation("homoglyphs")
def homoglyphs(text: str, draw: Random) -> str:
    """One Latin letter of five is replaced by a Cyrillic one that looks the same, as spam does."""
    return "".join(c.translate(_ALIKE) if draw.random() < 0.2 else c for c in text)


@perturbation("full_width")
def full_width(text: str, draw: Random) -> str:
    """In texts with Chinese, letters, digits and punctuation in full width."""
    del draw
    if not _HAN.search(text):
        return text
    return "".join(chr(ord(c) + 0xFEE0) if c in string.printable and "!" <= c <= "~" else c for c in text)


@perturbation("traditional")
def traditional(text: str, draw: Random) -> str:
    """Simplified Chinese is written in traditional characters."""
    del draw
    return _converter("s2t").convert(text) if _HAN.search(text) else text


@perturbation("simplified")
def simplified(text: str, draw: Random) -> str:
    """Traditional Chinese is written in simplified characters."""
    del draw
    return _converter("t2s").convert(text) if _HAN.search(text) else text


@cache
def _converter(kind: str) -> Any:
    from opencc import OpenCC

    return OpenCC(kind)
