"""What is found in the dataset of an owner, and what is fixed and chosen in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sft_keras.errors import ConfigError, DataError
from sft_keras.services import Services
from sft_keras.services.space.base import new_key
from sft_keras.settings import Settings
from tests.conftest import sentences, write_csv


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    """Thirty sentences, one twice, one without a label, one label in two spellings."""
    rows = sentences(30)
    rows[4] = (rows[4][0], "BAD")
    return write_csv(tmp_path / "messy.csv", [*rows, rows[0], ("no label here", "")])


def test_fixes_are_laid_over_and_the_file_stays(space, messy):
    info = space.add_upload(messy, "messy.csv")
    before = space.inspect(info.id)
    codes = {finding.code for finding in before.findings if finding.fixable}
    assert codes == {"missing_label", "label_spelling", "exact_duplicates", "tiny_class"}
    assert (before.rows, before.usable_rows, before.ok) == (32, 31, False)
    changed = space.set_fixes(info.id, ["exact_duplicates", "label_spelling", "missing_label"])
    assert changed.fixes == ("missing_label", "label_spelling", "exact_duplicates")
    after = space.inspect(info.id)
    assert after.ok
    assert after.class_counts == {"bad": 15, "good": 15}
    copy = space.fixed_file(info.id)
    assert len(copy.read_text().splitlines()) == 30
    first = copy.read_bytes(), copy.stat().st_mtime_ns
    assert space.fixed_file(info.id) == copy
    assert (copy.read_bytes(), copy.stat().st_mtime_ns) == first
    assert (copy.parent / "original.csv").read_bytes() == messy.read_bytes()
    space.set_fixes(info.id, [])
    assert space.fixed_file(info.id).name == "original.csv"
    assert space.inspect(info.id) == before
    with pytest.raises(ConfigError, match="no fix"):
        space.set_fixes(info.id, ["everything"])


def test_rows_are_told_by_their_number_in_the_file(space, tmp_path):
    rows = [("", "good"), *sentences(20), ("damaged \ufffd text", "good")]
    info = space.add_upload(write_csv(tmp_path / "a.csv", rows), "a.csv")
    space.set_fixes(info.id, ["missing_text"])
    found = {finding.code: finding for finding in space.inspect(info.id).findings}
    assert found["damaged_characters"].rows == (22,)


def test_columns_are_chosen_by_hand_or_found(space, tmp_path):
    rows = [(text, label, f"note {i} of somebody who read it") for i, (text, label) in enumerate(sentences(20))]
    path = write_csv(tmp_path / "a.csv", rows, ("text", "label", "note"))
    info = space.add_upload(path, "a.csv")
    assert space.chosen_columns(info.id) == ("text", "label")
    space.choose_columns(info.id, "note", "label")
    assert space.inspect(info.id).text_column == "note"
    with pytest.raises(DataError, match="no text column"):
        space.choose_columns(info.id, "nothing", None)
    space.choose_columns(info.id, None, None)
    assert space.inspect(info.id).text_column == "text"


def test_columns_that_cannot_be_told_are_asked_for(space, tmp_path):
    rows = [(f"word{i} and more words", f"other{i} words here", f"{i} and one more") for i in range(20)]
    info = space.add_upload(write_csv(tmp_path / "a.csv", rows, ("first", "second", "third")), "a.csv")
    view = space.inspect(info.id)
    assert (view.columns, view.text_column, view.ok) == (("first", "second", "third"), "", False)
    assert view.findings[0].code == "columns"
    space.choose_columns(info.id, "first", "second")
    assert space.inspect(info.id).text_column == "first"


def test_a_file_for_the_test_part(space, labelled, tmp_path):
    info = space.add_upload(labelled, "a.csv")
    test = write_csv(tmp_path / "t.csv", [*sentences(120)[:3], *sentences(20, seed=5)])
    assert space.part_file(info.id, "test") is None
    assert space.add_part(info.id, "test", test, "t.csv").test == "t.csv"
    assert space.part_file(info.id, "test").read_bytes() == test.read_bytes()
    assert "test_in_training" in {finding.code for finding in space.inspect(info.id).findings}
    space.set_fixes(info.id, ["test_in_training"])
    assert space.inspect(info.id).usable_rows < 120
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"%PDF")
    with pytest.raises(DataError, match="PDF"):
        space.add_part(info.id, "test", bad, "bad.pdf")
    assert space.dataset(info.id).test == "t.csv"
    before = space.fixed_file(info.id)
    space.add_part(info.id, "test", None)
    assert space.part_file(info.id, "test") is None
    assert space.fixed_file(info.id) != before
    with pytest.raises(ConfigError, match="no part"):
        space.add_part(info.id, "../x", test, "t.csv")


def test_a_large_file_is_looked_at_quickly_and_counted_whole(tmp_path):
    import random
    import time

    space = Services(Settings(data_dir=tmp_path / "data")).space(new_key())
    draw = random.Random(0)
    words = [f"w{i}" for i in range(2000)]
    rows = [(" ".join(draw.choices(words, k=12)), "abc"[i % 3]) for i in range(60_000)]
    info = space.add_upload(write_csv(tmp_path / "big.csv", [*rows, rows[0]]), "big.csv")
    begun = time.process_time()
    view = space.inspect(info.id)
    assert time.process_time() - begun < 10  # about a second, or three on a slow machine
    assert view.class_counts == {"a": 20001, "b": 20000, "c": 20000}
    assert view.usable_rows == 60_001
    assert any("measured on" in note for note in view.notes)
    assert {finding.code: finding.message for finding in view.findings}["exact_duplicates"].startswith("1 row")
    assert sum(view.lengths.counts) <= 10_000


def test_lengths_in_tokens_and_characters(space, tmp_path):
    rows = [*sentences(40), (" ".join(["word"] * 400), "good")]
    info = space.add_upload(write_csv(tmp_path / "a.csv", rows), "a.csv")
    lengths = space.inspect(info.id, max_length=64).lengths
    assert lengths.unit == "tokens"
    assert (lengths.cut, lengths.limit) == (1, 64)
    assert sum(lengths.counts) == 41
    assert len(lengths.edges) == len(lengths.counts) + 1
    assert list(lengths.edges) == sorted(set(lengths.edges))


def test_looking_at_data_loads_no_keras(tmp_path):
    import subprocess
    import sys

    path = write_csv(tmp_path / "a.csv", sentences(40))
    program = f"""
import sys
from pathlib import Path
from sft_keras.services import Services
from sft_keras.settings import Settings
space = Services(Settings(data_dir=Path({str(tmp_path / "data")!r}))).space("k" * 40)
info = space.add_upload(Path({str(path)!r}), "a.csv")
space.set_fixes(info.id, ["exact_duplicates"])
space.inspect(info.id); space.fixed_file(info.id)
print(sorted({{"keras", "tensorflow", "keras_hub", "onnx"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_findings_are_told_in_chinese(space, messy):
    info = space.add_upload(messy, "messy.csv")
    view = space.inspect(info.id, language="zh")
    assert {f.code: f.message for f in view.findings}["missing_label"] == "有 1 条数据没有标签。"
    assert view.notes[:2] == ("编码：UTF-8。", "分隔符：逗号。")
    assert view.reasons[0] == "文本：“text”列，根据列名判断。"
    with pytest.raises(ConfigError, match="language"):
        space.inspect(info.id, language="xx")


def test_findings_follow_a_test_file_that_was_replaced(space, labelled, tmp_path):
    info = space.add_upload(labelled, "a.csv")
    rows = sentences(120)
    space.add_part(info.id, "test", write_csv(tmp_path / "test.csv", sentences(40, seed=9)), "test.csv")
    before = {each.code for each in space.inspect(info.id).findings}
    assert space.inspect(info.id).part_rows == {"test": 40}
    space.add_part(info.id, "test", write_csv(tmp_path / "test.csv", rows[:30]), "test.csv")
    after = {each.code for each in space.inspect(info.id).findings}
    assert after - before == {"test_in_training"}
    assert space.inspect(info.id).part_rows == {"test": 30}
