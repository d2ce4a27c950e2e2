"""What a person keeps: a folder with the model and all that is needed to use it, checked by SHA-256.

A bundle loads in a fresh process without the run, the data or a network. Loading never unpickles and never
runs code from the bundle.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sft_keras.config import RunConfig
from sft_keras.data.labels import Labels
from sft_keras.errors import ArtifactError, DataError, SftError
from sft_keras.places import given_path

FORMAT_VERSION = 1
MODEL, TOKENIZER, LABELS, CONFIG = "model.keras", "tokenizer.json", "labels.json", "config.yaml"
REPORT, CARD, MANIFEST, PRESET = "report.json", "README.md", "manifest.json", "preset"
GRAPH, EIGHT_BIT = "model.onnx", "model.int8.onnx"
REQUIRED = (MODEL, TOKENIZER, LABELS, CONFIG)
# What is read as a whole must fit into memory many times over, also with thousands of labels.
MOST_BYTES = {CONFIG: 2**20, LABELS: 64 * 2**20, REPORT: 256 * 2**20, MANIFEST: 16 * 2**20}


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files were checked.

    Attributes:
        folder: Where it lies.
        labels: Its labels.
        config: The configuration it was trained with.
        report: Its report, or None if the training was stopped before the test part was scored.
        information: What the manifest says beside the checksums: versions, backbone, data fingerprint.
        files: The files that the manifest lists.
    """

    folder: Path
    labels: Labels
    config: RunConfig
    report: dict[str, Any] | None
    information: dict[str, Any]
    files: frozenset[str] = frozenset()

    @property
    def temperature(self) -> float:
        """What logits are divided by before they become probabilities; 1 in bundles of older versions."""
        return float(self.information.get("temperature", 1.0))

    @property
    def has_graph(self) -> bool:
        """Whether the model is there as a graph that needs no Keras."""
        return GRAPH in self.files

    @property
    def has_eight_bit(self) -> bool:
        """Whether there is a copy of that graph in 8-bit integers."""
        return EIGHT_BIT in self.files


def write_bundle(
    folder: Path,
    *,
    save_model: Callable[[Path], None],
    save_tokenizer: Callable[[Path], None],
    save_preset: Callable[[Path], None] | None,
    labels: Labels,
    config: RunConfig,
    report: Callable[[dict[str, Any]], dict[str, Any] | None],
    card: Callable[[dict[str, Any]], str],
    information: dict[str, Any],
    weight_bytes: int = 0,
    export: Callable[[Path], dict[str, Any]] | None = None,
) -> None:
    """Writes a bundle beside its place and renames it into place, so that it is never half there.

    Args:
        folder: Its place; a bundle that is there is replaced.
        save_model: Writes `model.keras` to the path it is given.
        save_tokenizer: Writes `tokenizer.json`.
        save_preset: Writes the KerasHub preset into a folder; None for a backbone that has none.
        labels: The labels.
        config: The resolved configuration.
        report: Gives the report, if the test part was scored, from what is said of the other forms of the model.
        card: Makes the model card, Markdown, of the same.
        information: Versions, backbone and data fingerprint for the manifest.
        weight_bytes: How much the model's weights take, to see in time whether there is room.
        export: Writes other forms of the model into a folder, and returns what it says of them in the manifest.

    Raises:
        ArtifactError: The disk is full or not writable; what was there stays.
    """
    temporary = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        # Where memory is short, Keras writes the weights twice: beside `model.keras`, and into it.
        _require_space(temporary, 2 * weight_bytes)
        save_model(temporary / MODEL)
        save_tokenizer(temporary / TOKENIZER)
        if save_preset:
            _require_space(temporary, 2 * (temporary / MODEL).stat().st_size)
            save_preset(temporary / PRESET)
        exports = export(temporary) if export else {}
        (temporary / LABELS).write_text(labels.to_json(), encoding="utf-8")
        (temporary / CONFIG).write_text(config.to_yaml(), encoding="utf-8")
        (temporary / CARD).write_text(card(exports), encoding="utf-8")
        scored = report(exports)
        if scored is not None:
            (temporary / REPORT).write_text(json.dumps(scored, ensure_ascii=False, indent=2), encoding="utf-8")
        files = sorted(path for path in temporary.rglob("*") if path.is_file())
        manifest = {
            "format_version": FORMAT_VERSION,
            **information,
            **({"exports": exports} if export else {}),
            "files": {path.relative_to(temporary).as_posix(): file_sha256(path) for path in files},
        }
        (temporary / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2), encoding="utf-8")
        _replace(temporary, folder)
    except Exception as error:
        refused = disk_error(error)
        if refused is None:
            raise
        raise ArtifactError(
            f"The bundle could not be written: {refused.strerror or refused}",
            where=str(folder),
            fix="Free some space and resume the run; its checkpoints are still there.",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def disk_error(error: BaseException) -> OSError | None:
    """The operating system's error, also where a library written in Rust hides it in the text of its own."""
    if isinstance(error, OSError):
        return error
    hidden = None if isinstance(error, SftError) else re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(hidden[1]), os.strerror(int(hidden[1]))) if hidden else None


def read_bundle(folder: Path) -> Bundle:
    """Checks a bundle and reads all of it but the model.

    Raises:
        ArtifactError: It is missing, from a newer version, or a file of it is missing or changed.
    """
    folder = given_path(folder, "bundle")
    if not folder.is_dir():
        raise ArtifactError(
            "There is no bundle here.", where=str(folder), fix="Give the folder `bundle` of a run, or its copy."
        )
    if not (folder / MANIFEST).is_file() and (folder / "bundle" / MANIFEST).is_file():
        folder = folder / "bundle"  # a run folder was given
    manifest = _read_manifest(folder / MANIFEST)
    version = manifest["format_version"]
    if version > FORMAT_VERSION:
        raise ArtifactError(
            f"The bundle has format version {version}; this version of sft-keras reads up to {FORMAT_VERSION}.",
            where=str(folder),
            fix="Upgrade sft-keras: pip install --upgrade sft-keras",
        )
    for name, expected in manifest["files"].items():
        _check_file(folder, str(name), str(expected))
    for name, most in MOST_BYTES.items():
        if name in manifest["files"] and (folder / name).stat().st_size > most:
            raise damaged(folder / name, f"is larger than {most:,} bytes")
    for name in REQUIRED:
        if name not in manifest["files"]:
            raise damaged(folder / name, "is not listed in manifest.json")
    try:
        labels = Labels.from_json((folder / LABELS).read_text(encoding="utf-8"))
        report = json.loads((folder / REPORT).read_text(encoding="utf-8")) if REPORT in manifest["files"] else None
    except (ValueError, RecursionError, DataError) as error:
        raise damaged(folder / LABELS, f"cannot be read: {error}") from None
    _require_no_aliases(folder / CONFIG)
    information = {key: value for key, value in manifest.items() if key != "files"}
    if not _is_temperature(information.get("temperature", 1.0)):
        raise damaged(folder / MANIFEST, "holds no usable temperature")
    return Bundle(
        folder, labels, RunConfig.from_yaml(folder / CONFIG), report, information, frozenset(manifest["files"])
    )


def _is_temperature(value: object) -> bool:
    """Whether logits can be divided by it without all answers becoming alike or none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.01 <= value <= 100


def _require_no_aliases(path: Path) -> None:
    """A few aliases of aliases make a short YAML text unfold into gigabytes; our own files have none."""
    try:
        aliased = any(isinstance(token, yaml.AliasToken) for token in yaml.scan(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValueError):
        return  # told better by who reads it
    if aliased:
        raise damaged(path, "has aliases")


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        known = path.stat()
        if not stat.S_ISREG(known.st_mode) or known.st_size > MOST_BYTES[MANIFEST]:
            raise ValueError("no file of ours")  # a pipe would never end
        manifest = json.loads(path.read_text(encoding="utf-8"))
        complete = isinstance(manifest["format_version"], int) and isinstance(manifest["files"], dict)
    except FileNotFoundError:
        raise ArtifactError(
            "The folder is no bundle: it has no manifest.json.",
            where=str(path.parent),
            fix="Give the folder `bundle` of a finished run.",
        ) from None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        complete = False
    if not complete:
        raise damaged(path, "cannot be read")
    return dict(manifest)


def _check_file(folder: Path, name: str, expected: str) -> None:
    path = folder / name
    try:
        # A name from a manifest must not lead out of the bundle, by dots or by a link.
        if not path.resolve().is_relative_to(folder.resolve()):
            raise damaged(folder / MANIFEST, f'lists "{name}", which lies outside the bundle')
        if not path.is_file():
            raise damaged(path, "is missing")
        if file_sha256(path) != expected:
            raise damaged(path, "was changed (its SHA-256 differs from manifest.json)")
    except (OSError, ValueError, RuntimeError) as error:  # no permission, an impossible name, a ring of links
        raise damaged(path, f"cannot be read: {error}") from None


def damaged(path: Path, what: str) -> ArtifactError:
    """What is told of a file of a bundle that is not as it was written."""
    return ArtifactError(
        f"The bundle is damaged: {path.name} {what}.",
        where=str(path),
        fix="Copy the bundle again from where it was made, or train anew.",
    )


def _require_space(folder: Path, size: int) -> None:
    """Refuses in time: the HDF5 library, which writes the preset, crashes the process when the disk is full."""
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _replace(source: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.is_symlink():  # the folder that it leads to is of somebody else's making
        target.unlink()
    if target.exists():
        os.replace(target, old)  # noqa: PTH105 - of folders
    try:
        os.replace(source, target)  # noqa: PTH105
    except OSError:
        if old.exists():
            os.replace(old, target)  # noqa: PTH105
        raise
    shutil.rmtree(old, ignore_errors=True)
