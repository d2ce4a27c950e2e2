"""The sentences of the report by language."""

from __future__ import annotations

from sft_keras.catalogues import Catalogue, Catalogues

__all__ = ["LANGUAGES", "Catalogue", "catalogue", "default_language", "translate_note"]

catalogue = Catalogues("sft_keras.evaluation", "report")
LANGUAGES = catalogue.languages
default_language = catalogue.default_language
translate_note = catalogue.translate
