"""The sentences of the report by language: one YAML file each in `locale/`, with the same keys."""

from __future__ import annotations

import locale
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

import yaml

from sft_keras.errors import ConfigError, did_you_mean

_FOLDER = resources.files("sft_keras.evaluation") / "locale"
LANGUAGES = tuple(sorted(file.name.removesuffix(".yaml") for file in _FOLDER.iterdir() if file.name.endswith(".yaml")))
_WINDOWS_NAMES = {"chinese": "zh", "english": "en"}
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Catalogue:
    """The sentences of one language.

    Args:
        language: One of `LANGUAGES`.
        sentences: From key to sentence, with `{places}` for values.
    """

    language: str
    sentences: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """A sentence with its values filled in.

        Raises:
            KeyError: There is no such sentence, or a value is missing.
        """
        return self.sentences[key].format(**values)

    def named(self, group: str, name: str) -> str:
        """What a name is called, such as that of a metric; the name itself where the catalogue does not know it."""
        return self.sentences.get(f"{group}.{name}", name)


@cache
def catalogue(language: str) -> Catalogue:
    """The sentences of a language.

    Raises:
        ConfigError: There is no such language.
    """
    if language not in LANGUAGES:
        raise ConfigError(
            f'There is no report in the language "{language}".', where="language", fix=did_you_mean(language, LANGUAGES)
        )
    text = (_FOLDER / f"{language}.yaml").read_text(encoding="utf-8")
    return Catalogue(language, yaml.safe_load(text))


def default_language() -> str:
    """The language of this machine, if there are sentences in it; otherwise English.

    The variables that gettext reads come first: they tell what a person wants even where the locale is not installed.
    """
    wanted = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), None) or locale.getlocale()[0]
    name = re.split("[_. ]", wanted or "")[0].lower()  # of "zh_CN.UTF-8" or "Chinese (Simplified)_China"
    code = _WINDOWS_NAMES.get(name, name)
    return code if code in LANGUAGES else "en"


def translate_note(note: str, words: Catalogue) -> str | None:
    """A note of a report in another language; None if the catalogue does not know the note.

    Notes are written in English where the data are read, and kept so in `report.json`. The English catalogue holds
    their patterns, and the values at the places are carried over.

    Args:
        note: The English note.
        words: The sentences of the language that is wanted.
    """
    if words.language == "en":
        return note
    for key, pattern in _note_patterns():
        found = pattern.fullmatch(note)
        if found:
            return words(key, **{name: words.named("word", value) for name, value in found.groupdict().items()})
    return None


@lru_cache(maxsize=1)
def _note_patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [
        (key, re.compile(_PLACE.sub(r"(?P<\1>.+?)", _escaped(sentence)), re.DOTALL))
        for key, sentence in catalogue("en").sentences.items()
        if key.startswith("note.")
    ]


def _escaped(sentence: str) -> str:
    return re.sub(r"[.()?*+\[\]|^$\\]", lambda found: f"\\{found[0]}", sentence)
