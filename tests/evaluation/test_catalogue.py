"""Every language has every sentence with the same places, and finds the notes of the data again."""

from __future__ import annotations

import locale
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from sft_keras.data.corrections import Correction, correct, correction_key
from sft_keras.data.findings import language_findings
from sft_keras.data.splits import Splits, split_examples, split_given
from sft_keras.errors import ConfigError
from sft_keras.evaluation import catalogue as module
from sft_keras.evaluation.bootstrap import Difference
from sft_keras.evaluation.catalogue import LANGUAGES, catalogue, default_language, translate_note
from sft_keras.evaluation.evaluator import Metric, Scores
from sft_keras.evaluation.metrics import METRICS, ClassScores
from sft_keras.evaluation.wording import accuracy_verdict, compare_verdict, data_notes
from sft_keras.runs.prepare import _labels_without_rows
from tests.data.conftest import examples_of

ROOT = Path(module.__file__).parent
OPTIONS = {"validation_fraction": 0.1, "test_fraction": 0.2, "seed": 0, "similarity": 0.9}


def places(sentence: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", sentence))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys_and_places(language):
    english, other = catalogue("en").sentences, catalogue(language).sentences
    assert set(other) == set(english)
    assert {key: places(text) for key, text in other.items()} == {key: places(text) for key, text in english.items()}
    assert all(isinstance(text, str) for text in other.values())


def test_every_metric_has_a_name():
    assert LANGUAGES == ("en", "zh")
    for language in LANGUAGES:
        assert {f"metric.{name}" for name in METRICS} <= set(catalogue(language).sentences)


def test_every_file_that_is_no_program_is_packed():
    with (ROOT.parents[1] / "pyproject.toml").open("rb") as file:
        packed = tomllib.load(file)["tool"]["setuptools"]["package-data"]
    known = {path for package, globs in packed.items() for g in globs for path in _package(package).glob(g)}
    present = {p for p in ROOT.parent.rglob("*") if p.is_file() and p.suffix != ".py" and "__pycache__" not in p.parts}
    assert present == {path for path in known if path.is_file()}


def _package(name: str) -> Path:
    return ROOT.parents[1].joinpath(*name.split("."))


def test_another_language_is_refused_and_names_those_there_are():
    with pytest.raises(ConfigError, match='"fr"') as error:
        catalogue("fr")
    assert "en, zh" in error.value.fix


@pytest.mark.parametrize(
    ("name", "language"),
    [("zh_CN", "zh"), ("Chinese (Simplified)_China", "zh"), ("en_US", "en"), ("de_DE", "en"), (None, "en")],
)
def test_the_default_language_is_that_of_the_machine(monkeypatch, name, language):
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(locale, "getlocale", lambda: (name, "UTF-8"))
    assert default_language() == language
    monkeypatch.setenv("LANG", "zh_TW.UTF-8")
    assert default_language() == "zh"
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert default_language() == "en"


def all_notes() -> list[str]:
    """Every kind of note that a report can hold, from the code that writes it."""
    texts = [f"{word} text about the {word} number {i}" for i, word in enumerate("abcdefghijkl")]
    train = examples_of([*texts, *texts[:2], "one of its kind"], [*"xy" * 6, "x", "y", "z<b>"])
    longer = "a long text with many words that is nearly the same in both of the files, but for its very end"
    given = examples_of([longer, "something else"], ["x", "y"])
    copies = examples_of([longer + "!?", texts[0]], ["x", "y"])
    whole = split_given(examples_of([*texts, longer], [*"xy" * 6, "x"]), given, copies, **OPTIONS)
    classes = (ClassScores("正面", 1, 1, 1, 1), ClassScores("负, 面", 0, 0, 0, 0))
    few = Scores({}, classes, [], ())
    foreign = language_findings(["这是一个句子"], "English")
    return [
        *split_examples(train, **OPTIONS).notes,
        *split_given(train, given, None, **OPTIONS).notes,
        *split_given(train, None, given, **OPTIONS).notes,
        *whole.notes,
        *data_notes(few, 1),
        *data_notes(few, 7),
        *(f"{f.message} {f.consequence}" for f in foreign),
        *correction_notes(),
        *_labels_without_rows(SimpleNamespace(labels=SimpleNamespace(names=("好", "坏", "中"))), train),
    ]


def correction_notes() -> list[str]:
    rows = [(f"第{i}句", "好" if i % 2 else "坏") for i in range(8)]
    parts = [examples_of(*zip(*part, strict=True)) for part in (rows[:4], rows[4:6], rows[6:])]
    wrong = [("第0句", "坏", "好"), ("第1句", "好", None), ("第6句", "坏", "好"), ("没有", "好", "坏")]
    wanted = {correction_key(text, label): Correction(text, label, new) for text, label, new in wrong}
    return list(correct(Splits(*parts), wanted).notes)


def test_every_note_is_known_in_chinese():
    notes = all_notes()
    chinese = [translate_note(note, catalogue("zh")) for note in notes]
    assert None not in chinese, [n for n, c in zip(notes, chinese, strict=True) if c is None]
    kinds = {key for note in notes for key, pattern in catalogue.note_patterns if pattern.fullmatch(note)}
    assert kinds == {key for key in catalogue("en").sentences if key.startswith("note.")}
    assert any("z<b>" in note for note in chinese)
    assert any("“" not in note and '"负, 面"' in note for note in chinese)
    assert not re.search("[a-z]{3,} [a-z]{3,}", " ".join(chinese).replace("sft-keras backbones", ""))


def test_an_unknown_note_is_left_to_the_caller_and_english_stays():
    assert translate_note("Something new.", catalogue("zh")) is None
    assert translate_note("Something new.", catalogue("en")) == "Something new."


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (
            Difference(0.079, 0.059, 0.098, 300, 3000),
            "模型的准确率比“基线”高 7.9 个百分点（95% 置信区间 5.9 至 9.8）。",
        ),
        (
            Difference(-0.05, -0.08, -0.01, 90, 900),
            "“基线”的准确率比模型高 5.0 个百分点（95% 置信区间 1.0 至 8.0）。",
        ),
        (Difference(0.01, -0.002, 0.02, 300, 3000), "相差 +1.0 个百分点（95% 置信区间 -0.2 至 2.0）"),
        (Difference(0.2, 0.05, 0.4, 4, 1200), "在 1,200 条测试数据中，只有 4 条"),
    ],
)
def test_the_verdict_in_chinese(difference, expected):
    assert expected in compare_verdict(difference, baseline="基线", words=catalogue("zh"))


def test_the_accuracy_in_chinese():
    sentence = accuracy_verdict(Metric(0.9, 0.85, 0.94), words=catalogue("zh"))
    assert sentence == "模型答对了 90.0% 的测试数据（95% 置信区间 85.0 至 94.0）。"
    assert accuracy_verdict(Metric(0.9, None, None), words=catalogue("zh")) == "模型答对了 90.0% 的测试数据。"
