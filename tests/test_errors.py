"""A message for people has three parts, and hints name the nearest word."""

from __future__ import annotations

import pytest

from sft_keras.errors import ArtifactError, ConfigError, DataError, SftError, TrainingError, did_you_mean


@pytest.mark.parametrize("kind", [DataError, ConfigError, TrainingError, ArtifactError])
def test_three_parts(kind: type[SftError]) -> None:
    error = kind("The file is empty.", where="a.csv", fix="Choose another.")
    assert str(error) == "The file is empty.\nWhere: a.csv\nWhat to do: Choose another."
    assert error.to_dict() == {
        "error": kind.__name__,
        "problem": "The file is empty.",
        "where": "a.csv",
        "fix": "Choose another.",
    }
    assert str(kind("Only this.")) == "Only this."


def test_did_you_mean() -> None:
    assert did_you_mean("epocks", ["seed", "epochs"]) == 'Did you mean "epochs"? Known: epochs, seed.'
    assert did_you_mean("zzz", ["seed", "epochs"]) == "Known: epochs, seed."
    assert did_you_mean("x", []) == "Known: (none)."
