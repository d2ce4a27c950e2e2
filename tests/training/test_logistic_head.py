"""The logistic head: the same answers as scikit-learn's, and the choice of layers and penalty on validation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from sft_keras.training.logistic_head import MAX_ITERATIONS, Vectors, candidates, fit_head


def rows(count: int, classes: int, seed: int, *, telling: int = 1) -> Vectors:
    """Three layers of eight numbers, of which only one tells the class."""
    draw = np.random.default_rng(seed)
    targets = np.arange(count, dtype=np.int32) % classes
    layers = draw.normal(3, 2, (count, 3, 8)).astype(np.float32)
    layers[np.arange(count), telling, targets] += 5
    return Vectors(layers, targets, np.ones(count))


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("classes", [2, 4])
def test_the_head_answers_as_scikit_learn_does(classes: int) -> None:
    training, validation = rows(80, classes, 0), rows(40, classes, 1)
    head = fit_head(
        training, validation, classes=classes, pooled_layers="2", penalty=0.1, monitor="accuracy", class_weights=None
    )
    scaler = StandardScaler().fit(training.of("2"))
    model = LogisticRegression(C=0.1, max_iter=MAX_ITERATIONS, tol=1e-3)
    model.fit(scaler.transform(training.of("2")), training.targets)
    expected = model.predict_proba(scaler.transform(validation.of("2")))
    np.testing.assert_allclose(softmax(validation.of("2") @ head.kernel + head.bias), expected, atol=1e-4)
    assert head.penalty == 0.1
    assert len(head.tried) == 1


def test_the_validation_part_chooses_the_layer_that_tells() -> None:
    head = fit_head(
        rows(90, 3, 0),
        rows(60, 3, 1),
        classes=3,
        pooled_layers="auto",
        penalty="auto",
        monitor="macro_f1",
        class_weights=None,
    )
    assert head.pooled_layers == "2"
    assert head.figures["macro_f1"] == max(row["macro_f1"] for row in head.tried)
    assert {row["layers"] for row in head.tried} == set(candidates(3))
    assert len({row["C"] for row in head.tried if row["layers"] == "2"}) > 1


def test_weights_of_rows_and_classes_count() -> None:
    training, validation = rows(60, 2, 0, telling=0), rows(60, 2, 1, telling=0)
    options = {"classes": 2, "pooled_layers": "3", "penalty": 1.0, "monitor": "accuracy"}
    plain = fit_head(training, validation, class_weights=None, **options)
    heavy = fit_head(training, validation, class_weights=np.asarray([1.0, 20.0]), **options)

    def share(head: object) -> float:
        return float((validation.of("3") @ head.kernel + head.bias).argmax(axis=1).mean())

    assert share(heavy) > share(plain)
    by_rows = Vectors(training.layers, training.targets, np.where(training.targets == 1, 20.0, 1.0))
    assert share(fit_head(by_rows, validation, class_weights=None, **options)) > share(plain)


def test_what_on_fit_raises_ends_the_work() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_head(
            rows(30, 2, 0),
            rows(30, 2, 1),
            classes=2,
            pooled_layers="auto",
            penalty="auto",
            monitor="accuracy",
            class_weights=None,
            on_fit=stop,
        )


def test_candidates_exist_for_any_depth() -> None:
    assert candidates(1) == ["last"]
    for count in (2, 3, 6, 12, 24):
        found = rows(10, 2, 0).layers.repeat(8, axis=1)[:, :count]
        part = Vectors(found, np.zeros(10, dtype=np.int32), np.ones(10))
        assert all(part.of(name).shape[0] == 10 for name in candidates(count))
