"""Where uploads lie until the app has copied them: a folder of its own, with a limit, emptied at each start."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import MutableMapping
from pathlib import Path

from sft_keras.errors import DataError
from sft_keras.settings import MIB, Settings

VARIABLE = "GRADIO_TEMP_DIR"
# What still lies there is used by nobody any more.
OLDEST_SECONDS = 2 * 3600
# What a file counts at least, so that not too many can lie there either.
SMALLEST = 64 * 1024


class Uploads:
    """The folder of the uploads of all visitors.

    Args:
        settings: Say where it lies and how much fits.
        environment: Where Gradio looks for its place; that of the process if left out.
    """

    def __init__(self, settings: Settings, environment: MutableMapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        given = self._environment.get(VARIABLE)
        # Of a folder that others use, too, only a part may be emptied.
        mark = hashlib.sha256(str(settings.data_dir.absolute()).encode()).hexdigest()[:12]
        self.folder = (Path(given) / f"sft-keras-{mark}" if given else settings.data_dir / "uploads").absolute()
        self._most = max(settings.max_uploads_mib * MIB, settings.max_upload_bytes)
        self._began = time.time()

    def take_in(self) -> None:
        """Lets Gradio put uploads here; before the page is built, whose parts note the place."""
        self._environment[VARIABLE] = str(self.folder)

    def forget_earlier(self) -> None:
        """Deletes what an earlier process left; its pages cannot come back to it."""
        self._sweep(self._began)

    def require_room(self, size: int = 0) -> None:
        """Deletes what is too old, then sees whether more fits.

        Args:
            size: Bytes that are still to come.

        Raises:
            DataError: It does not.
        """
        if self._sweep(time.time() - OLDEST_SECONDS) + size > self._most:
            raise DataError(
                "There are too many uploads on this server at the moment.",
                where="SFT_MAX_UPLOADS_MIB",
                fix="Try again in an hour.",
            )

    def _sweep(self, before: float) -> int:
        """Deletes the files from before a moment; returns the bytes of the others."""
        left = 0
        for place, folders, files in os.walk(self.folder, topdown=False):
            for name in files:
                path = Path(place, name)
                with contextlib.suppress(OSError):  # it vanished meanwhile
                    found = path.lstat()
                    if found.st_mtime < before:
                        path.unlink()
                    else:
                        left += max(found.st_size, SMALLEST)
            for name in folders:
                with contextlib.suppress(OSError):  # it is not empty
                    folder = Path(place, name)
                    if folder.lstat().st_mtime < before:
                        folder.rmdir()
        return left
