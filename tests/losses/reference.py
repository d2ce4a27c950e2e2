"""The formulas once more, in float64 NumPy and plain loops, straight from the papers."""

from __future__ import annotations

import numpy as np


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - np.max(scores))
    return powers / powers.sum()


def unit(vector: np.ndarray) -> np.ndarray:
    norm = np.sqrt(np.sum(vector**2))
    return vector / norm if norm > 0 else vector


def focal(labels: np.ndarray, logits: np.ndarray, gamma: float, smoothing: float) -> np.ndarray:
    """Lin et al. 2017, with smoothed targets; gamma 0 is cross-entropy."""
    rows, classes = logits.shape
    values = np.zeros(rows)
    for i in range(rows):
        p = softmax(logits[i].astype(np.float64))
        for k in range(classes):
            target = smoothing / classes + (1 - smoothing) * (k == labels[i])
            values[i] -= target * (1 - p[k]) ** gamma * np.log(p[k])
    return values


def supcon(labels: np.ndarray, features: np.ndarray, weights: np.ndarray, temperature: float) -> np.ndarray:
    """Khosla et al. 2020, eq. 2."""
    z = [unit(row.astype(np.float64)) for row in features]
    counted = [i for i in range(len(labels)) if weights[i] > 0]
    values = np.zeros(len(labels))
    for i in counted:
        others = [a for a in counted if a != i]
        positives = [p for p in others if labels[p] == labels[i]]
        total = sum(np.exp(z[i] @ z[a] / temperature) for a in others)
        for p in positives:
            values[i] -= np.log(np.exp(z[i] @ z[p] / temperature) / total) / len(positives)
    return values


def prototype(labels: np.ndarray, features: np.ndarray, weights: np.ndarray, temperature: float) -> np.ndarray:
    """Snell et al. 2017, eq. 2, by cosine; the row is left out of the mean of its own class."""
    z = [unit(row.astype(np.float64)) for row in features]
    counted = [i for i in range(len(labels)) if weights[i] > 0]
    values = np.zeros(len(labels))
    for i in counted:
        exponentials = {}
        for k in {labels[j] for j in counted}:
            members = [z[j] for j in counted if labels[j] == k and j != i]
            if members:
                exponentials[k] = np.exp(z[i] @ unit(np.mean(members, axis=0)) / temperature)
        if labels[i] in exponentials:
            values[i] = -np.log(exponentials[labels[i]] / sum(exponentials.values()))
    return values


def center(labels: np.ndarray, features: np.ndarray, weights: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Wen et al. 2016, eq. 2, over the width of the features."""
    values = np.zeros(len(labels))
    for i in range(len(labels)):
        if weights[i] > 0:
            values[i] = 0.5 * np.sum((features[i].astype(np.float64) - centers[labels[i]]) ** 2) / features.shape[1]
    return values


def moved_centers(
    labels: np.ndarray, features: np.ndarray, weights: np.ndarray, centers: np.ndarray, rate: float
) -> np.ndarray:
    """Wen et al. 2016, eq. 4 and the update of algorithm 1."""
    moved = centers.astype(np.float64).copy()
    for j in range(len(centers)):
        step, members = np.zeros(centers.shape[1]), 0
        for i in range(len(labels)):
            if labels[i] == j and weights[i] > 0:
                step += centers[j] - features[i].astype(np.float64)
                members += 1
        moved[j] -= rate * step / (1 + members)
    return moved


def class_balanced(labels: np.ndarray, logits: np.ndarray, weights: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """n / (C·n_y) times the cross-entropy."""
    plain = focal(labels, logits, 0.0, 0.0)
    occurring = sum(1 for count in counts if count > 0)
    values = np.zeros(len(labels))
    for i in range(len(labels)):
        if weights[i] > 0:
            values[i] = counts.sum() / (occurring * counts[labels[i]]) * plain[i]
    return values


def numeric_gradient(function, at: np.ndarray, step: float = 1e-5) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Central finite differences of a scalar function, in float64."""
    at = at.astype(np.float64)
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        ahead, behind = at.copy(), at.copy()
        ahead[index] += step
        behind[index] -= step
        gradient[index] = (function(ahead) - function(behind)) / (2 * step)
    return gradient
