"""What is known of the diagnostics of a run: read from its folder, and shown; nothing is computed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.base import PARTS, ordered_parts
from sft_keras.diagnostics.blocks import Block, Sentence
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.render import render
from sft_keras.json_files import read_json
from sft_keras.runs.directory import RunDirectory

FORMAT_VERSION = 1
FOLDER = "diagnostics"
PROGRESS = "progress.json"
LOCK = "diagnostics.lock"
State = Literal["ready", "skipped", "failed", "waiting", "working"]


@dataclass(frozen=True)
class Found:
    """What is known of a part.

    Attributes:
        part: Its name.
        state: "ready", "skipped" (it does not apply), "failed", "waiting" (not examined yet), "working".
        facts: What it found; empty unless ready.
        reason: Why it was skipped: a key of its catalogue and values; or why it failed: message and fix.
        seconds: How long it took.
        fraction: How much is done while it is at work, 0 to 1.
    """

    part: str
    state: State
    facts: Mapping[str, Any]
    reason: Mapping[str, Any]
    seconds: float = 0.0
    fraction: float = 0.0


def folder_of(run: RunDirectory) -> Path:
    """Where the diagnostics of a run lie."""
    return run.data / FOLDER


def is_under_way(run: RunDirectory) -> bool:
    """Whether a process examines the run at this moment."""
    if not (run.path / LOCK).exists():
        return False
    lock = FileLock(run.path / LOCK)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return (run.path / LOCK).exists()
    lock.release()
    return False


def read_all(run: RunDirectory) -> list[Found]:
    """What is known of each part, in order; damaged files count as not examined."""
    now: dict[str, Any] = {}
    if is_under_way(run):
        now = read_json(folder_of(run) / PROGRESS)
    return [
        Found(name, "working", {}, {}, fraction=float(now.get("fraction", 0.0)))
        if now.get("part") == name
        else _read_found(folder_of(run), name)
        for name, _ in ordered_parts()
    ]


def _read_found(folder: Path, name: str) -> Found:
    kept = read_json(folder / f"{name}.json")
    if kept.get("format_version") != FORMAT_VERSION or kept.get("state") not in ("ready", "skipped", "failed"):
        return Found(name, "waiting", {}, {})
    return Found(name, kept["state"], kept.get("facts") or {}, kept.get("reason") or {}, kept.get("seconds") or 0.0)


def show(found: Found, language: str, *, private: bool = True) -> tuple[str, str, str]:
    """A part for a page.

    Args:
        found: What is known of it.
        language: Whose language.
        private: Whether texts of the data may be shown.

    Returns:
        Its title, what it is good for, and its content as HTML; the content is empty while it waits or works.
    """
    words = catalogue(language)
    title = words(f"{found.part}.title")
    blocks = blocks_of(found, words)
    content = render(blocks, words, title=title, ids=f"{found.part}-{language}-", private=private)
    return title, words(f"{found.part}.what"), content


def blocks_of(found: Found, words: Catalogue) -> list[Block]:
    """What a part shows, in blocks; none while it waits or works."""
    if found.state == "ready":
        try:
            return list(PARTS.get(found.part).present(found.facts, words))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):  # of another version, or damaged
            return [Sentence(words("common.crashed"), "warn")]
    if found.state == "skipped":
        key = str(found.reason.get("key", "common.no_test"))
        key = key if "." in key else f"{found.part}.{key}"
        return [Sentence(words(key, **found.reason.get("values", {})), "how")]
    if found.state == "failed":
        message = " ".join(filter(None, (found.reason.get("message"), found.reason.get("fix"))))
        return [Sentence(words("common.failed", message=message) if message else words("common.crashed"), "warn")]
    return []
