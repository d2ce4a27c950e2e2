"""The corrections of labels that a person decided on, kept with the dataset: `corrections.json` in its folder."""

from __future__ import annotations

from collections.abc import Callable

from sft_keras.data.corrections import Correction, corrections_from_json, corrections_to_json
from sft_keras.json_files import read_json
from sft_keras.spaces.datasets import DatasetFolder
from sft_keras.spaces.files import save_json

FILE = "corrections.json"


def read_corrections(folder: DatasetFolder) -> dict[str, Correction]:
    """What was decided, by `correction_key`; also where a label proved right.

    Raises:
        DataError: The file is damaged.
    """
    path = folder.path / FILE
    return corrections_from_json(read_json(path), where=FILE) if path.exists() else {}


def change_corrections(folder: DatasetFolder, change: Callable[[dict[str, Correction]], None]) -> dict[str, Correction]:
    """Changes what was decided, one change after the other, and replaces the file in one step.

    Raises:
        SftError: There is no such dataset, the file is damaged, or the disk is full.
    """
    with folder.locked():
        corrections = read_corrections(folder)
        change(corrections)
        save_json(folder.path / FILE, corrections_to_json(corrections))
    return corrections
