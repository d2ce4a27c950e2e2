from __future__ import annotations

import struct
import warnings

import numpy as np
import pytest

from sft_keras.evaluation import charts, fonts, plots
from sft_keras.evaluation.metrics import calibration_bins

PNG = b"\x89PNG\r\n\x1a\n"


def size(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(PNG)
    return struct.unpack(">II", picture[16:24])


@pytest.fixture(autouse=True)
def _no_missing_glyphs():
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph")
        yield


@pytest.mark.parametrize("classes", [2, 25, 77, 150])
def test_confusion_matrix_from_two_to_many_classes(classes):
    matrix = (np.eye(classes, dtype=int) * 9 + 1).tolist()
    width, height = size(
        plots.draw_confusion_matrix(matrix, [f"a rather long name of class {i}" for i in range(classes)])
    )
    assert 400 < width < 3500
    assert 400 < height < 3500


@pytest.mark.parametrize(
    "names",
    [["体育", "财经新闻"], ["日本語", "ไทย"], ["$5", "$10 and $20"], ["a\nb\t\x00", ""], ["\U0010fffd", "😀"]],
)
def test_no_name_breaks_the_picture_or_is_drawn_as_empty_boxes(names):
    size(plots.draw_confusion_matrix([[3, 1], [0, 2]], names))


def test_a_script_that_no_font_has_is_replaced_by_numbers():
    assert fonts.font_families(["体育"], candidates=()) is None
    assert fonts.font_families(["体育"], candidates=("No Such Font",)) is None
    assert fonts.font_families(["sport", "Ελληνικά", "спорт"], candidates=()) == ("DejaVu Sans",)


def test_a_fallback_font_is_taken_if_it_has_the_missing_characters(monkeypatch):
    installed = {"DejaVu Sans": frozenset(map(ord, "abc")), "First": frozenset(), "Second": frozenset(map(ord, "体育"))}
    monkeypatch.setattr(fonts, "_characters", installed.__getitem__)
    assert fonts.font_families(["a体", "育"], ("First", "Second")) == ("DejaVu Sans", "Second")


def test_reliability_with_empty_bins():
    size(plots.draw_reliability(calibration_bins([0], [[0.9, 0.1]], 15), 0.1))
    size(plots.draw_reliability(calibration_bins([0, 1], [[0.9, 0.1]] * 2, 2), None))


@pytest.mark.parametrize(
    "history",
    [
        [{"epoch": 1, "loss": 1.0, "task_loss": 0.8, "sup_loss": 0.2, "val_task_loss": 0.9, "val_macro_f1": 0.5}],
        [{"epoch": i, "loss": 1.0 / (i + 1), "val_loss": None} for i in range(4)],
        [{"loss": float("nan")}, {"loss": "no number"}],
        [{"epoch": 1}],
    ],
)
def test_training_curves_of_whatever_was_logged(history):
    size(plots.draw_training_curves(history))


def test_a_validation_loss_shares_the_shade_of_its_training_loss():
    styles = charts.line_styles(["loss", "task_loss", "val_task_loss", "val_other_loss"])
    assert styles["val_task_loss"]["color"] == styles["task_loss"]["color"]
    assert "linestyle" in styles["val_task_loss"]
    assert len({style["color"] for style in styles.values()}) == 3
