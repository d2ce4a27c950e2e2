"""The model card as visitors of a link may read it."""

from __future__ import annotations

import re
from collections.abc import Container

_BACKBONE = re.compile(r"- Backbone: `([^`]+)`")
# What names a place on a machine, or lets others recognise the data.
_PRIVATE = re.compile(
    r"""(?:^|[\s`"'(=])(?:/|~/|\.{1,2}/|[A-Za-z]:[\\/]|\\\\)|fingerprint|config\.yaml""", re.IGNORECASE
)
DROPPED_SECTIONS = ("How to use it",)


def public_card(card: str, known: Container[str]) -> str:
    """A model card without what is private: places on the machine, fingerprints, how to use the files.

    Args:
        card: The bundle's `README.md`.
        known: Names of backbones that anybody may know; another one is left out.
    """
    sections = re.split(r"^(?=## )", card, flags=re.MULTILINE)
    kept = [s for s in sections if not s.startswith(tuple(f"## {name}" for name in DROPPED_SECTIONS))]
    lines = []
    for line in "".join(kept).splitlines():
        backbone = _BACKBONE.match(line)
        if backbone and backbone[1] not in known:
            continue
        if line.startswith("|") or not _PRIVATE.search(line):
            lines.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
