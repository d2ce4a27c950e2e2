"""The page to mail: complete, whole in one file, without a script, escaped, and Chinese where it says so."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from sft_keras.artifacts.model_card import model_card
from sft_keras.config import EvaluationConfig, RunConfig
from sft_keras.errors import ArtifactError, ConfigError
from sft_keras.evaluation import charts, facts
from sft_keras.evaluation.content import read_content
from sft_keras.evaluation.mistakes import Mistake, confident_mistakes
from sft_keras.evaluation.page import SECTIONS, render_page, render_sections
from sft_keras.evaluation.report import build_report, evaluate_only

ATTACK = '<script>alert("1")</script>'
HISTORY = tuple(
    {"epoch": i + 1, "loss": 1.0, "task_loss": 0.8, "sup_loss": 0.2, "val_task_loss": 0.9, "val_macro_f1": f1}
    for i, f1 in enumerate((0.5, 0.7, 0.6))
)
LAMBDA = {
    "rows": [
        {"weight": 0.0, "score": 0.7, "epochs": 3, "seconds": 10.0},
        {"weight": 0.1, "score": 0.72, "epochs": 2, "seconds": 4000.0},
    ],
    "chosen": 0.1,
    "difference": 0.0234,
    "interval": [0.004, 0.041],
    "kept_zero": False,
    "monitor": "macro_f1",
    "terms": ["supcon"],
    "message": "A sentence in English.",
}
LAYERS = {
    "rows": [{"layers": "1-3", "C": 1.0, "score": 0.7}, {"layers": "3-6", "C": 10, "score": 0.73}],
    "chosen": "3-6",
}
ENGLISH_SENTENCE = re.compile(r"[A-Za-z]{2,},?(?: [a-z]{2,},?){2,}")
VOID = {"meta", "input", "br", "wbr"}


class Page(HTMLParser):
    """The text of each language, the tags, and whether they close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: dict[str, str] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self._language = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "main":
            self._language = dict(attrs)["lang"]

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "main" in self.open and not {"code", "pre"} & set(self.open):
            self.text[self._language] = self.text.get(self._language, "") + data


def content(names=("负面", "正面"), rows=200, *, right=0.8, baselines=True, **changes):
    generator = np.random.default_rng(0)
    labels = np.arange(rows) % len(names)
    answers = np.where(generator.random(rows) < right, labels, (labels + 1) % len(names))
    options = {
        "labels": labels,
        "probabilities": np.eye(len(names))[answers] * 0.6 + 0.4 / len(names),
        "names": names,
        "config": EvaluationConfig(bootstrap_samples=100),
        "seed": 0,
        "data_fingerprint": "abc",
        "backbone": "lstm",
        "versions": {"keras": "3.15.0"},
        "notes": ("37 row(s) repeat another text, exactly or nearly, and stay on one side with it.",),
    }
    if baselines:
        texts = [f"词{i}" for i in labels]
        report = build_report(
            **options,
            train_texts=texts,
            train_labels=labels,
            test_texts=texts,
            rows={"train": rows, "validation": 5, "test": rows},
            seconds={"training": 90.0, "prediction": 2.5},
            history=HISTORY,
        )
    else:
        report = evaluate_only(**options)
    return read_content({**report.to_dict(), **changes}, where="report.json")


def page_of(given, config=None, **options):
    return render_page(given, config or RunConfig(), **options)


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


def test_the_searches_are_shown_with_what_was_chosen():
    text = Page(page_of(content(lambda_search=LAMBDA, layer_search=LAYERS))).text
    assert (
        "λ = 0.1 was chosen: +2.3 points Macro F1 over λ = 0 (interval 0.4 to 4.1, 95% for all λ together)."
        in text["en"]
    )
    assert "1 h 6 min" in text["en"]
    assert "3-6" in text["en"]
    assert "Layers tried" in text["en"]
    assert "尝试过的 λ" in text["zh-Hans"]
    kept = {**LAMBDA, "kept_zero": True, "chosen": 0.0, "difference": -0.01, "interval": [-0.02, 0.01]}
    assert "λ = 0 was kept" in Page(page_of(content(lambda_search=kept))).text["en"]
    by_loss = {**LAMBDA, "monitor": "task_loss"}
    # A loss that fell is a gain in the table, and told with its own sign.
    assert "-0.023 Task loss" in Page(page_of(content(lambda_search=by_loss))).text["en"]
    none = Page(page_of(content(lambda_search={**LAMBDA, "best": 0.0, "difference": 0.0, "interval": [0.0, 0.0]}))).text
    assert "λ = 0 was best on the validation part" in none["en"]
    assert "在验证集上 λ = 0 最好" in none["zh-Hans"]
    bare = content(lambda_search=LAMBDA["rows"], layer_search=[])
    assert "1 h 6 min" in page_of(bare)
    assert "λ tried" not in page_of(content())


def test_the_model_card_shows_the_searches_too():
    report = {**content().model_dump(), "lambda_search": LAMBDA, "layer_search": LAYERS}
    card = model_card(RunConfig(), labels=["a", "b"], report=report, information={})
    assert "λ tried:" in card
    assert "| 0.1 | 0.720 | 2 | 4000 s | chosen |" in card
    assert "| 3-6 | 10 | 0.730 | chosen |" in card


def test_only_settings_that_differ_are_listed_and_paths_lose_their_folders():
    config = RunConfig.parse(
        {
            "training": {"epochs": 9},
            "model": {"backbone": "/somewhere/private/my_model", "word_vectors": r"C:\Users\me\vectors.txt"},
            "objective": {"terms": [{"name": "center", "weight": 0.01}, {"name": "supcon", "weight": 0}]},
        }
    )
    changed = {each.key: (each.value, each.default) for each in facts.changed_settings(config)}
    assert changed == {
        "training.epochs": (9, 3),
        "model.backbone": ("my_model", "auto"),
        "model.word_vectors": ("vectors.txt", None),
    }
    page = page_of(content(), config)
    assert "cross_entropy + 0.01 × center" in page
    assert "supcon" not in page
    assert "private" not in page.replace("use.private", "")


@pytest.mark.parametrize(("monitor", "best"), [("macro_f1", 2), ("task_loss", 3), ("accuracy", 0)])
def test_the_best_epoch_is_the_one_that_the_training_kept(monitor, best):
    history = tuple({**row, "val_task_loss": 1 - 0.1 * i} for i, row in enumerate(HISTORY))
    assert facts.best_epoch(history, monitor) == best
    assert facts.best_epoch(({"epoch": 1, "val_macro_f1": None}, *history), "macro_f1") == 2


def test_an_older_report_says_the_same_as_its_verdict():
    given = content()
    old = given.model_copy(update={"comparison": replace(given.comparison, discordant=None)})
    assert given.verdict in Page(page_of(old)).text["en"]
    few = old.model_copy(update={"verdict": "No clear difference: too few to tell."})
    text = Page(page_of(few)).text
    assert "too few test rows tell the two apart" in text["en"]
    assert "能区分两者的测试数据太少" in text["zh-Hans"]


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": ["a"]},
        {"confusion_matrix": [[1, 2, 3], [1, 2, 3]]},
        {"metrics": {}},
        {"rows": {"train": 1}},
        {"metrics": None},
        {"seed": "x"},
        {"per_class": [{"label": "a"}]},
        {"calibration": []},
        {"verdict": {"a": 1}},
        {"history": [{"epoch": 10**400}]},
        {"history": [{"epoch": "x"}]},
        {"seconds": {"training": float("inf")}},
        {"confusion_matrix": [[1, 10**30], [0, 1]]},
        {"calibration": [{"low": 0, "high": 1, "confidence": float("nan"), "accuracy": 1, "count": 1}]},
    ],
)
def test_a_damaged_report_is_told_apart(changes):
    whole = content().model_dump()
    with pytest.raises(ArtifactError, match=r"The report cannot be shown: \w"):
        read_content({**whole, **changes}, where="x")
    with pytest.raises(ArtifactError):
        read_content([whole], where="x")


def test_a_strange_history_is_survived():
    page_of(content(history=[{"epoch": 1}, {"loss": None}, {"val_macro_f1": 0.5}]))
    page_of(content(history=[{"epoch": i, "val_macro_f1": None, "task_loss": None} for i in range(3)]))


def test_the_curves_of_a_page_leave_out_a_total_that_is_the_task_loss():
    losses, scores = charts.page_curves(HISTORY)
    assert [curve.name for curve in losses] == ["loss", "task_loss", "sup_loss", "val_task_loss"]
    assert [curve.dashed for curve in losses] == [False, False, False, True]
    assert [curve.name for curve in scores] == ["val_macro_f1"]
    without = [{k: v for k, v in row.items() if k != "sup_loss"} for row in HISTORY]
    assert [curve.name for curve in charts.page_curves(without)[0]] == ["task_loss", "val_task_loss"]


def test_drawings_hold_numerals_only_and_are_the_same_each_time():
    given = content()
    first, second = (charts.reliability_svg(given.calibration) for _ in range(2))
    assert first == second
    assert all(re.fullmatch(r"[\d.]+", text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", first))
    assert not re.search("#[0-9a-f]{6}", first)
    assert "var(--deep)" in first


def test_the_most_confident_mistakes_come_first():
    probabilities = [[0.9, 0.1], [0.3, 0.7], [0.2, 0.8], [0.6, 0.4]]
    found = confident_mistakes([0, 0, 0, 1], probabilities, list("abcd"), ["x", "y"])
    assert [(m.text, m.label, m.predicted) for m in found] == [("c", "x", "y"), ("b", "x", "y"), ("d", "y", "x")]
    assert confident_mistakes([0, 0, 0, 1], probabilities, list("abcd"), ["x", "y"], most=1) == found[:1]
    assert found[0].to_dict() == {"text": "c", "label": "x", "predicted": "y", "confidence": pytest.approx(0.8)}


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
