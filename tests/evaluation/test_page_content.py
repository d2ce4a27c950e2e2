"""What the page to mail is made of: searches, settings, curves, mistakes, and reports that are old or damaged."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sft_keras.artifacts.model_card import model_card
from sft_keras.config import RunConfig
from sft_keras.errors import ArtifactError
from sft_keras.evaluation import charts, facts
from sft_keras.evaluation.content import read_content
from sft_keras.evaluation.mistakes import confident_mistakes
from tests.evaluation.made_pages import HISTORY, LAMBDA, LAYERS, Page, content, page_of


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
