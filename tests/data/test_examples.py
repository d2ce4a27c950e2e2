"""Rows become examples; what is dropped is told, what is wrong is named by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sft_keras.data.columns import choose_columns
from sft_keras.data.examples import Examples, examples_from_table, require_trainable
from sft_keras.data.readers import read_table
from sft_keras.errors import DataError
from sft_keras.settings import Settings

from .conftest import examples_of


def load_examples(path: Path, settings: Settings, **columns: str) -> tuple[Examples, list[str]]:
    """The usable rows of a file, and all that is said of it."""
    table = read_table(path, settings)
    chosen = choose_columns(table.frame, source=table.source, **columns)
    examples, notes = examples_from_table(table, chosen, settings)
    return examples, [*table.notes, *chosen.reasons, *notes]


def save(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_unusable_rows_are_dropped_and_counted(tmp_path: Path, settings: Settings) -> None:
    path = save(tmp_path / "a.csv", "text,label\n a good one , pos \n,neg\nno label here,\n坏,neg\n")
    examples, notes = load_examples(path, settings)
    assert examples.labels == ["pos", "neg"]
    assert examples.texts == [" a good one ", "坏"]
    assert examples.rows.tolist() == [1, 4]
    assert examples.weights is None
    assert "1 row(s) without a text were left out, the first is row 2." in notes
    assert "1 row(s) without a label were left out, the first is row 3." in notes


def test_weights(tmp_path: Path, settings: Settings) -> None:
    path = save(tmp_path / "a.csv", "text,label,w\na,x,1\nb,y,0.5\nc,x,0\n")
    examples, _ = load_examples(path, settings, weight="w")
    assert examples.weights is not None
    assert examples.weights.dtype == np.float32
    assert examples.weights.tolist() == [1.0, 0.5, 0.0]


@pytest.mark.parametrize("bad", ["-1", "nan", "inf", "heavy", "", "1e60"])
def test_bad_weight_names_row_and_value(bad: str, tmp_path: Path, settings: Settings) -> None:
    path = save(tmp_path / "a.csv", f"text,label,w\na,x,1\nb,y,{bad}\n")
    with pytest.raises(DataError) as caught:
        load_examples(path, settings, weight="w")
    assert f'"{bad}"' in caught.value.problem
    assert "row 2, column w" in caught.value.where


def test_all_weights_zero(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(DataError, match="All weights are zero"):
        load_examples(save(tmp_path / "a.csv", "text,label,w\na,x,0\nb,y,0\n"), settings, weight="w")


def test_limits(tmp_path: Path) -> None:
    path = save(tmp_path / "a.csv", "text,label\nshort,x\nrather a long text,y\n")
    with pytest.raises(DataError) as caught:
        load_examples(path, Settings(data_dir=tmp_path, max_text_characters=10))
    assert "row 2" in caught.value.where
    with pytest.raises(DataError, match="more classes than the limit of 1"):
        load_examples(path, Settings(data_dir=tmp_path, max_classes=1))


def test_nothing_usable(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(DataError, match="both a text and a label"):
        load_examples(save(tmp_path / "a.csv", "text,label\na,\n,x\n"), settings)


def test_fingerprint_depends_on_content_only() -> None:
    one = examples_of(["a", "bc"], ["x", "y"])
    same = Examples(one.texts, one.labels, None, np.array([7, 8]), "elsewhere")
    assert one.fingerprint() == same.fingerprint()
    assert len(one.fingerprint()) == 64
    others = [
        examples_of(["ab", "c"], ["x", "y"]),
        examples_of(["bc", "a"], ["y", "x"]),
        examples_of(["a", "bc"], ["x", "z"]),
        examples_of(["a", "bc"], ["x", "y"], [1, 1]),
    ]
    assert len({one.fingerprint(), *(e.fingerprint() for e in others)}) == 5


@pytest.mark.parametrize("weights", [None, [0.5, 2.0, 0.0]])
def test_parquet_round_trip(weights: list[float] | None, tmp_path: Path) -> None:
    examples = examples_of(["a\nb", "中文", "\U0001f600"], ["x", "y", "x"], weights)
    examples.to_parquet(tmp_path / "a.parquet")
    back = Examples.from_parquet(tmp_path / "a.parquet")
    assert back.fingerprint() == examples.fingerprint()
    assert back.rows.tolist() == examples.rows.tolist()
    assert back.source == "memory"


def test_damaged_parquet(tmp_path: Path) -> None:
    save(tmp_path / "a.parquet", "rubbish")
    for name in ("a.parquet", "missing.parquet"):
        with pytest.raises(DataError, match="missing or damaged"):
            Examples.from_parquet(tmp_path / name)


def test_take_keeps_order() -> None:
    taken = examples_of(["a", "b", "c"], ["x", "y", "z"], [1, 2, 3]).take([2, 0])
    assert (taken.texts, taken.labels, taken.rows.tolist()) == (["c", "a"], ["z", "x"], [3, 1])
    assert taken.weights is not None
    assert taken.weights.tolist() == [3, 1]


def test_trainable() -> None:
    enough = examples_of([str(i) for i in range(8)], ["a", "b"] * 4)
    require_trainable(enough)
    with pytest.raises(DataError, match="two different labels"):
        require_trainable(examples_of(["x"] * 8, ["a"] * 8))
    with pytest.raises(DataError, match="At least 8 rows"):
        require_trainable(enough.take(range(7)))
    rare = examples_of(["x"] * 10, ["a"] * 8 + ["rare"] * 2)
    with pytest.raises(DataError, match=r"rare \(2\)"):
        require_trainable(rare)
    require_trainable(rare, parts=["training", "validation"])
    require_trainable(rare, parts=["training"])
