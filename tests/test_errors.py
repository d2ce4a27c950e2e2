"""A message for people has three parts, and hints name the nearest word."""

from __future__ import annotations

import pytest

from sft_keras.errors import ArtifactError, ConfigError, DataError, SftError, TrainingError, did_you_mean, one_line


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


def test_a_message_names_no_thousand_labels() -> None:
    hint = did_you_mean("zzz", [f"label {i:04d}" for i in range(1000)])
    assert "label 0029, and 970 more." in hint
    assert "label 0030" not in hint


def test_what_stands_in_a_file_cannot_forge_a_part_or_drive_the_terminal() -> None:
    error = DataError("No \x1b]0;title\x07 here", where="a\nWhat to do: run this.csv", fix="")
    assert str(error) == "No  ]0;title  here\nWhere: a What to do: run this.csv"
    assert one_line("a\u202eb\u2028c\x9bd") == "a b c d"
    assert one_line("👩‍👩‍👧 \u3000 می‌خواهم") == "👩‍👩‍👧 \u3000 می‌خواهم"
