"""Whether the model notices texts that have nothing to do with its labels.

Three scores are tried on the test rows against general sentences of ours: the highest probability (Hendrycks and Gimpel
2017, https://arxiv.org/abs/1610.02136), the energy (Liu et al. 2020, https://arxiv.org/abs/2010.03759), and the
distance to the nearest class (Lee et al. 2018, https://arxiv.org/abs/1807.03888). High scores speak for texts that
belong.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.data.scripts import mostly_unspaced
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Column, Sentence, Table, percent
from sft_keras.diagnostics.draws import drawn_rows, stratified_rows

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

MOST_ROWS, MOST_LEARNED, FEWEST_ROWS = 1_000, 2_000, 20
KEPT = 0.95
"""The threshold lets so many of the validation rows through."""
RIDGE = 1e-2
WELL, BADLY = 0.9, 0.7


def examine(subject: Subject) -> Facts:
    """The AUROC of each score, and what the best one lets through."""
    from sklearn.metrics import roc_auc_score

    if min(len(subject.rows("test")), len(subject.rows("validation"))) < FEWEST_ROWS:
        raise NotApplicable("too_few", rows=FEWEST_ROWS)
    train, labels = subject.rows("train"), subject.truth("train")
    shown = drawn_rows(len(train), MOST_ROWS, subject.seed)
    language = "zh" if mostly_unspaced([train.texts[i] for i in shown]) else "en"
    outside = outside_texts(language)
    learned = stratified_rows(labels, min(MOST_LEARNED, len(labels)), np.random.default_rng(subject.seed))
    vectors = subject.feature_predictor.outputs([train.texts[i] for i in learned])
    means, precision = gaussian(vectors, labels[learned])
    scores: dict[str, dict[str, np.ndarray]] = {}
    for name in ("validation", "test", "outside"):
        part: Any = name
        if name == "outside":
            texts, features = outside, subject.feature_predictor.outputs(outside)
        else:
            rows = drawn_rows(len(subject.rows(part)), MOST_ROWS, subject.seed)
            texts = [subject.rows(part).texts[i] for i in rows]
            features = subject.feature_predictor.outputs(texts)
        logits = np.asarray(subject.predictor.logits(texts), dtype=np.float64)
        scores[name] = {
            "probability": subject.predictor.task.probabilities(logits / subject.predictor.temperature).max(axis=1),
            "energy": energy(logits),
            "distance": -distance(features, means, precision),
        }
        subject.tell({"validation": 0.3, "test": 0.8, "outside": 1.0}[name])
    inside_or_not = np.repeat([1, 0], [len(scores["test"]["energy"]), len(outside)])
    found = {}
    for score in ("probability", "energy", "distance"):
        both = np.concatenate([scores["test"][score], scores["outside"][score]])
        threshold = float(np.quantile(scores["validation"][score], 1 - KEPT))
        found[score] = {
            "auroc": float(roc_auc_score(inside_or_not, both)),
            "threshold": threshold,
            "kept": float((scores["test"][score] >= threshold).mean()),
            "noticed": float((scores["outside"][score] < threshold).mean()),
        }
    best = max(found, key=lambda name: found[name]["auroc"])
    sure = float(scores["outside"]["probability"].mean())
    return {"language": language, "outside": len(outside), "scores": found, "best": best, "confidence_outside": sure}


def outside_texts(language: str) -> list[str]:
    """General sentences on many matters, "en" or "zh"."""
    file = resources.files("sft_keras.diagnostics") / "outside" / f"{language}.txt"
    return file.read_text(encoding="utf-8").split("\n")[:-1]


def energy(logits: np.ndarray) -> np.ndarray:
    """The negative free energy log Σ exp(logits), float [rows]; high for texts that belong."""
    from scipy.special import logsumexp

    return np.asarray(logsumexp(logits, axis=1))


def gaussian(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of each class, [classes, width], and the inverse of the covariance that they share, [width, width]."""
    vectors = np.asarray(features, dtype=np.float64)
    present = np.unique(labels)
    means = np.stack([vectors[labels == each].mean(axis=0) for each in present])
    centered = vectors - means[np.searchsorted(present, labels)]
    covariance = centered.T @ centered / max(1, len(vectors) - len(present))
    scale = np.trace(covariance) / len(covariance)
    return means, np.linalg.inv(covariance + (RIDGE * scale + 1e-12) * np.eye(len(covariance)))


def distance(features: np.ndarray, means: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """The squared Mahalanobis distance to the nearest class mean, float [rows]."""
    from scipy.spatial.distance import cdist

    root = np.linalg.cholesky(precision)  # so that the distance is Euclidean
    found = cdist(np.asarray(features, dtype=np.float64) @ root, means @ root, "sqeuclidean")
    return np.asarray(found.min(axis=1))


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """Whether it notices, by which score, and what the threshold does."""
    best = facts["scores"][facts["best"]]
    kind = "well" if best["auroc"] >= WELL else "badly" if best["auroc"] < BADLY else "somewhat"
    text = words(
        f"scope.{kind}",
        noticed=percent(words, best["noticed"], 0),
        lost=percent(words, 1 - best["kept"], 0),
        confidence=percent(words, facts["confidence_outside"], 0),
    )
    blocks: list[Block] = [Sentence(text, "good" if kind == "well" else "warn")]
    columns = [
        Column(words("scope.score")),
        Column("AUROC", "number"),
        Column(words("scope.noticed"), "number"),
        Column(words("scope.lost"), "number"),
    ]
    rows = [
        (
            words(f"scope.score_{name}"),
            f"{each['auroc']:.3f}",
            percent(words, each["noticed"], 0),
            percent(words, 1 - each["kept"], 0),
        )
        for name, each in sorted(facts["scores"].items(), key=lambda item: -item[1]["auroc"])
    ]
    blocks.append(Table(columns, rows))
    blocks.append(Sentence(words("scope.how", outside=facts["outside"], kept=percent(words, KEPT, 0)), "how"))
    return blocks


PARTS.add("scope", Part(70, examine, present))
