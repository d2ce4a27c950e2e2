"""A finished run as the parts see it: rows, answers, vectors, each computed once and when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from sft_keras.artifacts.bundle import Bundle
from sft_keras.artifacts.further import read_starting_point, recorded_bundle
from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.data.splits import Splits
from sft_keras.errors import DataError
from sft_keras.evaluation.baselines import tfidf_vectorizer
from sft_keras.inference.base import TextPredictor
from sft_keras.training.progress import ProgressSink, Silent, TrainingStopped

if TYPE_CHECKING:
    from sft_keras.inference.features import FeaturePredictor
    from sft_keras.training.feature_cache import FeatureCache
    from sft_keras.training.logistic_head import Vectors

PartName = Literal["train", "validation", "test"]


@dataclass(eq=False)
class Subject:
    """A finished run.

    Attributes:
        config: The settings that the model was made with.
        splits: Its rows; of a large training part a draw.
        bundle: Its model.
        report: What `report.json` says; None if there is no test part.
        predictor: Answers for the model: labels and probabilities for any text.
        cache: Keeps the vectors of the frozen backbone between runs.
        sink: Hears `step` (fraction, 0 to 1) and `log` (message).
        should_stop: Asked now and then.
        facts: What parts that were examined before found, by part.
        training_rows: How many training rows the run has, which may be more than `splits` holds.
        scored_before: How many other models were scored on the same test rows, as far as is known.
    """

    config: RunConfig
    splits: Splits
    bundle: Bundle
    report: Mapping[str, Any] | None
    predictor: TextPredictor
    cache: FeatureCache | None = None
    sink: ProgressSink = field(default_factory=Silent)
    should_stop: Callable[[], bool] = lambda: False
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    training_rows: int = 0
    scored_before: int = 0

    @property
    def seed(self) -> int:
        """The run's seed, for every draw."""
        return self.config.training.seed

    @property
    def labels(self) -> Labels:
        """The classes of the model."""
        return self.bundle.labels

    def rows(self, part: PartName) -> Examples:
        """The rows of a part.

        Raises:
            DataError: There is no test part.
        """
        rows = self.splits.parts.get(part)
        if rows is None:
            raise DataError("The run has no test part.", fix="Train with a test part.")
        return rows

    def truth(self, part: PartName) -> np.ndarray:
        """int32 [rows], class indices."""
        return self.labels.encode(self.rows(part).labels)

    def probabilities(self, part: PartName) -> np.ndarray:
        """float64 [rows, classes], what the model says of a part; computed once."""
        if part not in self._probabilities:
            self.check()
            self._probabilities[part] = np.asarray(self.predictor.probabilities(self.rows(part).texts))
        return self._probabilities[part]

    def frozen(self, part: PartName) -> Vectors | None:
        """The vectors of the backbone before the training, [rows, layers, width], from a cache where possible.

        Returns:
            None for a backbone that learns everything from the texts.
        """
        if self._frozen_maker is None:
            return None
        if part not in self._frozen:
            self._frozen[part] = self._frozen_maker.vectors(self.rows(part), self.labels)
        return self._frozen[part]

    def quick(self, part: PartName) -> Any:
        """What a quick classifier reads: the frozen vectors, mean of the upper layers, float32 [rows, width].

        For a backbone that learns everything from the texts, it is TF-IDF of the training part, a sparse matrix.
        """
        vectors = self.frozen(part)
        if vectors is None:
            return self._tfidf.transform(self.rows(part).texts)
        layers = vectors.layers.shape[1]
        return vectors.layers[:, max(0, layers // 2 - 1) :].mean(axis=1)

    @property
    def quick_is_frozen(self) -> bool:
        """Whether `quick` gives vectors of the backbone, not TF-IDF."""
        return self._frozen_maker is not None

    def tell(self, fraction: float) -> None:
        """Says how much of the part at hand is done, 0 to 1, and stops where somebody asked to.

        Raises:
            TrainingStopped: Somebody asked to stop.
        """
        self.sink.event("step", fraction=float(fraction))
        self.check()

    def check(self) -> None:
        """Raises `TrainingStopped` if somebody asked to stop."""
        if self.should_stop():
            raise TrainingStopped

    @cached_property
    def keras_model(self) -> Any:
        """The bundle's Keras model, from named token inputs to logits."""
        from sft_keras.artifacts.loading import load_model
        from sft_keras.backend import load_backend

        load_backend()
        return load_model(self.bundle)

    @cached_property
    def feature_predictor(self) -> FeaturePredictor:
        """Gives the vectors that go into the head, for any texts."""
        from sft_keras.inference.features import FeaturePredictor

        return FeaturePredictor(self.bundle, self.keras_model)

    @cached_property
    def _probabilities(self) -> dict[str, np.ndarray]:
        return {}

    @cached_property
    def _frozen(self) -> dict[str, Vectors]:
        return {}

    @cached_property
    def _frozen_maker(self) -> Any:
        from sft_keras.backend import load_backend

        begun = recorded_bundle(self.config.model)
        load_backend()
        from sft_keras.training.frozen import frozen_vectors

        return frozen_vectors(
            self.config,
            self.splits.train,
            start=read_starting_point(begun) if begun else None,
            sink=_Fractions(self.sink),
            should_stop=self.should_stop,
            cache=self.cache,
        )

    @cached_property
    def _tfidf(self) -> TfidfVectorizer:
        return tfidf_vectorizer(self.splits.train.texts).fit(self.splits.train.texts)


class _Fractions:
    """Turns the steps of a pass over texts into fractions."""

    def __init__(self, sink: ProgressSink) -> None:
        self._sink = sink

    def event(self, kind: str, **values: Any) -> None:
        """Passes the event on."""
        if kind == "step":
            self._sink.event("step", fraction=values["step"] / max(1, values["steps"]))
        else:
            self._sink.event(kind, **values)
