"""Confidences that mean what they say: one temperature for all logits, chosen on rows that no weight was fitted to.

Temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 4.2) divides all logits by one number,
so that no answer changes, only how sure it is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

LOWEST, HIGHEST = 0.05, 20.0
FEWEST_ROWS = 20


def fit_temperature(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """The temperature with the least log loss on these rows.

    Args:
        logits: float [rows, classes], of rows that were not trained on.
        labels: int [rows], class indices.

    Returns:
        A number from 0.05 to 20, at least 1 where every answer is right; 1 where there are fewer than 20 rows or one
        class, or where nothing is gained.
    """
    scores, truth = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if len(truth) < FEWEST_ROWS or len(np.unique(truth)) < 2 or not np.isfinite(scores).all():
        return 1.0

    def loss(log_temperature: float) -> float:
        chosen = log_softmax(scores / np.exp(log_temperature), axis=1)[np.arange(len(truth)), truth]
        return float(-chosen.mean())

    # Without a mistake the loss falls with the temperature for ever, and rows that are no guide would make it too sure.
    lowest = 1.0 if (scores.argmax(axis=1) == truth).all() else LOWEST
    found = minimize_scalar(loss, bounds=(np.log(lowest), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-4})
    return float(np.clip(np.exp(found.x), LOWEST, HIGHEST)) if found.fun < loss(0.0) else 1.0


def without_temperature(probabilities: npt.ArrayLike, temperature: float) -> npt.NDArray[np.float64]:
    """The probabilities before the logits were divided by the temperature, float64 [rows, classes].

    Args:
        probabilities: float [rows, classes], after that.
        temperature: What they were divided by.
    """
    scaled = np.log(np.clip(np.asarray(probabilities, dtype=np.float64), 1e-300, None))
    return np.asarray(softmax(scaled * temperature, axis=1))
