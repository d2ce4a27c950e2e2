"""What went wrong, in the language of the person."""

from __future__ import annotations

from dataclasses import dataclass

from sft_keras.catalogues import Catalogues
from sft_keras.errors import SftError

catalogue = Catalogues("sft_keras.services", "message")


@dataclass(frozen=True)
class Told:
    """The three parts of an error.

    Attributes:
        problem: What is wrong.
        where: Where it was found; may be empty.
        fix: What to do; may be empty.
    """

    problem: str
    where: str
    fix: str


def told(error: SftError, language: str) -> Told:
    """An error in a language; a part that the catalogue does not know stays English.

    Args:
        error: The error, whose parts are English.
        language: "en" or "zh".

    Raises:
        ConfigError: There is no such language.
    """
    words = catalogue(language)
    problem, where, fix = (catalogue.translate(part, words) or part for part in (error.problem, error.where, error.fix))
    return Told(problem, where, fix)
