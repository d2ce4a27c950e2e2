"""Which recipe is advised for which data."""

from __future__ import annotations

import pytest

from sft_keras.modeling import backbone_choice
from sft_keras.modeling.backbones.base import presets_here
from sft_keras.services import Services
from sft_keras.services.space.datasets import DatasetInfo, DatasetView

LATIN, CHINESE, CYRILLIC = "where is my parcel", "快递什么时候到", "где моя посылка"


def view(text: str, **class_counts: int) -> DatasetView:
    rows = sum(class_counts.values())
    info = DatasetInfo("d" * 32, "a.csv", "2026-01-01T00:00:00+00:00", "upload")
    return DatasetView(
        info=info, columns=("text", "label"), text_column="text", label_column="label", reasons=(), notes=(),
        header=("label", "text"), preview=tuple(("a", text) for _ in range(5)), rows=rows, usable_rows=rows,
        class_counts=class_counts, lengths=None, findings=(), ok=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "counts", "network", "advised"),
    [
        (LATIN, {"a": 50, "b": 50}, False, "balanced"),
        (LATIN, {"a": 500, "b": 500}, False, "quick"),
        (LATIN, {"a": 900, "b": 10, "c": 10}, False, "balanced"),
        (LATIN, {f"label {n}": 10 for n in range(6)}, False, "balanced"),
        (LATIN, {f"label {n}": 10 for n in range(20)}, False, "quick"),
        (CHINESE, {"a": 500, "b": 500}, False, "chinese"),
        (CHINESE, {"a": 50, "b": 50}, True, "chinese"),
        (CYRILLIC, {"a": 50, "b": 50}, False, "lstm"),
        (CYRILLIC, {"a": 500, "b": 500}, False, "lstm"),
        (CYRILLIC, {"a": 50, "b": 50}, True, "balanced"),
        (CYRILLIC, {"a": 500, "b": 500}, True, "quick"),
    ],
)
def test_the_recipe_to_try_first(
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    counts: dict[str, int],
    network: bool,
    advised: str,
) -> None:
    """A recipe that cannot train what it is advised for would be an error instead of a start."""
    assert "minilm" in presets_here()
    monkeypatch.setattr(backbone_choice, "hub_answers", lambda: network)
    assert services.advised_recipe(view(text, **counts)) == advised
    services.recipe(advised)
