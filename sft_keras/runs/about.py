"""What the web app knows of a run beside its status: `about.json`, in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

ABOUT = "about.json"


@dataclass(frozen=True)
class About:
    """The content of `about.json`.

    Attributes:
        name: What its owner calls the run.
        recipe: Name of the recipe that the settings come from, or "".
        dataset: Name of the data.
        dataset_id: Id of the dataset, which may be deleted since.
        backbone: Name of the backbone as it is shown.
        base: The run whose model this one goes on from, or "".
        queued: When it was put into the queue, in seconds since 1970.
    """

    name: str = ""
    recipe: str = ""
    dataset: str = ""
    dataset_id: str = ""
    backbone: str = ""
    base: str = ""
    queued: float = 0.0


def read_about(folder: Path) -> About:
    """What is known of the run in a folder; what is missing or damaged is empty."""
    found = read_json(folder / ABOUT)
    kinds: dict[str, Any] = asdict(About())
    known = {
        name: found[name]
        for name, empty in kinds.items()
        if isinstance(found.get(name), (int, float) if isinstance(empty, float) else type(empty))
    }
    return About(**known)


def write_about(folder: Path, about: About) -> None:
    """Replaces it in one step."""
    write_json(folder / ABOUT, asdict(about))


def change_about(folder: Path, **changes: Any) -> About:
    """Replaces some of it."""
    about = replace(read_about(folder), **changes)
    write_about(folder, about)
    return about


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replaces a small file in one step."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """The object in a small file; empty where there is none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
