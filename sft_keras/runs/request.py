"""A run that is still to be prepared: which files it reads, and carrying that out in the training's process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sft_keras.data.corrections import Corrections, corrections_from_json, corrections_to_json
from sft_keras.errors import ArtifactError
from sft_keras.json_files import read_json, write_json
from sft_keras.modeling.backbones.base import known_presets
from sft_keras.places import told_as
from sft_keras.runs.about import change_about
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.prepare import divide, read_data, save_splits
from sft_keras.settings import Settings
from sft_keras.training.progress import ProgressSink

REQUEST, INPUT = "request.json", "input"
CORRECTIONS = "corrections.json"
FILES = ("data", "validation", "test")


def save_request(
    run: RunDirectory, files: Mapping[str, tuple[Path, str]], corrections: Corrections | None = None
) -> None:
    """Takes what a run reads into its folder, so that nothing that becomes of the dataset changes the run.

    Args:
        run: The run; it appears when this is done.
        files: The file and what the person calls it, for "data" and perhaps "validation" and "test".
        corrections: What is laid over the training and the validation part once the rows are divided.
    """
    (run.path / INPUT).mkdir()
    content = {}
    for role, (source, name) in files.items():
        kept = f"{role}{''.join(source.suffixes[-2:])}"
        try:
            os.link(source, run.path / INPUT / kept)  # uploads are never written to again
        except OSError:
            shutil.copyfile(source, run.path / INPUT / kept)
        content[role] = {"file": f"{INPUT}/{kept}", "name": name}
    if corrections:
        write_json(run.path / INPUT / CORRECTIONS, corrections_to_json(corrections))
        content["corrections"] = {"file": f"{INPUT}/{CORRECTIONS}", "name": CORRECTIONS}
    write_json(run.path / REQUEST, content)


def is_requested(run: RunDirectory) -> bool:
    """Whether the rows of the run are still to be read and divided."""
    return not run.is_prepared and (run.path / REQUEST).is_file()


def prepare_requested(run: RunDirectory, settings: Settings, sink: ProgressSink) -> None:
    """Reads and divides the rows of a run in its own folder. A kill on the way leaves it to be done again.

    Args:
        run: The run, which this process works on.
        settings: Gives the limits.
        sink: Hears what was chosen and why.

    Raises:
        SftError: The data or the configuration cannot be used.
    """
    asked = read_json(run.path / REQUEST)
    sources = {}
    for role in FILES:
        entry = asked.get(role)
        if isinstance(entry, dict):
            path, name = run.path / str(entry.get("file")), str(entry.get("name"))
            with told_as(path, name):
                sources[role] = replace(read_data(str(path), settings), source=name)
    if "data" not in sources:
        raise ArtifactError("The run does not say what it reads.", where=REQUEST, fix="Start a new one.")
    corrections = None
    if "corrections" in asked:
        kept = read_json(run.path / INPUT / CORRECTIONS)
        corrections = corrections_from_json(kept, where=CORRECTIONS)
    prepared = divide(
        run.config(),
        settings,
        data=sources["data"],
        validation=sources.get("validation"),
        test=sources.get("test"),
        sink=sink,
        corrections=corrections,
    )
    run.replace_config(prepared.config)
    backbone = prepared.config.model.backbone
    if backbone in known_presets():
        change_about(run.path, backbone=backbone)
    save_splits(run, prepared.splits)
    shutil.rmtree(run.path / INPUT, ignore_errors=True)
