"""Paths that people write, and what people are told of paths: not where things lie on this machine."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from sft_keras.errors import ConfigError, SftError

# In the place of a folder that has no name for people.
HIDDEN = "…"


def given_path(name: str | Path, where: str) -> Path:
    """The path that a person wrote, with the home folder in the place of ~. There need not be anything.

    Args:
        name: What was written.
        where: The setting or argument it was written for.

    Raises:
        ConfigError: It cannot be looked at: the name is too long, or the folder is somebody else's.
    """
    try:
        path = Path(name).expanduser()
    except RuntimeError:  # there is no such user
        path = Path(name)
    try:
        path.is_file()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f'No file or folder of this name can be looked at: {reason}. Received: "{str(name)[:200]}"',
            where=where,
            fix="Give the path of a file or folder that is there.",
        ) from None
    return path


def reworded(text: str, words: Mapping[str, str]) -> str:
    """A text with other words in the place of some; of places that lie in each other, the inner one counts.

    Example:
        >>> reworded("/data/a/b.csv is empty", {"/data/a": HIDDEN})
        '…/b.csv is empty'
    """
    # All at once, so that a name is not looked through for the next.
    return re.sub("|".join(map(re.escape, sorted(words, key=len, reverse=True))), lambda found: words[found[0]], text)


@contextlib.contextmanager
def told_as(path: Path, name: str, **further: str) -> Iterator[None]:
    """Errors that name the place of a copy name the person's file instead.

    Args:
        path: Where the copy lies.
        name: What the person calls it.
        **further: Other words to replace, such as the name of a setting.
    """
    words = {str(path): name, path.name: name, **further}
    try:
        yield
    except SftError as error:
        error.problem, error.where, error.fix = (reworded(p, words) for p in (error.problem, error.where, error.fix))
        raise
