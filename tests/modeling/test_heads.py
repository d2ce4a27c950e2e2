"""Pooling against NumPy, with padding that must not matter."""

from __future__ import annotations

import numpy as np
import pytest

from sft_keras.modeling.heads import MaskedPooling

SEQUENCE = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]], dtype="int32")


def expected(mode: str) -> np.ndarray:
    rows = []
    for vectors, mask in zip(SEQUENCE, MASK, strict=True):
        real = vectors[mask.astype(bool)]
        mean, largest = real.mean(0), real.max(0)
        both = np.concatenate([mean, largest])
        rows.append({"cls": real[0], "mean": mean, "max": largest, "last": real[-1], "mean_max": both}[mode])
    return np.stack(rows)


@pytest.mark.parametrize("mode", ["cls", "mean", "max", "last", "mean_max"])
def test_pooling_equals_numpy_and_ignores_padding(mode: str) -> None:
    layer = MaskedPooling(mode)
    result = np.asarray(layer(SEQUENCE, MASK))
    np.testing.assert_allclose(result, expected(mode), rtol=1e-6)
    noisy = np.where(MASK[..., None] > 0, SEQUENCE, 1e4).astype("float32")
    np.testing.assert_allclose(np.asarray(layer(noisy, MASK)), result, rtol=1e-6)
    assert layer.compute_output_shape((3, 5, 4)) == result.shape


@pytest.mark.parametrize("mode", ["cls", "mean", "max", "last", "mean_max"])
def test_a_row_of_padding_gives_numbers(mode: str) -> None:
    assert np.isfinite(np.asarray(MaskedPooling(mode)(SEQUENCE, np.zeros_like(MASK)))).all()
