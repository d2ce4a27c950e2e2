"""Copies of a bundle, with files of their own beside it."""

from __future__ import annotations

import hashlib
import json
import shutil
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
