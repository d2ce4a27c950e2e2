"""A subject of arrays, without a model: what the parts about rows look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.data.splits import Splits
from sft_keras.diagnostics.subject import Subject


class FixedVectors(Subject):
    """A subject whose quick features were given."""

    vectors: dict[str, np.ndarray]

    def quick(self, part: str) -> Any:
        return self.vectors[part]

    @property
    def quick_is_frozen(self) -> bool:
        return True


def subject(
    texts: Sequence[str],
    labels: Sequence[str],
    vectors: np.ndarray | None = None,
    *,
    validation: int = 0,
    names: Sequence[str] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Subject:
    """A subject of rows, the last of which are the validation part.

    Args:
        texts: The texts.
        labels: Their labels.
        vectors: float [rows, width], the quick features; TF-IDF if left out.
        validation: How many rows are for validation; at least one is.
        names: The labels of the model; those of the rows if left out.
        groups: Spare columns, by name.
    """
    cut = len(texts) - max(1, validation)
    rows = Examples(list(texts), list(labels), None, np.arange(1, len(texts) + 1), "f.csv", groups or {})
    made = (FixedVectors if vectors is not None else Subject)(
        config=RunConfig.parse({"model": {"backbone": "lstm"}, "training": {"seed": 3}}),
        splits=Splits(rows.take(range(cut)), rows.take(range(cut, len(texts))), None),
        bundle=cast(Any, SimpleNamespace(labels=Labels(tuple(names or sorted(set(labels)))))),
        report=None,
        predictor=cast(Any, None),
    )
    if isinstance(made, FixedVectors) and vectors is not None:
        made.vectors = {"train": vectors[:cut], "validation": vectors[cut:]}
    return made
