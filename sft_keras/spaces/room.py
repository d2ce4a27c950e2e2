"""What all owners of a machine share: its disk. The limits of an owner mean little where anybody can be a new one."""

from __future__ import annotations

import shutil

from sft_keras.errors import DataError
from sft_keras.settings import MIB, Settings


def require_free_disk(settings: Settings, size: int = 0, *, where: str = "SFT_MIN_FREE_MIB") -> None:
    """Sees to it that enough of the disk stays free for what is under way.

    Args:
        settings: Say where the data lie and how much stays free.
        size: Bytes that are to be added.
        where: What they belong to, for the message.

    Raises:
        DataError: There would be too little.
    """
    place = settings.data_dir.absolute()
    while not place.exists():
        place = place.parent
    if shutil.disk_usage(place).free - size < settings.min_free_mib * MIB:
        raise DataError(
            "The disk of this server is nearly full.",
            where=where,
            fix="Delete datasets or runs that you no longer need, or tell whoever runs this app.",
        )
