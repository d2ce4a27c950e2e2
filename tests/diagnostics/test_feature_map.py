"""The map of the texts: what it shows is PCA and silhouette, and it says which way the classes moved."""

from __future__ import annotations

import numpy as np
import pytest

from sft_keras.diagnostics.base import NotApplicable
from sft_keras.diagnostics.blocks import Picture
from sft_keras.diagnostics.catalogue import catalogue
from sft_keras.diagnostics.parts.feature_map import examine, present, projected


def vectors(rows: int, apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(rows) % 3
    found = np.random.default_rng(seed).normal(size=(rows, 12)).astype(np.float32)
    found[np.arange(rows), labels] += apart
    return found, labels


def silhouette(points: np.ndarray, labels: np.ndarray) -> float:
    """From its definition."""
    distances = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    found = []
    for i, own in enumerate(labels):
        others = (labels == own) & (np.arange(len(labels)) != i)
        near = distances[i, others].mean()
        far = min(distances[i, labels == each].mean() for each in set(labels.tolist()) - {int(own)})
        found.append((far - near) / max(near, far))
    return float(np.mean(found))


def test_plane_and_silhouette_are_those_of_their_definitions():
    points, labels = vectors(60, 3.0)
    found = projected(points, labels)
    assert found["silhouette"] == pytest.approx(silhouette(points.astype(float), labels), abs=1e-6)
    centered = points.astype(float) - points.mean(axis=0)
    values = np.linalg.svd(centered, compute_uv=False) ** 2
    assert found["share"] == pytest.approx(values[:2].sum() / values.sum(), abs=1e-6)
    assert np.var(found["points"][:, 0]) >= np.var(found["points"][:, 1])


@pytest.mark.parametrize(("before", "after", "said"), [(0.5, 6.0, "apart"), (6.0, 0.5, "closer"), (3.0, 3.0, "hardly")])
def test_it_says_which_way_the_classes_moved(subject, before, after, said):
    old, labels = vectors(90, before)
    new, _ = vectors(90, after, seed=1)
    names = [f"label {n}" for n in labels]
    rows = ([f"t{i}" for i in range(90)], names)
    made = subject({"train": rows, "test": rows}, features={"test": new}, frozen={"test": old[:, None]})
    facts = examine(made)
    blocks = present(facts, catalogue("en"))
    assert said in blocks[0].text
    assert sum(isinstance(block, Picture) for block in blocks) == 2
    assert "<svg" in next(block.svg for block in blocks if isinstance(block, Picture))


def test_many_classes_share_eight_colours_and_grey(subject):
    labels = [f"label {n % 12:02}" for n in range(120)]
    texts = [f"t{n}" for n in range(120)]
    found = np.random.default_rng(0).normal(size=(120, 5))
    facts = examine(subject({"train": (texts, labels), "test": (texts, labels)}, features={"test": found}))
    assert len(facts["classes"]) == 8
    assert facts["others"] == 4
    assert min(facts["colors"]) == -1


def test_a_single_label_makes_no_map(subject):
    one = subject({"train": (["t"] * 20, ["a"] * 20), "test": (["t"] * 20, ["a"] * 20)})
    with pytest.raises(NotApplicable):
        examine(one)
