"""A logistic regression on what a quick classifier reads: fitted in a second, so that it can be fitted many times."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

PENALTY = 0.01
"""Inverse strength of the penalty (scikit-learn's C) on standardised vectors, that of the quick recipe."""
SPARSE_PENALTY = 10.0
"""The same on TF-IDF, that of the baseline."""


def fit_quick(features: Any, labels: np.ndarray, *, max_iter: int = 300, tol: float = 1e-3) -> Any:
    """Fits it.

    Args:
        features: float [rows, width], or a sparse matrix of TF-IDF.
        labels: int [rows], class indices.
        max_iter: Most steps of the solver.
        tol: When it stops before that.

    Returns:
        A scikit-learn classifier; one that always answers the same where there is one class only.
    """
    from scipy.sparse import issparse
    from sklearn.dummy import DummyClassifier
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(labels)) < 2:
        return DummyClassifier(strategy="most_frequent").fit(features, labels)
    if issparse(features):
        model: Any = LogisticRegression(C=SPARSE_PENALTY, max_iter=max_iter, tol=tol)
    else:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, max_iter=max_iter, tol=tol))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, labels)


def quick_probabilities(model: Any, features: Any, classes: int) -> np.ndarray:
    """float64 [rows, classes]; a class that was absent in the fit gets probability 0."""
    probabilities = np.zeros((features.shape[0], classes))
    probabilities[:, model.classes_] = model.predict_proba(features)
    return probabilities
