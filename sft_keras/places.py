"""Keeps where things lie on this machine out of what people are told: the only place that does."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from sft_keras.errors import SftError

# In the place of a folder that has no name for people.
HIDDEN = "…"


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
