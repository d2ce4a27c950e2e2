"""Copies of a bundle: with files of their own beside it, or as one zip file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path

from sft_keras.artifacts.bundle import MANIFEST, read_bundle
from sft_keras.errors import ArtifactError


def copy_bundle(source: Path, target: Path, extra: Mapping[str, str]) -> Path:
    """Copies a bundle, complete from the moment it is seen.

    Args:
        source: The bundle; it is checked first, and only files that its manifest lists are copied.
        target: Where; nothing may be there but an empty folder.
        extra: Further files by name, with their text; the manifest of the copy lists them too.

    Returns:
        `target`.

    Raises:
        ArtifactError: The bundle is damaged, something is at the target already, or the place is not writable.
    """
    folder = read_bundle(source).folder
    temporary = target.with_name(f".{target.name}.part")
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise ArtifactError(
                "Something is there already; nothing is overwritten.", where=str(target), fix="Choose another folder."
            )
        shutil.rmtree(temporary, ignore_errors=True)
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for name in manifest["files"]:
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, temporary / name)
        for name, text in extra.items():
            (temporary / name).write_text(text, encoding="utf-8")
            manifest["files"][name] = hashlib.sha256((temporary / name).read_bytes()).hexdigest()
        (temporary / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2), encoding="utf-8")
        if target.exists():
            target.rmdir()
        temporary.rename(target)
    except OSError as error:
        raise ArtifactError(
            f"The bundle could not be copied: {error.strerror or error}",
            where=str(target),
            fix="Choose a place that is writable and has space.",
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def zip_bundle(source: Path, title: str) -> Path:
    """The bundle as one zip file beside it, made when it is first asked for and whenever the bundle changed.

    Args:
        source: The bundle.
        title: The folder in the zip.

    Returns:
        The zip file, complete from the moment it is seen.

    Raises:
        ArtifactError: The bundle is damaged, or there is no space.
    """
    manifest = source / MANIFEST
    try:
        state = hashlib.sha256(title.encode() + manifest.read_bytes()).hexdigest()[:16]
        target = source.with_name(f"{source.name}-{state}.zip")
        if target.is_file():
            return target
        names = [MANIFEST, *sorted(read_bundle(source).files)]
        temporary = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}.part")
        try:
            with zipfile.ZipFile(temporary, "w") as archive:
                for name in names:
                    # Weights hardly shrink, and take long to try.
                    small = (source / name).stat().st_size < 2**20
                    method = zipfile.ZIP_DEFLATED if small else zipfile.ZIP_STORED
                    archive.write(source / name, f"{title}/{name}", method)
            for old in source.parent.glob(f"{source.name}-*.zip"):
                with contextlib.suppress(OSError):
                    old.unlink()
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ArtifactError(
            f"The bundle could not be packed: {error.strerror or error}",
            fix="There may be too little space on the disk.",
        ) from None
    return target
