"""Directions of features: right at every size, and zero where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from sft_keras.losses.similarity import other_rows, unit_rows
from tests.losses.gradients import value_and_gradients

ROWS = np.random.default_rng(0).normal(size=(5, 7)).astype("float32")


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4, 1e18, 1e30])
def test_the_direction_does_not_depend_on_the_size(scale: float) -> None:
    expected = ROWS.astype(np.float64) / np.linalg.norm(ROWS.astype(np.float64), axis=1, keepdims=True)
    np.testing.assert_allclose(unit_rows(ROWS * np.float32(scale)), expected, rtol=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-8])
def test_a_row_of_next_to_nothing_is_zero_and_passes_no_gradient(scale: float) -> None:
    rows = ROWS.copy()
    rows[2] *= scale
    values, (gradient,) = value_and_gradients(lambda at: unit_rows(at) * np.arange(7, dtype="float32"), rows)
    np.testing.assert_array_equal(values[2], np.zeros(7))
    np.testing.assert_array_equal(gradient[2], np.zeros(7))
    assert np.abs(gradient[[0, 1, 3, 4]]).min(axis=1).max() > 0


def test_other_rows_are_all_but_the_row_itself_and_those_of_weight_zero() -> None:
    others = other_rows(np.array([1.0, 0.0, 0.5], "float32"))
    np.testing.assert_array_equal(others, [[False, False, True], [True, False, True], [True, False, False]])
