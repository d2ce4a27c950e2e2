"""The Python way in: `fine_tune` and `load`, thin over `services`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sft_keras.config import RunConfig
from sft_keras.services import Services

if TYPE_CHECKING:
    from sft_keras.inference.predictor import Predictor
    from sft_keras.runs.worker import RunResult
    from sft_keras.training.progress import ProgressSink


def fine_tune(
    data: str | os.PathLike[str],
    *,
    out: str | os.PathLike[str] | None = None,
    config: RunConfig | Mapping[str, Any] | None = None,
    validation: str | os.PathLike[str] | None = None,
    test: str | os.PathLike[str] | None = None,
    sink: ProgressSink | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> RunResult:
    """Fine-tunes a model on a labelled file and scores it on rows that it has never seen.

    Args:
        data: A path, or `sample:NAME`.
        out: The run folder, which must not exist; a new one under the data directory if left out.
        config: Settings, as a `RunConfig` or a nested mapping; what is left out has its default.
        validation: A file with validation rows; cut from `data` if left out.
        test: A file with test rows; cut from `data` if left out.
        sink: Hears of the progress.
        should_stop: Asked after each step; True keeps the best model so far and stops.

    Returns:
        The run folder and the report.

    Raises:
        SftError: The data, a setting or the folder cannot be used; the message says what to do.
    """
    services = Services()
    resolved = config if isinstance(config, RunConfig) else RunConfig.parse(config or {})
    run = services.prepare(
        os.fspath(data),
        resolved,
        out=Path(out) if out is not None else None,
        validation=os.fspath(validation) if validation is not None else None,
        test=os.fspath(test) if test is not None else None,
        sink=sink,
    )
    return services.start(run, sink, should_stop, discard=True)


def load(bundle: str | os.PathLike[str]) -> Predictor:
    """A bundle's model, ready to predict.

    Args:
        bundle: The bundle, or the folder of its run.

    Raises:
        ArtifactError: It is missing, damaged, or from a newer version.
    """
    return Services().load(Path(bundle))
