"""A logistic regression on vectors that stand still; the validation part chooses layers and penalty."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.preprocessing import StandardScaler

from sft_keras.modeling.layers import parse_layers

PENALTIES = (0.001, 0.01, 0.1, 1.0)
FIRST_PENALTY = 0.01
MAX_ITERATIONS = 300


@dataclass(frozen=True)
class Vectors:
    """Rows of one part.

    Attributes:
        layers: float32 [rows, layers, width].
        targets: Class ids, int32 [rows].
        weights: Row weights, float [rows].
    """

    layers: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    def of(self, pooled_layers: str) -> np.ndarray:
        """What the head reads, float32 [rows, width]; see `parse_layers`."""
        choice = parse_layers(pooled_layers, self.layers.shape[1])
        chosen = self.layers[:, [number - 1 for number in choice.layers]]
        return np.asarray(chosen.reshape(len(chosen), -1) if choice.side_by_side else chosen.mean(axis=1))


@dataclass(frozen=True)
class Head:
    """A dense layer that was fitted.

    Attributes:
        kernel: float32 [width, classes].
        bias: float32 [classes].
        pooled_layers: The layers whose mean it reads.
        penalty: scikit-learn's C, the inverse strength of the penalty.
        figures: `accuracy`, `macro_f1` and `task_loss` on the validation part.
        tried: One entry a candidate: `layers`, `C` and the figures.
    """

    kernel: np.ndarray
    bias: np.ndarray
    pooled_layers: str
    penalty: float
    figures: dict[str, float]
    tried: tuple[dict[str, Any], ...]


def candidates(count: int) -> list[str]:
    """The layers worth a try, most usual first: single ones, means of the upper part, some side by side.

    Example:
        >>> candidates(6)
        ['last', '5', '5-6', '3-6', 'upper']
    """
    if count == 1:
        return ["last"]
    lows = sorted({count - 1, max(1, count // 2)}, reverse=True)
    return ["last", str(count - 1), *(f"{low}-{count}" for low in lows), "upper"]


def fit_head(
    training: Vectors,
    validation: Vectors,
    *,
    classes: int,
    pooled_layers: str,
    penalty: float | Literal["auto"],
    monitor: str,
    class_weights: np.ndarray | None,
    on_fit: Callable[[], None] = lambda: None,
) -> Head:
    """Fits on the training part and chooses on the validation part.

    The layers are chosen at one penalty, then the penalty at those layers: a grid of both costs four times as much
    and chooses no better on a part of a few hundred rows.

    Args:
        training: The rows to learn from.
        validation: The rows that choose.
        classes: Number of labels; each must stand in the training part.
        pooled_layers: `auto` chooses; else as in `parse_layers`.
        penalty: scikit-learn's C; `auto` chooses.
        monitor: `macro_f1`, `accuracy` or `task_loss`.
        class_weights: float [classes], times the row weights; None for none.
        on_fit: Called after each fit; what it raises stops the work.
    """
    tried: list[dict[str, Any]] = []
    fitted: dict[tuple[str, float], tuple[np.ndarray, np.ndarray]] = {}

    def attempt(pairs: Iterable[tuple[str, float]]) -> tuple[str, float]:
        for pair in pairs:
            if pair in fitted:
                continue
            fitted[pair] = kernel, bias = _fit(training, *pair, classes, class_weights)
            figures = _figures(validation, validation.of(pair[0]) @ kernel + bias)
            tried.append({"layers": pair[0], "C": pair[1], **figures})
            on_fit()
        best = max(tried, key=lambda row: _score(row, monitor))
        return best["layers"], best["C"]

    choices = candidates(training.layers.shape[1]) if pooled_layers == "auto" else [pooled_layers]
    best = attempt((choice, FIRST_PENALTY if penalty == "auto" else penalty) for choice in choices)
    if penalty == "auto":
        best = attempt((best[0], each) for each in PENALTIES)
    chosen = next(row for row in tried if (row["layers"], row["C"]) == best)
    figures = {name: chosen[name] for name in ("accuracy", "macro_f1", "task_loss")}
    return Head(*fitted[best], *best, figures, tuple(tried))


def _fit(
    rows: Vectors, layers: str, penalty: float, classes: int, class_weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias for vectors as they are: the scaling that helps the fit is folded in."""
    vectors = rows.of(layers)
    weights = rows.weights if class_weights is None else rows.weights * class_weights[rows.targets]
    scaler = StandardScaler().fit(vectors, sample_weight=rows.weights)
    model = LogisticRegression(C=penalty, max_iter=MAX_ITERATIONS, tol=1e-3)
    model.fit(scaler.transform(vectors), rows.targets, sample_weight=weights)
    weight, bias = model.coef_, model.intercept_
    if classes == 2:  # one line for both classes
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    weight = weight / scaler.scale_
    return weight.T.astype(np.float32), (bias - weight @ scaler.mean_).astype(np.float32)


def _figures(rows: Vectors, logits: np.ndarray) -> dict[str, float]:
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    predicted = logits.argmax(axis=1)
    return {
        "accuracy": float(accuracy_score(rows.targets, predicted)),
        "macro_f1": float(f1_score(rows.targets, predicted, average="macro", zero_division=0)),
        "task_loss": float(log_loss(rows.targets, probabilities, labels=np.arange(logits.shape[1]))),
    }


def _score(figures: dict[str, Any], monitor: str) -> tuple[float, float]:
    """Higher is better; equal figures are told apart by the loss, as for the best epoch."""
    loss = -figures["task_loss"]
    return (loss, 0.0) if monitor == "task_loss" else (figures[monitor], loss)
