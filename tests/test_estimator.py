"""`SFTClassifier` keeps scikit-learn's conventions."""

from __future__ import annotations

import json
import pickle
import random
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, ShuffleSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks, get_tags

from sft_keras import SFTClassifier, load
from sft_keras.errors import ArtifactError, SftError
from tests.conftest import TINY, sentences

SETTINGS = {
    "model": {"lstm_units": 8, "lstm_embedding_dim": 8, "lstm_bigram_buckets": 0, "dropout": 0.1},
    "training": {"patience": None},
}
QUICK = {"epochs": 1, "batch_size": 16, "max_length": 16, "settings": SETTINGS}
ROWS = sentences(96)
TEXTS = [text for text, _ in ROWS]
LABELS = np.array([10 if label == "good" else 9 for _, label in ROWS])  # as strings, "10" comes before "9"
NEW = [text for text, _ in sentences(20, seed=5)]
WITHOUT_ROWS = (
    "check_estimator_cloneable",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
)


@pytest.fixture(scope="module")
def fitted() -> SFTClassifier:
    """A classifier that has learned its rows."""
    model = SFTClassifier(
        "lstm",
        sup_term="supcon",
        sup_weight=0.05,
        epochs=np.int64(20),
        batch_size=16,
        learning_rate=0.03,
        max_length=16,
        validation_fraction=0.2,
        random_state=3,
        settings=SETTINGS,
    )
    return model.fit(TEXTS, LABELS)


@pytest.mark.parametrize("name", WITHOUT_ROWS)
def test_checks_of_scikit_learn_that_need_no_numbers(name: str) -> None:
    """The others feed arrays of numbers; `check_estimator` leaves them out by the tag `two_d_array`."""
    getattr(estimator_checks, name)("SFTClassifier", SFTClassifier("lstm", epochs=2))


def test_tags() -> None:
    tags = get_tags(SFTClassifier())
    assert is_classifier(SFTClassifier())
    assert tags.classifier_tags is not None
    assert tags.target_tags.required
    assert (tags.input_tags.string, tags.input_tags.two_d_array, tags.non_deterministic) == (True, False, False)


def test_it_learns_and_answers_in_the_type_of_the_labels(fitted: SFTClassifier) -> None:
    assert fitted.classes_.tolist() == [9, 10]
    predicted = fitted.predict(TEXTS)
    assert predicted.dtype == LABELS.dtype
    assert fitted.score(TEXTS, LABELS) > 0.9
    probabilities = fitted.predict_proba(NEW)
    assert probabilities.shape == (20, 2)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert (fitted.classes_[probabilities.argmax(axis=1)] == fitted.predict(NEW)).all()
    assert fitted.score(NEW, [10 if i % 2 else 9 for i in range(20)]) > 0.9
    for form in (tuple(NEW), np.array(NEW), np.array(NEW, dtype=object), pd.Series(NEW, index=range(5, 25))):
        assert (fitted.predict_proba(form) == probabilities).all()


def test_the_history_is_that_of_the_training_that_was_kept() -> None:
    model = SFTClassifier("lstm", learning_rate=0.05, sup_term="supcon", sup_weight="auto", **{**QUICK, "epochs": 2})
    model.settings = {**SETTINGS, "objective": {"weight_grid": [0.1]}}
    assert [epoch["epoch"] for epoch in model.fit(TEXTS[:48], LABELS[:48]).history_] == [1, 2]


def test_the_arguments_are_settings(fitted: SFTClassifier) -> None:
    config = fitted.config_
    assert (config.training.epochs, config.training.batch_size, config.training.seed) == (20, 16, 3)
    assert (config.model.backbone, config.model.max_length, config.model.lstm_units) == ("lstm", 16, 8)
    assert (config.optimizer.learning_rate, config.data.validation_fraction) == (0.03, 0.2)
    assert [(term.name, term.weight) for term in config.objective.terms] == [("supcon", 0.05)]
    assert [epoch["epoch"] for epoch in fitted.history_] == list(range(1, 21))
    assert fitted.report_ is None
    assert [path.name for path in Path(fitted._folder.name).iterdir()] == ["bundle"]
    assert fitted.get_params()["settings"] is SETTINGS


def test_the_same_random_state_gives_the_same_model(fitted: SFTClassifier) -> None:
    """And the caller's own draws go on as if nothing had happened."""
    random.seed(1)
    np.random.seed(1)
    expected = random.Random(1).random(), np.random.RandomState(1).random_sample()
    again = clone(fitted).fit(pd.Series(TEXTS), pd.Series(LABELS))
    assert (random.random(), np.random.random_sample()) == expected
    assert (again.predict_proba(NEW) == fitted.predict_proba(NEW)).all()
    state = np.random.RandomState(4)
    seeds = [SFTClassifier(random_state=state)._config().training.seed for _ in range(2)]
    assert seeds == np.random.RandomState(4).randint(2**31 - 1, size=2).tolist()


def test_weights_count_and_settings_may_ask_for_a_test_part() -> None:
    """Rows of one label weigh nothing, so that the other label is all that is learned."""
    labels = np.array([True, False] * 48)
    weights = pd.Series(np.where(labels, 1.0, 0.0))
    settings = {**SETTINGS, "data": {"test_fraction": 0.25}, "evaluation": TINY["evaluation"]}
    model = SFTClassifier("lstm", learning_rate=0.05, **{**QUICK, "epochs": 2, "settings": settings})
    assert model.fit(TEXTS, labels, sample_weight=weights).predict(NEW).all()
    assert model.report_["rows"]["test"] == 24


def test_search_over_a_pipeline(tmp_path: Path) -> None:
    model = SFTClassifier("lstm", **QUICK)
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    one_fold = ShuffleSplit(1, test_size=0.3, random_state=0)
    grid = {"model__learning_rate": np.array([0.05, 1e-9]), "model__epochs": [3]}
    words = np.where(LABELS == 10, "good", "bad").astype(object)
    search = GridSearchCV(Pipeline([("lower", lower), ("model", model)]), grid, cv=one_fold)
    search.fit(np.array(TEXTS), words)
    assert search.best_params_["model__learning_rate"] == 0.05
    best = search.best_estimator_.named_steps["model"]
    assert best.classes_.tolist() == ["bad", "good"]
    best.save(tmp_path / "best")
    assert {prediction.label for prediction in load(tmp_path / "best").predict(NEW)} <= {"bad", "good"}


def test_the_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It cross-validates and keeps what it has fitted."""
    program = runpy.run_path(str(Path(__file__).resolve().parents[1] / "examples" / "scikit_learn.py"))
    words = ["good" if label == 10 else "bad" for label in LABELS[:48]]
    model = program["compare_and_keep"](TEXTS[:48], words, tmp_path / "model", epochs=1)
    assert set(model.predict(NEW)) <= {"good", "bad"}
    assert capsys.readouterr().out.count("macro F1") == 2


def test_saved_and_loaded_in_a_fresh_process(fitted: SFTClassifier, tmp_path: Path) -> None:
    folder = fitted.save(tmp_path / "model")
    with pytest.raises(ArtifactError, match="nothing is overwritten"):
        fitted.save(folder)
    program = f"""
import json
from sft_keras import SFTClassifier
model = SFTClassifier.load({str(folder)!r})
params = {{**model.get_params(), "again": model.save({str(tmp_path / "again")!r}).name}}
print(json.dumps([model.predict_proba({NEW!r}).tolist(), model.predict({NEW!r}).tolist(), params]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    probabilities, predicted, params = json.loads(done.stdout)
    assert probabilities == pytest.approx(fitted.predict_proba(NEW), abs=1e-6)
    assert predicted == fitted.predict(NEW).tolist()
    assert params.pop("again") == "again"
    assert params == fitted.get_params()

    loaded = SFTClassifier.load(folder)
    assert loaded.classes_.dtype == fitted.classes_.dtype
    assert clone(loaded).get_params() == clone(fitted).get_params()
    extra = folder / "estimator.json"
    extra.write_text(extra.read_text(encoding="utf-8").replace("[9, 10]", "[9, 11]"), encoding="utf-8")
    with pytest.raises(ArtifactError, match="was changed"):
        SFTClassifier.load(folder)


def test_any_bundle_is_loaded(lstm_run: Any) -> None:
    model = SFTClassifier.load(lstm_run.run.path)
    assert model.classes_.tolist() == ["bad", "good"]
    assert model.predict(NEW).tolist() == [prediction.label for prediction in load(lstm_run.run.path).predict(NEW)]
    assert model.report_ == lstm_run.report
    assert SFTClassifier(**clone(model).get_params())._config() == model.config_


def test_only_an_unfitted_one_is_pickled(fitted: SFTClassifier) -> None:
    copy = pickle.loads(pickle.dumps(clone(fitted)))  # noqa: S301 - written in this line
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(ArtifactError, match="not pickled") as caught:
        pickle.dumps(fitted)
    assert "model.save" in caught.value.fix


def test_before_the_fit() -> None:
    for method in ("predict", "predict_proba"):
        with pytest.raises(NotFittedError):
            getattr(SFTClassifier(), method)(NEW)
    with pytest.raises(NotFittedError):
        SFTClassifier().save("somewhere")


@pytest.mark.parametrize(
    ("changes", "kind", "told"),
    [
        ({"texts": np.zeros((96, 2))}, ValueError, "One dimension"),
        ({"texts": list(range(96))}, TypeError, "Received: int"),
        ({"texts": TEXTS[:-1]}, ValueError, "inconsistent numbers of samples"),
        ({"texts": [*TEXTS[:-1], None]}, ValueError, "A text is missing"),
        ({"texts": []}, ValueError, "0 sample(s)"),
        ({"texts": TEXTS[0]}, ValueError, "one text"),
        ({"texts": [text if label == 9 else " " for text, label in zip(TEXTS, LABELS, strict=True)]}, ValueError, "10"),
        ({"labels": None}, TypeError, "NoneType"),
        ({"labels": [1] * 96}, ValueError, "two different labels"),
        ({"labels": np.linspace(0, 1, 96)}, ValueError, "continuous"),
        ({"labels": ["a"] * 95 + ["b"]}, ValueError, "training and validation"),
        ({"sample_weight": [-1] * 96}, ValueError, "from 0 up"),
    ],
)
def test_what_cannot_be_fitted_is_told_in_three_parts(changes: dict[str, Any], kind: type, told: str) -> None:
    with pytest.raises(kind) as caught:
        SFTClassifier("lstm").fit(**{"texts": TEXTS, "labels": LABELS, **changes})
    assert isinstance(caught.value, SftError)
    assert told in str(caught.value)
    assert caught.value.where
    assert caught.value.fix


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"epochs": 0}, "training.epochs"),
        ({"random_state": -1}, "training.seed"),
        ({"backbone": "no-such"}, 'no backbone "no-such"'),
        ({"sup_weight": 0.1}, "weight without its term"),
        ({"sup_term": "supkon"}, 'Did you mean "supcon"?'),
        ({"settings": {"trainin": {"epochs": 1}}}, "trainin"),
        ({"settings": {"training": 5}, "epochs": 2}, "training"),
        ({"settings": "fast"}, "nested mapping"),
    ],
)
def test_settings_that_are_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        SFTClassifier(**arguments).fit(TEXTS, LABELS)
