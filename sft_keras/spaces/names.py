"""Names that people's files have: a label to show, never a place to write to."""

from __future__ import annotations

import re

from sft_keras.errors import one_line

LONGEST = 120
ENDINGS = frozenset(
    {"csv", "tsv", "tab", "txt", "json", "jsonl", "ndjson", "parquet", "xlsx", "xlsm", "xlsb", "xls", "ods", "zip"}
)


def shown_name(name: str, default: str = "data") -> str:
    """The last part of a file's name as it may be shown: on one line, not too long.

    Example:
        >>> shown_name("C:\\\\data\\\\../reviews\\n.csv")
        'reviews .csv'
    """
    # A lone surrogate is no character and cannot be written as UTF-8.
    valid = name.encode("utf-8", "replace").decode("utf-8")
    last = " ".join(one_line(re.split(r"[/\\]", valid)[-1]).split())
    if len(last) > LONGEST:
        stem, ending = last[: -len(kept_ending(last)) or None], kept_ending(last)
        last = stem[: LONGEST - len(ending) - 1] + "…" + ending
    return last if last.strip(". ") else default


def kept_ending(name: str) -> str:
    """The ending under which a copy is kept: one that a reader knows, with its dot, or nothing.

    Example:
        >>> kept_ending("Reviews.CSV.gz"), kept_ending("model.py")
        ('.csv.gz', '')
    """
    parts = name.lower().split(".")
    packed = ".gz" if parts[-1] == "gz" and len(parts) > 1 else ""
    inner = parts[-2 if packed else -1] if len(parts) > (2 if packed else 1) else ""
    return (f".{inner}" if inner in ENDINGS else "") + packed
