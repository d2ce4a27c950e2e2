"""What is told about data is told in every language, with the same values."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from sft_keras.data import catalogue as module
from sft_keras.data.catalogue import Names, catalogue, tell, translate_notes
from sft_keras.data.checks import check_examples
from sft_keras.data.columns import choose_columns
from sft_keras.data.findings import FIXABLE, Finding
from sft_keras.data.readers import read_table
from sft_keras.errors import ConfigError
from sft_keras.settings import Settings
from tests.conftest import sentences, write_csv
from tests.data.conftest import examples_of

SOURCES = Path(module.__file__).parent


def places(sentence: str) -> set[str]:
    return set(re.findall(r"\{(\w+)[^}]*\}", sentence))


@pytest.mark.parametrize("language", catalogue.languages)
def test_every_language_has_the_same_keys_and_places(language):
    english, other = catalogue("en").sentences, catalogue(language).sentences
    assert catalogue.languages == ("en", "zh")
    assert set(other) == set(english)
    assert {key: places(text) for key, text in other.items()} == {key: places(text) for key, text in english.items()}


def test_every_finding_has_both_sentences():
    source = "".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("*findings.py"))
    codes = set(re.findall(r"(?:Finding\(|^ {8}\()\s*\"([a-z_]+)\"", source, re.MULTILINE))
    codes -= {"label_spelling", "one_class"} - set(FIXABLE)
    assert len(codes) > 15
    keys = set(catalogue("en").sentences)
    assert {f"{code}.{what}" for code in codes for what in ("message", "consequence")} <= keys


def test_findings_of_a_bad_file_in_chinese(tmp_path):
    rows = [*sentences(30), ("", "good"), ("some text", ""), ("one of its kind", "Ugly"), ("broken \ufffd", "GOOD")]
    rows += [rows[0], (rows[1][0], "bad"), ("long " * 30, "good")]
    table = read_table(write_csv(tmp_path / "a.csv", rows), Settings())
    columns = choose_columns(table.frame)
    test = examples_of([rows[0][0], "something new"], ["good", "strange"])
    report = check_examples(
        table,
        columns,
        Settings(max_text_characters=100),
        token_counter=lambda texts: np.array([len(t.split()) for t in texts]),
        max_length=10,
        languages="English",
        parts={"test": test},
    )
    assert len({finding.code for finding in report.findings}) >= 10
    for finding in report.findings:
        chinese = finding.told("message", "zh") + finding.told("consequence", "zh")
        assert re.search("[\u4e00-\u9fff]{4}", chinese)
        assert "{" not in chinese
        assert not re.search("[a-z]{3,} [a-z]{3,} [a-z]{3,}", chinese)
        assert set(re.findall(r"\d+", finding.message)) <= set(re.findall(r"\d+", chinese))
    assert all(
        re.search("[\u4e00-\u9fff]{2}", note) for note in translate_notes((*table.notes, *columns.reasons), "zh")
    )


def test_lists_of_names():
    few, many = Names(("好", "坏"), (3, 1), quoted=True), Names(("a", "b"), more=True)
    assert Finding("imbalance", "warning", values={"names": few}).message == (
        'The classes are unequal: "好" (3), "坏" (1).'
    )
    assert tell("zh", "imbalance.message", {"names": few}) == "各类别的数据量相差悬殊：“好”（3 条）、“坏”（1 条）。"
    assert tell("zh", "absent_labels.message", {"file": "test", "n": 12, "names": many}) == (
        "测试文件中没有以下 12 个标签的数据：a、b等。"
    )


def test_braces_in_a_label_are_only_text():
    finding = Finding("one_class", "error", values={"label": "{0} {n} {label}"})
    assert finding.message == "All rows have one label: {0} {n} {label}."


def test_notes_keep_what_they_name():
    notes = ('Texts: column "a (b) because", as you chose.', "Something new.", "Separator: comma.")
    assert translate_notes(notes, "zh") == ("文本：“a (b) because”列，由您选定。", "Something new.", "分隔符：逗号。")
    assert translate_notes(notes, "en") == notes
    with pytest.raises(ConfigError, match="no finding in the language"):
        translate_notes(notes, "fr")
