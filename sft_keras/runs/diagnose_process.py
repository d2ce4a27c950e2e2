"""The process that examines a finished run: `python -m sft_keras.runs.diagnose_process RUN`."""

from __future__ import annotations

import contextlib
import signal
import sys
from pathlib import Path

from sft_keras.errors import SftError
from sft_keras.runs.diagnosis import diagnose
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.train_process import DIAGNOSIS_SECONDS, Stop, be_modest, one_at_a_time
from sft_keras.settings import Settings


def main(run: RunDirectory, settings: Settings) -> int:
    """Examines a run; returns the exit code."""
    be_modest()
    stop = Stop(run, DIAGNOSIS_SECONDS)
    signal.signal(signal.SIGTERM, stop.terminate)
    try:
        with one_at_a_time(settings, stop) as may_begin:
            if may_begin:
                diagnose(run, settings, should_stop=stop)
    except (SftError, OSError) as error:
        with contextlib.suppress(OSError):  # a full disk
            run.log(f"Diagnostics: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(RunDirectory(Path(sys.argv[1])), Settings.from_environment()))
