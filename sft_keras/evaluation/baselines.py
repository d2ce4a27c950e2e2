"""What fine-tuning has to beat: the majority class, and TF-IDF with logistic regression."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from sft_keras.data.scripts import mostly_unspaced
from sft_keras.errors import DataError
from sft_keras.evaluation.metrics import FloatArray

# A baseline must not be weak: the default of 1 loses to 10 (by 2.8 points of accuracy on trec6, 1.3 on cr).
_INVERSE_PENALTY = 10.0
_FEATURES = 50_000
"""Most n-grams that are kept, the frequent ones; bounds memory and time with many classes."""

_WORD = re.compile(r"(?u)\b\w\w+\b")
"""What scikit-learn takes for a word."""

ClassWeight = Mapping[int, float] | Literal["balanced"] | None


def majority_probabilities(train_labels: npt.ArrayLike, num_classes: int, n: int) -> FloatArray:
    """The shares of the classes in training, for every row; the highest is the most frequent class.

    Args:
        train_labels: int [rows], class indices.
        num_classes: Number of classes.
        n: Rows to answer for.

    Returns:
        float64 [n, num_classes].

    Raises:
        DataError: There are no training labels.
    """
    labels = np.asarray(train_labels)
    if labels.size == 0:
        raise DataError("There are no training rows for a baseline.", fix="Give at least one labelled row.")
    shares = np.bincount(labels.astype(np.int64), minlength=num_classes) / labels.size
    return np.tile(shares, (n, 1))


def tfidf_logreg_probabilities(
    train_texts: Sequence[str],
    train_labels: npt.ArrayLike,
    texts: Sequence[str],
    num_classes: int,
    *,
    seed: int,
    sample_weight: npt.ArrayLike | None = None,
    class_weight: ClassWeight = None,
) -> FloatArray:
    """Logistic regression on TF-IDF n-grams, fitted on the training texts.

    Words and pairs of words with logarithmic frequencies; runs of 1 to 3 characters instead where the training
    texts are mainly in scripts without spaces, or hold no words of two letters. At most the 50,000 most
    frequent n-grams. Without any n-gram, or with one class only, it answers as `majority_probabilities` does.

    Args:
        train_texts: Training texts, [rows].
        train_labels: int [rows], class indices.
        texts: Texts to answer for, [n].
        num_classes: Number of classes; one that is absent in training gets probability 0.
        seed: Random state of the solver.
        sample_weight: float [rows], weight of each training row.
        class_weight: Weight by class index, or "balanced".

    Returns:
        float64 [n, num_classes].

    Raises:
        DataError: There are no training rows, or not as many texts as labels.
    """
    labels = np.asarray(train_labels, dtype=np.int64)
    if len(train_texts) != len(labels):
        raise DataError(f"Expected one label a text. Received: {len(train_texts)} texts, {len(labels)} labels")
    fallback = majority_probabilities(labels, num_classes, len(texts))
    present = np.unique(labels)
    if len(present) < 2 or len(texts) == 0:
        return fallback
    weights = {c: class_weight.get(c, 1.0) for c in present.tolist()} if isinstance(class_weight, Mapping) else None
    classifier = LogisticRegression(
        C=_INVERSE_PENALTY, max_iter=1000, random_state=seed, class_weight=weights or class_weight
    )
    pipeline = Pipeline([("features", tfidf_vectorizer(train_texts)), ("classifier", classifier)])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            pipeline.fit(train_texts, labels, classifier__sample_weight=sample_weight)
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        return fallback
    probabilities = np.zeros((len(texts), num_classes))
    probabilities[:, present] = pipeline.predict_proba(texts)
    return probabilities


def tfidf_vectorizer(texts: Sequence[str]) -> TfidfVectorizer:
    """TF-IDF as the baseline reads it, to be fitted: words and pairs of them, or runs of 1 to 3 characters.

    Args:
        texts: The training texts, which decide between words and characters.
    """
    by_character = mostly_unspaced(texts) or not any(_WORD.search(text) for text in texts)
    grams: dict[str, Any] = (
        {"analyzer": "char", "ngram_range": (1, 3)} if by_character else {"analyzer": "word", "ngram_range": (1, 2)}
    )
    return TfidfVectorizer(sublinear_tf=True, max_features=_FEATURES, **grams)
