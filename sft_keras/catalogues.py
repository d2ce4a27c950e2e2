"""Sentences by language, in the folder `locale/` of a package, with the same keys in each.

A language is one YAML file, or a folder of them; then the name of the file and a dot go before its keys.
"""

from __future__ import annotations

import locale
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources

import yaml

from sft_keras.errors import ConfigError, did_you_mean

_WINDOWS_NAMES = {"chinese": "zh", "english": "en"}
_PLACE = re.compile(r"\{(\w+)\}")
NOTES = "note."
# Places for what people wrote, which may happen to be a word of ours: a column or a label called "test".
_AS_WRITTEN = {"column", "file", "known", "labels", "name", "named", "names", "near", "sheet", "sheets", "text"}


@dataclass(frozen=True)
class Catalogue:
    """The sentences of one language.

    Args:
        language: One of the languages of its `Catalogues`.
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


class Catalogues:
    """The sentences of a package in all its languages.

    Args:
        package: The package with the folder `locale/`.
        what: What the sentences are for, for messages.
    """

    def __init__(self, package: str, what: str) -> None:
        self._folder = resources.files(package) / "locale"
        self._what = what
        self._read: dict[str, Catalogue] = {}
        names = (file.name.removesuffix(".yaml") for file in self._folder.iterdir())
        self.languages = tuple(sorted(name for name in names if name.isalpha()))

    def __call__(self, language: str) -> Catalogue:
        """The sentences of a language.

        Raises:
            ConfigError: There is no such language.
        """
        if language not in self.languages:
            raise ConfigError(
                f'There is no {self._what} in the language "{language}".',
                where="language",
                fix=did_you_mean(language, self.languages),
            )
        if language not in self._read:
            self._read[language] = Catalogue(language, self._sentences(language))
        return self._read[language]

    def _sentences(self, language: str) -> dict[str, str]:
        folder = self._folder / language
        if not folder.is_dir():
            return dict(yaml.safe_load((self._folder / f"{language}.yaml").read_text(encoding="utf-8")))
        return {
            f"{file.name.removesuffix('.yaml')}.{key}": str(sentence)
            for file in sorted(folder.iterdir(), key=lambda each: each.name)
            if file.name.endswith(".yaml")
            for key, sentence in yaml.safe_load(file.read_text(encoding="utf-8")).items()
        }

    def translate(self, note: str, words: Catalogue) -> str | None:
        """A note in another language; None if the catalogue does not know the note.

        Notes are written in English where the data are read. The English catalogue holds their patterns under
        `note.`, and the values at the places are carried over.

        Args:
            note: The English note.
            words: The sentences of the language that is wanted.
        """
        if words.language == "en":
            return note
        for key, pattern in self.note_patterns:
            found = pattern.fullmatch(note)
            if found:
                values = found.groupdict()
                own = {name: words.named("word", value) for name, value in values.items() if name not in _AS_WRITTEN}
                return words(key, **{**values, **own})
        return None

    @cached_property
    def note_patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        """The keys of the notes, and what their English sentences look like; those with the most fixed text first."""
        notes = [(key, sentence) for key, sentence in self("en").sentences.items() if key.startswith(NOTES)]
        notes.sort(key=lambda note: -len(_PLACE.sub("", note[1])))
        return [(key, _pattern(sentence)) for key, sentence in notes]

    def default_language(self) -> str:
        """The language of this machine, if there are sentences in it; otherwise English.

        The variables that gettext reads come first: they tell what a person wants even where the locale is not
        installed.
        """
        variables = map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))
        wanted = next(filter(None, variables), None) or locale.getlocale()[0]
        name = re.split("[_. ]", wanted or "")[0].lower()  # of "zh_CN.UTF-8" or "Chinese (Simplified)_China"
        code = _WINDOWS_NAMES.get(name, name)
        return code if code in self.languages else "en"


def _pattern(sentence: str) -> re.Pattern[str]:
    """What a sentence looks like with values at its places.

    A value ends where the text behind its place stands first, and the search never goes back behind that: a note holds
    what people wrote, and one that repeats pieces of a sentence would be tried in all combinations otherwise.
    """
    first, *more = _PLACE.split(sentence)
    places = [f"(?P<{name}>.+?){_escaped(text)}" for name, text in zip(more[::2], more[1::2], strict=True)]
    closed = [f"(?>{place})" for place in places[:-1]]
    return re.compile("".join([_escaped(first), *closed, *places[-1:]]), re.DOTALL)


def _escaped(sentence: str) -> str:
    return re.sub(r"[.()?*+\[\]|^$\\]", lambda found: f"\\{found[0]}", sentence)
