"""The texts as the model sees them, in two dimensions: before the training and after it.

The plane is that of the first two principal components (Pearson 1901). How far the classes lie apart is told by the
silhouette (Rousseeuw 1987, https://doi.org/10.1016/0377-0427(87)90125-7) in all dimensions, -1 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Picture, Sentence, percent
from sft_keras.diagnostics.charts import map_svg
from sft_keras.diagnostics.draws import drawn_rows

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

MOST_ROWS, FEWEST_ROWS = 1_000, 10
COLORS = 8


def examine(subject: Subject) -> Facts:
    """Projects the test rows, those of the validation part where there is none."""
    part: Any = "test" if subject.splits.test is not None else "validation"
    chosen = drawn_rows(len(subject.rows(part)), MOST_ROWS, subject.seed)
    labels = subject.truth(part)[chosen]
    if len(chosen) < FEWEST_ROWS or len(np.unique(labels)) < 2:
        raise NotApplicable("too_few", rows=FEWEST_ROWS)
    counts = np.bincount(labels, minlength=len(subject.labels))
    shown = [int(i) for i in np.argsort(-counts, kind="stable")[:COLORS] if counts[i]]
    colors = {number: place for place, number in enumerate(shown)}
    frozen = subject.frozen(part)
    maps = {}
    if frozen is not None:
        maps["before"] = projected(frozen.layers[chosen, -1], labels)
        subject.tell(0.5)
    maps["after"] = projected(subject.feature_predictor.outputs([subject.rows(part).texts[i] for i in chosen]), labels)
    return {
        "part": part,
        "rows": len(chosen),
        "classes": [subject.labels.names[number] for number in shown],
        "others": int((counts > 0).sum()) - len(shown),
        "colors": [colors.get(int(label), -1) for label in labels],
        "maps": maps,
    }


def projected(vectors: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Vectors in a plane.

    Args:
        vectors: float [rows, width].
        labels: int [rows], class indices.

    Returns:
        `points` [rows, 2], the `share` of the variance that the plane shows, and the `silhouette` of the classes in
        all dimensions; None where a row is alone in its class everywhere.
    """
    from sklearn.decomposition import PCA
    from sklearn.metrics import silhouette_score

    vectors = np.nan_to_num(np.asarray(vectors, dtype=np.float64))
    plane = PCA(n_components=min(2, *vectors.shape), random_state=0)
    points = plane.fit_transform(vectors)
    if points.shape[1] == 1:
        points = np.pad(points, ((0, 0), (0, 1)))
    classes = len(np.unique(labels))
    silhouette = float(silhouette_score(vectors, labels)) if 2 <= classes < len(labels) else None
    share = float(np.nan_to_num(plane.explained_variance_ratio_).sum())
    return {"points": np.round(points, 3), "share": share, "silhouette": silhouette}


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """Both maps, and how far apart the classes lie in each."""
    maps = facts["maps"]
    blocks: list[Block] = []
    before, after = (maps.get(name, {}).get("silhouette") for name in ("before", "after"))
    if before is not None and after is not None:
        kind = "apart" if after > before + 0.05 else "closer" if after < before - 0.05 else "same"
        blocks.append(Sentence(words(f"feature_map.{kind}", before=f"{before:.2f}", after=f"{after:.2f}")))
    elif after is not None:
        blocks.append(Sentence(words("feature_map.alone", after=f"{after:.2f}")))
    legend = [(f"c{place + 1}", label) for place, label in enumerate(facts["classes"])]
    if facts["others"] > 0:
        legend.append(("muted", words("feature_map.others", count=facts["others"])))
    for name in ("before", "after"):
        if name in maps:
            title = words(f"feature_map.{name}", share=percent(words, maps[name]["share"], 0))
            blocks.append(Picture(map_svg(maps[name]["points"], facts["colors"]), title, legend))
    blocks.append(Sentence(words("feature_map.how", rows=facts["rows"]), "how"))
    return blocks


PARTS.add("feature_map", Part(46, examine, present, needs_test=False))
