"""The sentences of the app: complete in each language, and chosen by what a browser asks for."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

import sft_keras
from sft_keras.evaluation.catalogue import catalogue as report_sentences
from sft_keras.services import Services
from sft_keras.ui.app import app_texts
from sft_keras.ui.components.words import share
from sft_keras.ui.setup import FIELDS, TERM_FIELDS
from sft_keras.ui.texts import LANGUAGES, catalogue, preferred

PLACE = re.compile(r"\{(\w+)[^}]*\}")
# English titles and sentences of settings stand in the configuration itself.
OWN = {
    language: {key: text for key, text in catalogue(language).sentences.items() if not key.startswith("config.")}
    for language in LANGUAGES
}


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_language_says_everything(language: str) -> None:
    assert set(OWN[language]) == set(OWN["en"])


@pytest.mark.parametrize("key", sorted(OWN["en"]))
def test_the_places_for_values_are_the_same(key: str) -> None:
    wanted = set(PLACE.findall(OWN["en"][key]))
    assert all(set(PLACE.findall(OWN[language][key])) == wanted for language in LANGUAGES)


def test_every_setting_has_a_chinese_title_and_sentence() -> None:
    wanted = {f"config.{field.path}.{part}" for field in (*FIELDS, *TERM_FIELDS) for part in ("title", "description")}
    assert {key for key in catalogue("zh").sentences if key.startswith("config.")} == wanted


def test_no_sentence_is_empty_or_untranslated() -> None:
    assert not {key for language in LANGUAGES for key, text in OWN[language].items() if not text.strip()}
    words = {key: re.sub(r"\{[^}]*\}", "", text) for key, text in OWN["en"].items()}
    same = {key for key, text in OWN["zh"].items() if text == OWN["en"][key] and re.search(r"[a-z]{4}", words[key])}
    assert not same


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-TW", "zh"),
        ("en-GB,zh;q=0.5", "en"),
        ("en;q=0.3, zh;q=0.7", "zh"),
        ("fr-FR,de;q=0.9", "en"),
        ("zh;q=0, en", "en"),
        ("", "en"),
        (";;q=x,,\x00" * 500, "en"),
    ],
)
def test_the_language_is_what_the_browser_asks_for(header: str, language: str) -> None:
    assert preferred(header) == language


def test_labels_reach_the_browser_in_each_language() -> None:
    texts = app_texts()
    name = texts.label("config.training.epochs.title").key
    assert [texts.i18n.translations_dict[language][name] for language in ("en", "zh")] == ["Epochs", "轮数"]


def test_a_label_with_places_is_refused() -> None:
    with pytest.raises(KeyError, match="places"):
        app_texts().label("shell.ago_hours")


@pytest.mark.parametrize("language", LANGUAGES)
def test_percentages_are_written_one_way(language: str) -> None:
    """As "92.2%", by all parts of the page."""
    sentences = [*catalogue(language).sentences.items(), *report_sentences(language).sentences.items()]
    assert [key for key, text in sentences if re.search(r"[\d}]\s%", text)] == []
    assert share(0.9216) == "92.2%"


PACKAGE = Path(sft_keras.__file__).parent
CHINESE = sorted([*PACKAGE.glob("*/locale/zh.yaml"), *PACKAGE.glob("*/locale/zh/*.yaml")])


@pytest.mark.parametrize("file", CHINESE, ids=lambda file: "-".join(file.parts[-4:]))
def test_chinese_has_full_width_marks_and_one_word_for_a_thing(file: Path) -> None:
    sentences = "\n".join(map(str, yaml.safe_load(file.read_text(encoding="utf-8")).values()))
    half_width = re.findall(r"\S*[\u4e00-\u9fff）”][,;:!?(]|[,;:!?)][\u4e00-\u9fff]\S*", sentences)
    assert half_width + re.findall(r"^\(.*\)$", sentences, re.MULTILINE) == []
    assert [word for word in ("基座模型", "验证行", "训练任务") if word in sentences] == []


def keys_in(program: str) -> tuple[set[str], list[re.Pattern[str]]]:
    """The texts in a program that may be keys, and patterns of those that it puts together."""
    texts: set[str] = set()
    patterns: list[re.Pattern[str]] = []
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".named"):
            group, name = node.args[:2]
            if isinstance(group, ast.Constant) and isinstance(name, ast.Constant):
                texts.add(f"{group.value}.{name.value}")
            elif isinstance(group, ast.Constant) and isinstance(name, ast.JoinedStr):
                patterns.append(re.compile(re.escape(f"{group.value}.") + made_up(name)))
        if isinstance(node, ast.JoinedStr):
            patterns.append(re.compile(made_up(node)))
    return texts, patterns


def made_up(text: ast.JoinedStr) -> str:
    parts = (re.escape(str(part.value)) if isinstance(part, ast.Constant) else "(.+)" for part in text.values)
    return "".join(parts)


def test_every_sentence_is_used() -> None:
    texts: set[str] = set()
    patterns: list[re.Pattern[str]] = []
    for file in (PACKAGE / "ui").rglob("*.py"):
        found = keys_in(file.read_text(encoding="utf-8"))
        texts |= found[0]
        patterns += found[1]

    made = {pattern.pattern for pattern in patterns}

    def used(key: str) -> bool:
        group, _, name = key.partition(".")
        anything = re.escape(f"{group}.") + "(.+)"
        if key in texts or (anything in made and name in texts):
            return True
        begins = re.escape(f"{group}.")
        return any(re.fullmatch(each, key) for each in made if each.startswith(begins) and each != anything)

    assert "\n".join(key for key in sorted(OWN["en"]) if not used(key)) == ""


def test_the_languages_of_every_backbone_have_a_name() -> None:
    named = {f"train.languages_{each.preset.languages}" for each in Services().backbones()}
    assert named <= set(OWN["en"])
