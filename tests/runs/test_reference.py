"""What later texts are compared with: made from the run, kept without a text, and no reason to fail."""

from __future__ import annotations

import numpy as np

from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.reference import FILE, run_reference, training_rows, watch_of


def test_it_is_made_once_and_read_again_and_holds_no_text(copied_run: RunDirectory) -> None:
    made = run_reference(copied_run)
    assert made is not None
    before = (copied_run.data / FILE).stat().st_mtime_ns
    again = run_reference(copied_run)
    assert again is not None
    assert (copied_run.data / FILE).stat().st_mtime_ns == before
    for name, value in vars(made).items():
        np.testing.assert_array_equal(value, getattr(again, name))
        assert value.dtype.kind in "iuf"
    assert made.counts.sum() == len(made.confidences) > 0


def test_a_damaged_one_is_made_anew(copied_run: RunDirectory) -> None:
    for content in (b"", b"rubbish", b"PK\x03\x04"):
        (copied_run.data / FILE).write_bytes(content)
        assert run_reference(copied_run) is not None


def test_without_the_predictions_of_the_test_part_there_is_none(copied_run: RunDirectory) -> None:
    (copied_run.data / "predictions.npz").unlink()
    (copied_run.data / "reference.npz").unlink(missing_ok=True)  # the run that was copied may have been asked before
    assert run_reference(copied_run) is None


def test_a_bundle_away_from_its_run_has_nothing_to_compare_with(copied_run: RunDirectory, tmp_path) -> None:
    assert watch_of(copied_run.path, ("bad", "good")) is not None
    assert watch_of(copied_run.bundle, ("bad", "good")) is not None
    away = tmp_path / "away"
    copied_run.bundle.rename(away)
    assert watch_of(away, ("bad", "good")) is None
    copied_run.data.rename(tmp_path / "data")  # as one that a person happens to have there
    (tmp_path / "data" / FILE).unlink()
    assert training_rows(away) is None
    assert watch_of(away, ("bad", "good")) is None
    assert not (tmp_path / "data" / FILE).exists()
