"""Values of variables in a file, whole or not at all: safetensors with a checksum, no pickle."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from sft_keras.errors import ArtifactError

CHECKSUM = "crc32"  # beside the names of the variables in the metadata


def values_of(variables: list[Any]) -> dict[str, np.ndarray]:
    """A copy of the values, by the place of the variable."""
    return {f"{i:05d}": np.array(keras.ops.convert_to_numpy(v), order="C") for i, v in enumerate(variables)}


def write_values(path: Path, variables: list[Any], tensors: dict[str, np.ndarray]) -> int:
    """Writes the values, whole or not at all; returns how many bytes they are."""
    temporary = path.with_name(path.name + ".part")
    names = {f"{i:05d}": v.path for i, v in enumerate(variables)}
    save_file(tensors, str(temporary), metadata={**names, CHECKSUM: _checksum(tensors)})
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    return sum(tensor.nbytes for tensor in tensors.values())


def read_values(path: Path, variables: list[Any], *, assign: bool = True) -> None:
    """Puts the values of a file into the variables, all or none; without `assign` it only looks whether it could.

    Raises:
        ArtifactError: The file is missing or damaged, or belongs to another model.
    """
    try:
        with safe_open(str(path), framework="np") as file:
            known = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except (OSError, SafetensorError) as error:
        raise unreadable(path, error) from None
    if known.get(CHECKSUM, expected := _checksum(tensors)) != expected:
        raise unreadable(path, "its checksum differs")
    shapes = {f"{i:05d}": tuple(v.shape) for i, v in enumerate(variables)}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if shapes != found:
        other = next(name for name in sorted({*shapes, *found}) if shapes.get(name) != found.get(name))
        raise ArtifactError(
            "The checkpoint does not fit the model of this run: the model expects shape "
            f"{shapes.get(other)} of {known.get(other, 'a variable')}. Received: {found.get(other)}",
            where=str(path),
            fix="If config.yaml was changed since the run was made, put back what stood there. "
            "Otherwise resume with the version of sft-keras that started the run, or train anew.",
        )
    if assign:
        for index, variable in enumerate(variables):
            variable.assign(tensors[f"{index:05d}"])


def _checksum(tensors: dict[str, np.ndarray]) -> str:
    """CRC-32 over all values: it finds what a bad disk or a half copy did, which the format itself does not notice."""
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(np.ascontiguousarray(tensors[name]).reshape(-1).view(np.uint8).data, total)
    return f"{total:08x}"


def unreadable(path: Path, error: object) -> ArtifactError:
    """What to tell of a file of a checkpoint that cannot be read."""
    folder = path.parent.parent if path.parent.name.startswith("epoch-") else path.parent
    return ArtifactError(
        f"The checkpoint cannot be read: {error}",
        where=str(path),
        fix=f"Copy it from a backup; or delete the folder {folder} and resume: the training then begins again "
        "with the same rows and ends with the same model.",
    )
