"""The model card: labels, scores beside the baselines, how it was made, how to use it."""

from __future__ import annotations

from sft_keras.artifacts.model_card import model_card
from sft_keras.config import RunConfig
from sft_keras.runs.worker import RunResult


def test_the_card_of_a_run(lstm_run: RunResult) -> None:
    card = (lstm_run.run.bundle / "README.md").read_text(encoding="utf-8")
    report = lstm_run.report
    assert card.startswith("# ")
    assert "`bad`, `good`" in card
    accuracy = report["metrics"]["accuracy"]
    assert f"{accuracy['value']:.3f} [{accuracy['low']:.3f}, {accuracy['high']:.3f}]" in card
    assert f"{report['baselines']['tfidf_logreg']['metrics']['accuracy']['value']:.3f}" in card
    assert f"On {report['rows']['test']} rows" in card
    assert report["verdict"] in card
    assert report["data_fingerprint"] in card
    assert f"keras {report['versions']['keras']}" in card
    assert "sft-keras predict" in card
    assert "sft_keras.load" in card


def test_the_card_of_a_stopped_run_has_no_scores() -> None:
    config = RunConfig.parse(
        {"objective": {"terms": [{"name": "supcon", "weight": 0.25}, {"name": "center", "weight": 0}]}}
    )
    labels = [f"label {i}" for i in range(130)]
    card = model_card(config, labels=labels, report=None, information={"backbone": "minilm"})
    assert "test part was not scored" in card
    assert "cross_entropy + 0.25 × supcon;" in card
    assert "and 30 more" in card
    assert "label 99" in card
    assert "label 100" not in card


def test_labels_and_names_cannot_write_markdown_of_their_own() -> None:
    labels = ["a`b\n# Heading\n<img src=x>", "``", "plain"]
    config = RunConfig.parse({"objective": {"class_weights": {"`\n## x": 2}}})
    kept = model_card(config, labels=labels, report=None, information={"backbone": "/somewhere/secluded/my_bert"})
    assert "my_bert" in kept
    assert "secluded" not in kept  # the card is handed on
    card = model_card(config, labels=labels, report=None, information={"backbone": "x\n# y"})
    assert "`` a`b # Heading <img src=x> ``, ``` `` ```, `plain`" in card
    assert "class weights: `` ` ## x `` 2" in card
    assert "\n# " not in card
    assert "## x" not in [line[:4] for line in card.splitlines()]
