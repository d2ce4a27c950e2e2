"""The Python way in: `fine_tune` and `load`, thin over `services`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sft_keras.config import RunConfig
from sft_keras.errors import InputTypeError, InputValueError
from sft_keras.services import Services
from sft_keras.training.progress import Silent

if TYPE_CHECKING:
    import pandas as pd

    from sft_keras.inference.predictor import Predictor
    from sft_keras.runs.prepare import Source
    from sft_keras.runs.worker import RunResult
    from sft_keras.training.progress import ProgressSink


def fine_tune(
    data: str | os.PathLike[str] | pd.DataFrame | None = None,
    *,
    texts: Sequence[str] | None = None,
    labels: Sequence[Any] | None = None,
    sample_weight: Sequence[float] | None = None,
    out: str | os.PathLike[str] | None = None,
    config: RunConfig | Mapping[str, Any] | str | os.PathLike[str] | None = None,
    validation: str | os.PathLike[str] | pd.DataFrame | None = None,
    test: str | os.PathLike[str] | pd.DataFrame | None = None,
    corrections: str | os.PathLike[str] | None = None,
    sink: ProgressSink | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> RunResult:
    """Fine-tunes a model on labelled rows and scores it on rows that it has never seen.

    Args:
        data: A path, `sample:NAME`, or a data frame with a column of texts and one of labels.
        texts: The texts, instead of `data`: a list, a one-dimensional array or a pandas Series.
        labels: Their labels; the `str` of a value is its label.
        sample_weight: Their weights, numbers from 0 up; all the same if left out.
        out: The run folder, which must not exist; a new one under the data directory if left out.
        config: Settings, as a `RunConfig`, a nested mapping, the name of a recipe, or a YAML file; what is left out has
            its default.
        validation: A file or data frame with validation rows; cut from the data if left out.
        test: A file or data frame with test rows; cut from the data if left out.
        corrections: A file with corrections of labels, in the columns `text`, `label`, `new_label` (empty: the row is
            dropped). They change training and validation rows only, never the test part.
        sink: Hears of the progress.
        should_stop: Asked after each step; True keeps the best model so far and stops.

    Returns:
        The run folder and the report.

    Raises:
        SftError: The data, a setting or the folder cannot be used; the message says what to do.

    Example:
        >>> fine_tune(texts=["Great!", "Awful.", …], labels=[1, 0, …]).report["verdict"]  # doctest: +SKIP
    """
    services = Services()
    run = services.prepare(
        _rows(data, texts, labels, sample_weight, services, sink),
        _settings(config, services),
        out=Path(out) if out is not None else None,
        validation=_source(validation) if validation is not None else None,
        test=_source(test) if test is not None else None,
        corrections=Path(corrections) if corrections is not None else None,
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


def _settings(config: Any, services: Services) -> RunConfig:
    if isinstance(config, RunConfig):
        return config
    if config is None or isinstance(config, Mapping):
        return RunConfig.parse(config or {})
    if isinstance(config, str) and config in {recipe.name for recipe in services.recipes()}:
        return RunConfig.parse(services.recipe(config), source=config)
    if isinstance(config, str | os.PathLike):
        return RunConfig.from_yaml(Path(config))
    raise InputTypeError(
        f"A RunConfig, a mapping, the name of a recipe or a YAML file is expected. Received: {type(config).__name__}",
        where="config",
        fix='For example: config={"training": {"epochs": 5}}, or config="quick"',
    )


def _rows(data: Any, texts: Any, labels: Any, weights: Any, services: Services, sink: ProgressSink | None) -> Source:
    if data is not None and texts is None and labels is None and weights is None:
        return _source(data)
    if data is not None or texts is None or labels is None:
        given = {"data": data, "texts": texts, "labels": labels, "sample_weight": weights}
        named = ", ".join(name for name, value in given.items() if value is not None)
        raise InputTypeError(
            f"Either data, or texts with labels, are needed. Received: {named or 'nothing'}",
            where="fine_tune",
            fix='For example: fine_tune("reviews.csv"), or fine_tune(texts=texts, labels=labels)',
        )
    from sft_keras.data.memory import examples_from_lists

    examples, notes = examples_from_lists(texts, labels, weights, services.settings)
    for note in notes:
        (sink or Silent()).event("log", message=note)
    return examples


def _source(data: Any) -> Source:
    """A path as text, or a data frame as a table."""
    if isinstance(data, str | os.PathLike):
        return os.fspath(data)
    if not hasattr(data, "iloc") or getattr(data, "ndim", 0) != 2:
        raise InputValueError(
            f"A path, sample:NAME or a data frame is expected. Received: {type(data).__name__}",
            where="fine_tune",
            fix="Pass lists, arrays and Series as texts=…, labels=…",
        )
    from sft_keras.data.memory import table_from_frame

    return table_from_frame(data)
