"""Whether the model notices texts that have nothing to do with its labels.

Three scores are tried on the test rows against general sentences of ours, English or Chinese: the highest probability
(Hendrycks and Gimpel 2017, https://arxiv.org/abs/1610.02136), the energy (Liu et al. 2020,
https://arxiv.org/abs/2010.03759), and the distance to the nearest class (Lee et al. 2018,
https://arxiv.org/abs/1807.03888). High scores speak for texts that belong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.data.scripts import script_of
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Column, Sentence, Table, percent
from sft_keras.diagnostics.draws import drawn_rows, stratified_rows

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import PartName, Subject

SCORES = ("probability", "energy", "distance")
MOST_ROWS, MOST_LEARNED, FEWEST_ROWS = 1_000, 2_000, 20
KEPT = 0.95
"""The threshold lets so many of the validation rows through."""
RIDGE = 1e-2
WELL, BADLY = 0.9, 0.7


def examine(subject: Subject) -> Facts:
    """The AUROC of each score, and what the one that was chosen lets through.

    The score is chosen on the validation rows and one half of the sentences; what is told of all three is from the
    test rows and the other half.
    """
    if min(len(subject.rows("test")), len(subject.rows("validation"))) < FEWEST_ROWS:
        raise NotApplicable("too_few", rows=FEWEST_ROWS)
    shown = drawn_rows(len(subject.rows("train")), MOST_ROWS, subject.seed)
    kinds = Counter(script_of(subject.rows("train").texts[i]) for i in shown)
    if kinds["other"] > len(shown) / 2:
        raise NotApplicable("scope.language")
    language = "zh" if kinds["unspaced"] > kinds["latin"] else "en"
    outside = outside_texts(language)
    tried = {"validation": part_texts(subject, "validation"), "test": part_texts(subject, "test"), "outside": outside}
    scores = scored(subject, tried)
    choosing, telling = ({name: each[half::2] for name, each in scores["outside"].items()} for half in (0, 1))
    best = max(SCORES, key=lambda name: auroc(scores["validation"][name], choosing[name]))
    return {
        "language": language,
        "outside": len(outside),
        "scores": {name: told_of(scores["validation"], scores["test"], telling, name) for name in SCORES},
        "best": best,
        "confidence_outside": float(scores["outside"]["probability"].mean()),
    }


def part_texts(subject: Subject, part: PartName) -> list[str]:
    """The texts of a part, at most 1,000, drawn by the run's seed."""
    return [subject.rows(part).texts[i] for i in drawn_rows(len(subject.rows(part)), MOST_ROWS, subject.seed)]


def scored(subject: Subject, tried: Mapping[str, Sequence[str]]) -> dict[str, dict[str, np.ndarray]]:
    """The scores of several lists of texts, high ones for texts that belong.

    Args:
        subject: The run; what is near to it is learned from at most 2,000 of its training rows.
        tried: The texts by name.

    Returns:
        For each name the scores by `SCORES`, float [texts].
    """
    train, labels = subject.rows("train"), subject.truth("train")
    learned = stratified_rows(labels, min(MOST_LEARNED, len(labels)), np.random.default_rng(subject.seed))
    vectors = subject.feature_predictor.outputs([train.texts[i] for i in learned])
    means, precision = gaussian(vectors, labels[learned])
    found = {}
    for number, (name, texts) in enumerate(tried.items(), start=1):
        logits = np.asarray(subject.predictor.logits(texts), dtype=np.float64)
        found[name] = {
            "probability": subject.predictor.task.probabilities(logits / subject.predictor.temperature).max(axis=1),
            "energy": energy(logits),
            "distance": -distance(subject.feature_predictor.outputs(texts), means, precision),
        }
        subject.tell(number / len(tried))
    return found


def told_of(
    validation: Mapping[str, np.ndarray], inside: Mapping[str, np.ndarray], outside: Mapping[str, np.ndarray], name: str
) -> dict[str, float]:
    """What a score does to proper texts and to others, with the threshold that the validation rows give."""
    threshold = float(np.quantile(validation[name], 1 - KEPT))
    return {
        "auroc": auroc(inside[name], outside[name]),
        "threshold": threshold,
        "kept": float((inside[name] >= threshold).mean()),
        "noticed": float((outside[name] < threshold).mean()),
    }


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """The chance that a proper text scores higher than another, half of it where they are equal."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(np.repeat([1, 0], [len(inside), len(outside)]), np.concatenate([inside, outside])))


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
    how = words(
        "scope.how",
        outside=facts["outside"],
        language=words(f"scope.language_{facts['language']}"),
        kept=percent(words, KEPT, 0),
    )
    blocks.append(Sentence(how, "how"))
    return blocks


PARTS.add("scope", Part(70, examine, present))
