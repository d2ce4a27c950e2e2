"""What the app says, by language: one YAML file a tab in `locale/<language>/`, with the same keys in each language.

A key is the name of the file, a dot, and the key in it: `data.title`. Labels that never change go to the browser with
`label`, which translates them there; whatever a handler makes is written with the catalogue that `of` returns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import gradio as gr
import yaml
from gradio.i18n import I18nData

_FOLDER = resources.files("sft_keras.ui") / "locale"
LANGUAGES = ("en", "zh")
# Gradio keeps its own labels in the same dictionary.
_PREFIX = "sft_"


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

    def named(self, group: str, name: str, default: str | None = None) -> str:
        """What a name is called, such as that of a metric; the default, or the name itself, where it is not known."""
        return self.sentences.get(f"{group}.{name}", name if default is None else default)


@cache
def catalogue(language: str) -> Catalogue:
    """The sentences of a language; those of English where there is no such language."""
    language = language if language in LANGUAGES else LANGUAGES[0]
    sentences: dict[str, str] = {}
    for file in sorted((_FOLDER / language).iterdir(), key=lambda each: each.name):
        if file.name.endswith(".yaml"):
            group = file.name.removesuffix(".yaml")
            content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
            sentences |= {f"{group}.{key}": str(sentence) for key, sentence in content.items()}
    return Catalogue(language, sentences)


def preferred(accept_language: str) -> str:
    """The language that a browser asks for, out of those that there are.

    Args:
        accept_language: The header `Accept-Language`, which may hold anything.

    Example:
        >>> preferred("fr-FR, zh-TW;q=0.8, en;q=0.5")
        'zh'
    """
    wanted: list[tuple[float, str]] = []
    for part in accept_language[:1000].split(","):
        tag, _, quality = part.strip().partition(";")
        match = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", quality)
        wanted.append((-float(match[1]) if match else -1.0, tag.strip().lower().split("-")[0]))
    return next((tag for quality, tag in sorted(wanted, key=lambda w: w[0]) if tag in LANGUAGES and quality), "en")


class Texts:
    """The catalogues as a page uses them.

    Args:
        generated: Further labels by key, which are made from a catalogue.
    """

    def __init__(self, generated: Callable[[Catalogue], dict[str, str]] = lambda _: {}) -> None:
        self._labels = {
            language: {**catalogue(language).sentences, **generated(catalogue(language))} for language in LANGUAGES
        }
        self.i18n = gr.I18n(
            **{
                language: {_name(key): text for key, text in labels.items()}
                for language, labels in self._labels.items()
            }
        )

    def label(self, key: str) -> I18nData:
        """A label that the browser translates; without places for values.

        Raises:
            KeyError: There is no such sentence, or it has places.
        """
        if "{" in self._labels["en"][key]:
            raise KeyError(f"{key} has places for values: write it with the catalogue of the request")
        return self.i18n(_name(key))

    def of(self, request: gr.Request | None) -> Catalogue:
        """The catalogue in the language of whoever asks."""
        headers = getattr(request, "headers", None) or {}
        return catalogue(preferred(headers.get("accept-language") or ""))


def _name(key: str) -> str:
    return _PREFIX + re.sub(r"\W", "_", key)
