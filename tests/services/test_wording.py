"""Errors that a person can cause in the app are told in Chinese, too."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from sft_keras import services
from sft_keras.data.files import FOREIGN_MAGIC
from sft_keras.errors import DataError, LinkError
from sft_keras.services.wording import catalogue, told

ROOT = Path(services.__file__).parents[1]
FILES = (
    "data/readers.py",
    "data/files.py",
    "data/decoding.py",
    "data/binary_formats.py",
    "data/workbook_guard.py",
    "data/columns.py",
    "spaces/datasets.py",
    "spaces/files.py",
    "spaces/room.py",
    "services/space/public.py",
    "services/space/entrance.py",
    "services/space/runs.py",
    "services/space/submission.py",
    "services/space/evaluation.py",
    "services/tickets.py",
    "services/uploads.py",
    "evaluation/pairs.py",
    "runs/tested.py",
    "runs/queue.py",
    "runs/removal.py",
    "runs/request.py",
    "inference/queued.py",
    "inference/pool.py",
    "inference/process.py",
    "inference/exact.py",
    "inference/training_features.py",
    "services/examples.py",
    "spaces/links.py",
    "services/space/links.py",
    "services/space/look.py",
    "services/space/predictions.py",
    "artifacts/further.py",
    "modeling/layers.py",
    "modeling/hub.py",
    "recipes.py",
)
ERRORS = ("DataError", "ArtifactError", "ConfigError", "TrainingError", "LinkError", "OverloadedError")
# For programs and terminals only, or told with other words.
LEFT_OUT = {
    '["a text"]',
    "This is not a regular file.",
    "The texts must be a list of strings.",
    "This file cannot be downloaded.",
}


def places(sentence: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", sentence))


def problems(file: str) -> set[str]:
    """The first sentence of every error that a file raises, with a word at each place."""
    return {written(call.args[0]) for call in raised(file) if call.args} - LEFT_OUT - {""}


def raised(file: str) -> list[ast.Call]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) in ERRORS]


def written(text: ast.expr) -> str:
    if isinstance(text, ast.Constant):
        return str(text.value)
    parts = text.values if isinstance(text, ast.JoinedStr) else []
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "test" for part in parts)


def test_every_language_has_the_same_keys_and_places():
    english, chinese = catalogue("en").sentences, catalogue("zh").sentences
    assert {key: places(text) for key, text in english.items()} == {key: places(text) for key, text in chinese.items()}


@pytest.mark.parametrize("file", FILES)
def test_every_problem_is_known_in_chinese(file):
    found = problems(file)
    unknown = {text for text in found if catalogue.translate(text, catalogue("zh")) is None}
    assert not unknown


@pytest.mark.parametrize("file", [file for file in FILES if file.startswith(("spaces/", "services/", "inference/"))])
def test_every_advice_of_the_app_is_known_in_chinese(file):
    found = {written(each.value) for call in raised(file) for each in call.keywords if each.arg == "fix"} - {""}
    unknown = {text for text in found - LEFT_OUT if catalogue.translate(text, catalogue("zh")) is None}
    assert not unknown


@pytest.mark.parametrize("key", [key for key in catalogue("en").sentences if key.startswith("note.")])
def test_no_sentence_is_taken_for_another(key):
    values = {name: f"V{name}" for name in places(catalogue("en").sentences[key])}
    translated = catalogue.translate(catalogue("en")(key, **values), catalogue("zh"))
    assert translated == catalogue("zh")(key, **values)


def test_an_error_in_chinese():
    error = DataError(
        "A text is longer than the limit of 1,000 characters. Received: 2,000 characters",
        where="我的.csv, row 5, column text",
        fix="Shorten or divide it, or raise the limit with the environment variable SFT_MAX_TEXT_CHARACTERS.",
    )
    chinese = told(error, "zh")
    assert chinese.problem == "有文本超过上限 1,000 个字符，实际有 2,000 个字符。"
    assert chinese.where == "我的.csv，第 5 行，“text”列"
    assert "SFT_MAX_TEXT_CHARACTERS" in chinese.fix
    english = told(error, "en")
    assert (english.problem, english.where, english.fix) == (error.problem, error.where, error.fix)


def test_what_reaches_the_page_from_further_below_is_chinese():
    for problem, chinese in (
        ("The run could not be stopped: Permission denied.", "这次训练无法停止：没有权限。"),
        ("The folder of the run cannot be made: No space left on device", "无法创建这次训练的文件夹：磁盘空间不足"),
        ("The bundle could not be packed: No space left on device", "无法打包模型：磁盘空间不足"),
        ("Another process works on this run (pid 7 on a).", "另一个进程正在处理这次训练（pid 7 on a）。"),
    ):
        assert told(DataError(problem), "zh").problem == chinese


def test_what_people_wrote_is_not_translated():
    error = DataError('There is no text column "test".', where="test, row 5, column label")
    assert told(error, "zh").problem == "没有名为“test”的文本列。"
    assert told(error, "zh").where == "test，第 5 行，“label”列"


def test_what_is_not_known_stays_english():
    assert told(LinkError("Something new.", fix=""), "zh").problem == "Something new."
    assert told(DataError("The file is empty."), "zh").where == ""


def test_every_foreign_kind_has_a_name():
    kinds = {kind for _, kind in FOREIGN_MAGIC}
    assert {f"word.{kind}" for kind in kinds} <= set(catalogue("zh").sentences)
    assert told(DataError("The file is a PDF document."), "zh").problem == "这个文件是 PDF 文档。"
