"""The process that starts one training after the other: `python -m sft_keras.runs.consumer`.

It is light (no TensorFlow) and ends by itself when there was nothing to do for a while: the web process starts it
again when something waits, so that nothing is left behind where the app is not used any more.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from filelock import Timeout
from huey.consumer import Consumer

from sft_keras.runs.queue import IDLE_SECONDS, consumer_lock, is_training, open_huey, put_back, waiting
from sft_keras.settings import Settings

# Longer than a look at whether the lock is held.
LOCK_SECONDS = 2.0


def main(settings: Settings, idle_seconds: float = IDLE_SECONDS) -> None:
    """Works until nothing was to do for a while; ends at once if another consumer lives."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    stopped = False
    while not stopped:
        lock = consumer_lock(settings)
        try:
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            return
        try:
            put_back(settings)
            stopped = _consume(settings, idle_seconds)
        finally:
            lock.release()
        # What was put into the queue in the last moment saw the lock held, and started no other consumer.
        stopped = stopped or not waiting(settings)


def _consume(settings: Settings, idle_seconds: float) -> bool:
    """Carries out what waits; returns True if it was told to end, False if nothing was to do or the queue was lost."""
    huey, _ = open_huey(settings)
    consumer = Consumer(
        huey, workers=settings.max_trainings, periodic=False, initial_delay=0.1, max_delay=1.0, scheduler_interval=60
    )
    watch = threading.Thread(target=_end_when_idle, args=(consumer, settings.queue_file, idle_seconds), daemon=True)
    watch.start()
    consumer.run()
    huey.storage.close()
    return consumer._signum is not None


def _end_when_idle(consumer: Consumer, file: Path, idle_seconds: float) -> None:
    """Stops the consumer when it is not needed, or when its file was deleted and another one stands in its place."""
    opened = _identity(file)
    last = time.monotonic()
    while not consumer.stop_flag.wait(1.0):
        if is_training():
            last = time.monotonic()
        if _identity(file) != opened or time.monotonic() - last > idle_seconds:
            consumer.stop()


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


if __name__ == "__main__":
    main(Settings.from_environment())
