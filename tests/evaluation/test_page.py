"""The page to mail: complete, whole in one file, without a script, escaped, and Chinese where it says so."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from sft_keras.config import EvaluationConfig, RunConfig
from sft_keras.errors import ConfigError
from sft_keras.evaluation import charts, facts
from sft_keras.evaluation.content import read_content
from sft_keras.evaluation.mistakes import Mistake
from sft_keras.evaluation.page import SECTIONS, render_sections
from sft_keras.evaluation.report import evaluate_only
from tests.evaluation.made_pages import LAMBDA, LAYERS, Page, content, page_of

ATTACK = '<script>alert("1")</script>'
ENGLISH_SENTENCE = re.compile(r"[A-Za-z]{2,},?(?: [a-z]{2,},?){2,}")


def test_the_page_is_one_file_without_script_and_without_network():
    page = page_of(content(), language="en", data="reviews", created="2026-01-02T03:04:05+00:00")
    parsed = Page(page)
    assert parsed.open == []
    names = [tag for tag, _ in parsed.tags]
    assert not {"script", "link", "img", "iframe", "object", "base", "form", "a"} & set(names)
    attributes = [(key, value or "") for _, each in parsed.tags for key, value in each.items()]
    assert not [key for key, _ in attributes if key.startswith("on") or key in ("src", "href", "action")]
    assert all(value.startswith("#") for key, value in attributes if key == "xlink:href")
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []
    addresses = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "default-src 'none'" in page
    ids = [value for key, value in attributes if key == "id"]
    assert len(ids) == len(set(ids))
    references = {value[1:] for key, value in attributes if key == "xlink:href"}
    assert references | set(re.findall(r"url\(#(\w+)\)", page)) <= set(ids)
    assert "2026-01-02" in page
    assert "03:04" not in page


def test_both_languages_are_in_the_page_and_the_first_is_the_one_asked_for():
    for language, tag in (("en", "en"), ("zh", "zh-Hans")):
        page = page_of(content(), language=language)
        parsed = Page(page)
        assert next(each for name, each in parsed.tags if name == "html")["lang"] == tag
        inputs = [each for name, each in parsed.tags if name == "input"]
        assert [each["id"] for each in inputs if "checked" in each] == [f"show-{language}"]
        assert set(parsed.text) == {"en", "zh-Hans"}
    with pytest.raises(ConfigError, match="fr"):
        page_of(content(), language="fr")


def test_the_headline_the_baselines_and_the_verdict_are_in_words():
    given = content()
    text = {tag: " ".join(each.split()) for tag, each in Page(page_of(given, language="en")).text.items()}
    hits = facts.hits(given)
    assert (
        f"The model was shown 200 texts that it had never seen, and gave {hits} of them the right label" in text["en"]
    )
    assert given.verdict in text["en"]
    assert "The simple method wins here." in text["en"]
    assert "Always the most frequent label" in text["en"]
    assert "95% 置信区间" in text["zh-Hans"]
    assert f"模型答对了 {hits} 条" in text["zh-Hans"]
    for value in (given.metrics["accuracy"].value, given.metrics["macro_f1"].value):
        assert f"{100 * value:.1f}%" in text["en"]
        assert f"{100 * value:.1f}%" in text["zh-Hans"]


def test_no_english_sentence_is_left_in_chinese():
    config = RunConfig.parse({"objective": {"terms": [{"name": "supcon"}]}, "training": {"epochs": 7}})
    mistakes = [Mistake("一条文本", "正面", "负面", 0.9)]
    chinese = []
    for given in (
        content(lambda_search=LAMBDA, layer_search=LAYERS),
        content(lambda_search={**LAMBDA, "kept_zero": True}),
        content(lambda_search={**LAMBDA, "difference": None}),
        content(right=1.0),
        content(baselines=False, rows=1),
        content(tuple(f"标签{i}" for i in range(40)), rows=400, baselines=False),
    ):
        chinese.append(Page(page_of(given, config, data="评论", mistakes=mistakes)).text["zh-Hans"])
    assert all(len(text) > 1000 for text in chinese)
    left = [found for text in chinese for found in ENGLISH_SENTENCE.findall(text)]
    assert left == []
    english = Page(page_of(content())).text["en"]
    assert ENGLISH_SENTENCE.search(english)
    assert not re.search("[一-鿿]", english.replace("负面", "").replace("正面", ""))


def test_whatever_comes_from_the_data_is_escaped():
    names = (ATTACK, "b\u202e&\x00<i>\n")
    search = {**LAMBDA, "terms": [ATTACK], "monitor": ATTACK, "message": ATTACK}
    given = content(
        names,
        notes=[ATTACK, f"The {ATTACK} part holds no row of: {ATTACK}; too few different texts."],
        backbone=ATTACK,
        data_fingerprint=ATTACK,
        versions={ATTACK: ATTACK},
        lambda_search=search,
        layer_search={"rows": [{"layers": ATTACK}], "chosen": ATTACK},
    )
    config = RunConfig.parse(
        {"data": {"text_column": ATTACK}, "model": {"backbone": ATTACK}, "objective": {"class_weights": {ATTACK: 2.0}}}
    )
    page = page_of(given, config, data=ATTACK, created=ATTACK, mistakes=[Mistake(ATTACK, ATTACK, ATTACK, 0.9)] * 2)
    parsed = Page(page)
    assert parsed.open == []
    assert "<script" not in page
    assert "<i>" not in page
    assert not re.search("[\x00\u202e]", page)
    assert not {"script", "b&"} & {tag for tag, _ in parsed.tags}
    assert page.count("&lt;script&gt;") > 20


def test_texts_are_only_on_the_page_if_they_are_given():
    given = content()
    assert "This page holds no texts from the data" in page_of(given)
    with_texts = page_of(given, mistakes=[Mistake("ein Text " * 200, "正面", "负面", 0.987)])
    assert "ein Text" in with_texts
    assert "mind whom you send it to" in with_texts
    assert "98.7%" in with_texts
    assert "ein Text " * 60 not in with_texts


def test_many_labels_make_a_table_of_mistakes_and_no_matrix():
    names = tuple(f"label_{i}" for i in range(77))
    page = page_of(content(names, rows=770, right=0.5, baselines=False), language="en")
    assert 'class="matrix"' not in page
    assert "The other 47 labels" in page
    assert "15 of 77 kinds of mistakes are shown." in page
    assert len(page) < 400_000
    assert 'class="matrix"' in page_of(content(("a", "b", "c")))


def test_templates_mark_nothing_as_safe_but_our_drawings():
    folder = Path(charts.__file__).parent / "templates"
    marked = [line for path in folder.glob("*.j2") for line in path.read_text("utf-8").splitlines() if "| safe" in line]
    assert len(marked) == 2
    assert all(re.search(r"\{\{ a\.drawings(\.reliability|\[name\]) \| safe \}\}", line) for line in marked)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sections_stand_by_themselves_with_a_button_for_each_number_of_rows(language):
    names = ("<b>a</b>", 'b"', "c")
    truth = [0] * 4 + [1] * 4 + [2] * 4
    report = evaluate_only(
        labels=truth,
        probabilities=np.eye(3)[[0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 0, 0]],
        names=names,
        config=EvaluationConfig(bootstrap_samples=100),
        seed=0,
        data_fingerprint="0",
        backbone="lstm",
        versions={},
    )
    content = read_content(report.to_dict(), where="report.json")
    sections = render_sections(content, RunConfig(), language=language, choosable=True)
    assert tuple(sections) == SECTIONS
    assert (sections["lambda"], sections["layers"]) == ("", "")
    cells = [tag for tag in Page(sections["confusions"]).tags if tag[0] == "button"]
    chosen = [each["data-value"] for _, each in cells if each["data-action"] == "cell"]
    assert chosen == ["0,0", "0,1", "1,1", "2,0", "2,2", "2,0", "0,1"]
    assert "<b>a" in str(cells[0][1]["aria-label"])
    assert "<b>a" not in "".join(sections.values())
    assert "<button" not in render_sections(content, RunConfig(), language=language)["confusions"]


def test_where_the_backbone_lay_is_not_mailed():
    page = page_of(content(backbone="/somewhere/secluded/my_bert"))
    assert "<code>my_bert</code>" in page
    assert "secluded" not in page
