"""Scoring a model on a labelled file, whatever answers for the model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sft_keras.errors import DataError
from sft_keras.training.progress import Silent

if TYPE_CHECKING:
    import numpy as np

    from sft_keras.artifacts.bundle import Bundle
    from sft_keras.data.readers import Table
    from sft_keras.settings import Settings


def score_file(
    checked: Bundle,
    data: str | Table,
    probabilities: Callable[[Sequence[str]], np.ndarray],
    settings: Settings,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
) -> dict[str, Any]:
    """Scores a model; the content is that of `report.json` without baselines.

    Args:
        checked: The bundle of the model.
        data: A path, `sample:NAME`, or a table.
        probabilities: From texts to float [texts, classes], in the order of the bundle's labels; called once, when
            the file is known to be usable.
        settings: Gives the limits.
        text_column: Column with the texts; found if left out.
        label_column: Column with the labels; found if left out.

    Raises:
        SftError: The file cannot be used, or it has a label that the model does not know.
    """
    from sft_keras.evaluation.report import evaluate_only
    from sft_keras.runs.prepare import Remembering, read_examples
    from sft_keras.runs.results import versions

    chosen = checked.config.data.model_copy(
        update={"text_column": text_column, "label_column": label_column, "weight_column": None}
    )
    config = checked.config.model_copy(update={"data": chosen})
    told = Remembering(Silent())
    examples = read_examples(data, config, settings, told)
    try:
        targets = checked.labels.encode(examples.labels)
    except DataError as error:
        where = f"{examples.source}, beside the labels that the model knows"
        raise DataError(error.problem, where=where, fix=error.fix) from None
    began = time.monotonic()
    answers = probabilities(examples.texts)
    report = evaluate_only(
        labels=targets,
        probabilities=answers,
        names=checked.labels.names,
        config=config.evaluation,
        seed=config.training.seed,
        data_fingerprint=examples.fingerprint(),
        backbone=str(checked.information.get("backbone", config.model.backbone)),
        versions=versions(),
        seconds={"prediction": time.monotonic() - began},
        notes=told.messages,
    )
    return report.to_dict()
