"""What the web app knows of a run beside its status: `about.json`, in the run's folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from sft_keras.json_files import read_json, write_json

ABOUT, LOCK = "about.json", ".about.lock"
LOCK_SECONDS = 10


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
        corrects: The run with the same settings and rows but without corrections of labels, or "".
        queued: When it was put into the queue, in seconds since 1970.
    """

    name: str = ""
    recipe: str = ""
    dataset: str = ""
    dataset_id: str = ""
    backbone: str = ""
    base: str = ""
    corrects: str = ""
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
    """Replaces some of it; of two that do so at the same time, one waits for the other."""
    with FileLock(folder / LOCK, timeout=LOCK_SECONDS):
        about = replace(read_about(folder), **changes)
        write_about(folder, about)
    return about
