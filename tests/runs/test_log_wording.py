"""The log of a run is read in Chinese as well."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sft_keras import runs
from sft_keras.modeling import backbone_choice
from sft_keras.modeling.fine_tune_model import ParameterCounts
from sft_keras.runs.log_wording import CATALOGUES, catalogue, log_line

ROOT = Path(runs.__file__).parents[1]
FILES = sorted(path for part in ("runs", "training") for path in (ROOT / part).glob("*.py"))
TIME = "2026-11-22T22:37:27+00:00"
# What went wrong: the page tells it beside the log, and its details are no sentences of ours.
FAILURES = {"test: testtest", "Diagnostics, test: test: test\ntest", "Diagnostics: test"}
# These are put together from parts: whole ones stand below.
COMPOSED = {"Epochs: test in place of test, since test.", "Model: test.", "Vectors of test texts: test."}


def places(sentence: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", sentence))


def logged(file: Path) -> Iterator[str]:
    """The sentences that a file writes into a log, with a word at each place; not those that were made elsewhere."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called.endswith(".event") and ast.unparse(node.args[0]) == "'log'":
            texts = [each.value for each in node.keywords if each.arg == "message"]
        else:
            texts = node.args if called in ("run.log", "self.log", "log") else []
        for text in texts:
            if isinstance(text, ast.Constant):
                yield str(text.value)
            elif isinstance(text, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "test" for part in text.values)


SENTENCES = sorted({sentence for file in FILES for sentence in logged(file)} - FAILURES - COMPOSED)


def in_chinese(message: str) -> str:
    time, _, told = log_line(f"{TIME} {message}", "zh").partition(" ")
    assert time == TIME
    return told


def test_the_sentences_are_found() -> None:
    assert len(SENTENCES) > 20


@pytest.mark.parametrize("sentence", SENTENCES)
def test_every_line_is_known_in_chinese(sentence: str) -> None:
    assert in_chinese(sentence) != sentence


def test_every_language_has_the_same_keys_and_places() -> None:
    english, chinese = catalogue("en").sentences, catalogue("zh").sentences
    assert {key: places(text) for key, text in english.items()} == {key: places(text) for key, text in chinese.items()}


@pytest.mark.parametrize(
    ("number", "key"),
    [(number, key) for number, each in enumerate(CATALOGUES) for key, _ in each.note_patterns],
)
def test_no_sentence_is_taken_for_another(number: int, key: str) -> None:
    values = {name: f"V{name}" for name in places(CATALOGUES[number]("en").sentences[key])}
    assert in_chinese(CATALOGUES[number]("en")(key, **values)) == CATALOGUES[number]("zh")(key, **values)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("Phase: searching.", "阶段：寻找 λ。"),
        ("Rows: 210 training, 30 validation, 60 test.", "行数：训练集 210，验证集 30，测试集 60。"),
        ("Rows: 210 training, 90 validation.", "行数：训练集 210，验证集 90。"),
        ("Backbone: lstm (trained from scratch).", "基础模型：lstm（从零开始训练）。"),
        ('Texts: column "test", as you chose.', "文本：“test”列，由您选定。"),
        (
            "Epochs: 29 in place of 4, since 210 training rows make few updates in an epoch for 2 labels.",
            "轮数：由 4 改为 29，因为 210 行训练数据每轮的更新次数对 2 个标签来说太少。",
        ),
        (f"Model: {ParameterCounts(2_138_050, 0)}.", "模型：2,138,050 个可训练参数，0 个冻结参数。"),
        ("Vectors of 300 texts: in 4 s.", "300 条文本的向量：用时 4 秒。"),
        ("Vectors of 300 texts: read from the cache.", "300 条文本的向量：从缓存读取。"),
        ("λ = 0.1: validation macro_f1 0.7123.", "λ = 0.1：验证集 macro_f1 为 0.7123。"),
        (
            "λ = 0.3 was 1.2 points better than λ = 0 on 40 validation rows, which is within the noise (too few rows "
            "for an interval): λ = 0 is kept.",
            "在 40 行验证数据上，λ = 0.3 比 λ = 0 高 1.2 个百分点，仍在噪声范围内（行数太少，无法给出置信区间）："
            "保留 λ = 0。",
        ),
        (
            "λ = 0.1 for supcon: 0.0213 better than without (interval 0.0050 to 0.0350).",  # a loss: lower is better
            "supcon 采用 λ = 0.1：比不用时好 0.0213（置信区间 0.0050 至 0.0350）。",
        ),
        (
            "λ = 0.1 for supcon: 2.0 points better than without (interval 0.5 points to 3.5 points).",
            "supcon 采用 λ = 0.1：比不用时高 2.0 个百分点（置信区间 0.5 至 3.5 个百分点）。",
        ),
        (
            "model.int8.onnx is left out of the bundle: accuracy on 30 validation rows would fall from 90.0% to 86.7%.",
            "模型包中不含 model.int8.onnx：在 30 行验证数据上，准确率会从 90.0% 降到 86.7%。",
        ),
        (
            "model.int8.onnx is left out of the bundle: the model is too small to gain by it.",
            "模型包中不含 model.int8.onnx：模型太小，没有好处。",
        ),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
    ],
)
def test_a_line_in_chinese(message: str, told: str) -> None:
    assert in_chinese(message) == told


@pytest.mark.parametrize("texts", [["plain words"], ["送餐太慢了"], ["очень хорошо"]])
@pytest.mark.parametrize("answers", [False, True])
def test_the_choice_of_a_backbone_is_known_in_chinese(
    texts: list[str], answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backbone_choice, "hub_answers", lambda: answers)
    reason = backbone_choice.choose_backbone(texts)[1]
    assert not re.search("because|learned|texts", in_chinese(reason))


def test_english_and_lines_without_a_time_stay() -> None:
    line = f"{TIME} Phase: loading."
    assert log_line(line, "en") == line
    assert [log_line(each, "zh") for each in ("", "ValueError: x", "  File")] == ["", "ValueError: x", "  File"]
