"""Whether what is kept on this machine is still there after a restart."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path


def data_lasts(
    data_dir: Path,
    environment: Mapping[str, str] | None = None,
    is_mount: Callable[[Path], bool] = Path.is_mount,
) -> bool:
    """False on a Hugging Face Space whose data directory is part of the container, which each restart makes anew.

    Args:
        data_dir: The data directory.
        environment: The environment variables; those of the process if left out.
        is_mount: Tells whether a folder is a disk of its own.
    """
    env = os.environ if environment is None else environment
    if not env.get("SPACE_ID"):
        return True
    place = data_dir.absolute()
    return any(is_mount(folder) for folder in (place, *place.parents) if folder != folder.parent)
