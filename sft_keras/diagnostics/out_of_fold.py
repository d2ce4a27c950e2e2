"""What a quick classifier says of each labelled row when it has not seen that row: out-of-fold predictions.

The test part has no share in it: what follows from it may change the rows that a model learns from.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from sft_keras.data.duplicates import duplicate_groups
from sft_keras.data.examples import Examples
from sft_keras.diagnostics.base import NotApplicable
from sft_keras.diagnostics.quick_head import fit_quick, quick_probabilities

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import PartName, Subject

FOLDS = 5
MOST_ROWS = 30_000
MOST_CHARACTERS, MOST_CHARACTERS_SPARSE = 20_000_000, 5_000_000
"""Of long texts, fewer rows are drawn: so many characters in all, fewer where the classifier reads n-grams of them."""
FEWEST_ROWS = 20
FEWEST_GROUPS = 3
"""A label with fewer different texts is not judged: the classifier hardly sees another text of it."""
MOST_STEPS = 100
"""Of the solver in a fold."""
MOST_COEFFICIENTS = 2_000_000
"""Classes times columns; above it a sparse matrix is condensed, which bounds memory with a thousand classes."""
MOST_PRODUCTS = 20_000_000
"""Classes times stored values, the work of a step of the solver; above it as well, which bounds time."""
CONDENSED = 200
PARTS: tuple[PartName, ...] = ("train", "validation")


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Rows of the training and the validation part, and what a classifier that did not see them says.

    Attributes:
        examples: The rows.
        parts: "train" or "validation" for each.
        truth: int64 [rows], class indices as they are labelled.
        probabilities: float32 [rows, classes].
        judged: bool [rows]; whether there are other texts enough with the row's label.
        features: What the classifier read, [rows, width]; sparse for TF-IDF.
        total: Rows of both parts, from which these were drawn.
    """

    examples: Examples
    parts: Sequence[str]
    truth: np.ndarray
    probabilities: np.ndarray
    judged: np.ndarray
    features: Any
    total: int


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Rows of the training and the validation part, at most so many, drawn by chance if there are more."""

    examples: Examples
    parts: Sequence[str]
    truth: np.ndarray
    features: Any
    total: int


_KNOWN: WeakKeyDictionary[Subject, OutOfFold] = WeakKeyDictionary()


def labelled_rows(subject: Subject, most: int = MOST_ROWS) -> LabelledRows:
    """The rows that a model learns from and is chosen by, with the vectors of the quick classifier.

    Args:
        subject: The run.
        most: Most rows, fewer if they are long; drawn with the run's seed if there are more.

    Raises:
        NotApplicable: The texts hold nothing that a classifier could read.
    """
    from scipy import sparse

    both = [subject.rows(part) for part in PARTS]
    total = sum(map(len, both))
    characters = sum(len(text) for each in both for text in each.texts)
    bound = MOST_CHARACTERS if subject.quick_is_frozen else MOST_CHARACTERS_SPARSE
    most = max(FEWEST_ROWS, min(most, int(bound * total / max(1, characters))))
    chosen = np.arange(total)
    if total > most:
        chosen = np.sort(np.random.default_rng(subject.seed).choice(total, most, replace=False))
    try:
        features = [subject.quick(part) for part in PARTS]
    except ValueError:  # TF-IDF of texts without any word
        raise NotApplicable("rows.no_words") from None
    stacked = sparse.vstack(features).tocsr() if sparse.issparse(features[0]) else np.concatenate(features)
    first = len(both[0])
    return LabelledRows(
        examples=_joined(both).take(chosen),
        parts=["train" if row < first else "validation" for row in chosen.tolist()],
        truth=np.concatenate([subject.truth(part) for part in PARTS])[chosen].astype(np.int64),
        features=stacked[chosen],
        total=total,
    )


def out_of_fold(subject: Subject) -> OutOfFold:
    """Logistic regression on `subject.quick`, in five stratified folds; computed once for a subject.

    Texts that are equal or nearly so lie in one fold, so that a wrong label does not vouch for its own copy.

    Raises:
        NotApplicable: There are too few rows or labels.
        TrainingStopped: Somebody asked to stop.
    """
    if subject in _KNOWN:
        return _KNOWN[subject]
    rows = labelled_rows(subject)
    if len(rows.examples) < FEWEST_ROWS:
        raise NotApplicable("rows.few_rows", rows=len(rows.examples), least=FEWEST_ROWS)
    groups = duplicate_groups(rows.examples.texts, subject.config.data.near_duplicate_similarity)
    folds, judged = _folds(rows.truth, groups, subject.seed)
    if len(np.unique(rows.truth[judged])) < 2:
        raise NotApplicable("rows.few_classes")
    probabilities = np.zeros((len(rows.truth), len(subject.labels)), np.float32)
    features = _condensed(rows.features, len(subject.labels), subject.seed)
    for fold in range(FOLDS):
        here = folds == fold
        if here.any():
            model = fit_quick(features[~here], rows.truth[~here], max_iter=MOST_STEPS)
            probabilities[here] = quick_probabilities(model, features[here], probabilities.shape[1])
        subject.tell((fold + 1) / FOLDS)
    _KNOWN[subject] = found = OutOfFold(**vars(rows), probabilities=probabilities, judged=judged)
    return found


def _joined(both: Sequence[Examples]) -> Examples:
    texts = [text for each in both for text in each.texts]
    labels = [label for each in both for label in each.labels]
    return Examples(texts, labels, None, np.concatenate([each.rows for each in both]), both[0].source)


def _folds(truth: np.ndarray, groups: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The fold of each row, and whether it is judged; a group lies in the fold of its first row."""
    from sklearn.model_selection import StratifiedKFold

    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    of_group = np.zeros(len(first), np.int64)
    labels = truth[first]
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of labels with fewer rows than folds
        if np.bincount(labels).max(initial=0) >= FOLDS:
            for fold, (_, held) in enumerate(splitter.split(labels, labels)):
                of_group[held] = fold
        else:
            of_group = np.random.default_rng(seed).permutation(len(first)) % FOLDS
    pairs = np.unique(np.stack([truth, inverse.reshape(-1)]), axis=1)
    different = np.bincount(pairs[0], minlength=truth.max(initial=0) + 1)
    return of_group[inverse.reshape(-1)], different[truth] >= FEWEST_GROUPS


def _condensed(features: Any, classes: int, seed: int) -> Any:
    from scipy import sparse

    if not sparse.issparse(features):
        return features
    if classes * features.shape[1] <= MOST_COEFFICIENTS and classes * features.nnz <= MOST_PRODUCTS:
        return features
    from sklearn.decomposition import TruncatedSVD

    return TruncatedSVD(CONDENSED, random_state=seed).fit_transform(features)
