"""Failures that a person can cause, each told in three parts: what is wrong, where, what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

# Control characters, line and paragraph separators, and marks that turn the direction of what follows.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
_MOST_KNOWN = 30


def one_line(text: str) -> str:
    """A text from a file as it may be shown on a terminal: on one line, and without power over the terminal.

    Example:
        >>> one_line("spam\\x1b[31m\\nham")
        'spam [31m ham'
    """
    return _CONTROL.sub(" ", text)


class SftError(Exception):
    """A failure with a message meant for the person who caused it, never for a debugger.

    Args:
        problem: What is wrong, with the value received.
        where: The file, row, column or field it was found in; empty if there is no such place.
        fix: What to do about it; empty if nothing can be done.
    """

    def __init__(self, problem: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.problem]
        if self.where:
            lines.append(f"Where: {self.where}")
        if self.fix:
            lines.append(f"What to do: {self.fix}")
        return "\n".join(map(one_line, lines))

    def to_dict(self) -> dict[str, str]:
        """The three parts and the class name, for programs."""
        return {
            "error": type(self).__name__,
            "problem": self.problem,
            "where": self.where,
            "fix": self.fix,
        }


class DataError(SftError):
    """The labelled examples cannot be read or used."""


class InputValueError(SftError, ValueError):
    """Something that a program passed in has the right type and a value that cannot be used."""


class InputTypeError(SftError, TypeError):
    """Something that a program passed in has a type that cannot be used."""


class ConfigError(SftError):
    """A setting is unknown, out of range, or contradicts another."""


class SettingError(ConfigError):
    """The value of a setting cannot be used; with what a page needs to say so in its own words.

    Args:
        problem: What is wrong, with the value received.
        setting: The path of the setting, with dots: "training.epochs".
        title: What the setting is called.
        meaning: A sentence on what it does.
        kind: What is wrong with the value, as pydantic names it ("greater_than"), or a sentence that says it.
        limits: What the value should be, by pydantic's names: {"gt": 0}.
        received: The value, in bounded length.
        where: See `SftError`.
        fix: See `SftError`.
    """

    def __init__(
        self,
        problem: str,
        *,
        setting: str,
        title: str,
        meaning: str,
        kind: str,
        limits: Mapping[str, object],
        received: str,
        where: str = "",
        fix: str = "",
    ) -> None:
        super().__init__(problem, where=where, fix=fix)
        self.setting = setting
        self.title = title
        self.meaning = meaning
        self.kind = kind
        self.limits = dict(limits)
        self.received = received


class TrainingError(SftError):
    """The training cannot start, go on or be resumed."""


class ArtifactError(SftError):
    """A bundle or run folder is missing, damaged, or from another version."""


class OverloadedError(SftError):
    """More is asked than this machine can answer now; trying again later may work."""


class LinkError(SftError):
    """A public link does not answer, or not this visitor.

    Args:
        problem: What is wrong.
        status: The HTTP status that says so: 401, 403, 404, 410, 413, 422, 429 or 503.
        where: Which part of the request.
        fix: What to do about it.
        retry_after: Seconds until another try may help; 0 if that is not known.
    """

    def __init__(
        self, problem: str, *, status: int = 400, where: str = "", fix: str = "", retry_after: int = 0
    ) -> None:
        super().__init__(problem, where=where, fix=fix)
        self.status = status
        self.retry_after = retry_after


def did_you_mean(received: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, and the known words, the first thirty of them.

    Example:
        >>> did_you_mean("epocks", ["epochs", "seed"])
        'Did you mean "epochs"? Known: epochs, seed.'
    """
    names = sorted(known)
    near = difflib.get_close_matches(received, names, n=1, cutoff=0.6)
    hint = f'Did you mean "{near[0]}"? ' if near else ""
    more = f", and {len(names) - _MOST_KNOWN} more" if len(names) > _MOST_KNOWN else ""
    return f"{hint}Known: {', '.join(names[:_MOST_KNOWN]) or '(none)'}{more}."
