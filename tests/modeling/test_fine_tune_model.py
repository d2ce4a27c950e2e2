"""The model behind `fit`: what is tracked, what moves, λ = 0, number formats, compilation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sft_keras.config import RunConfig
from sft_keras.data.labels import Labels
from sft_keras.modeling.backbones.base import resolve_backbone
from sft_keras.modeling.fine_tune_model import FineTuneModel, count_parameters, freeze
from sft_keras.preprocessing.batches import BatchPlan, EncodedRows, stream
from sft_keras.tasks.base import TASKS
from tests.conftest import TINY, merged, sentences

ROWS = sentences(64)
LABELS = Labels.of(label for _, label in ROWS)


def build(backbone_name: str, settings: dict[str, Any] | None = None, dtype: str = "float32") -> tuple[Any, ...]:
    """A compiled model and its rows."""
    config = RunConfig.parse(merged(TINY, {"model": {"backbone": backbone_name}}, settings or {}))
    keras.utils.set_random_seed(0)
    backbone = resolve_backbone(backbone_name)
    texts = [text for text, _ in ROWS]
    tokenizer = backbone.family.tokenizer(backbone.location, config.model, texts)
    encoder = backbone.family.encoder(backbone.location, config.model, tokenizer, dtype=dtype, seed=0)
    freeze(encoder, config.model)
    targets = LABELS.encode([label for _, label in ROWS])
    model = TASKS.get("classification").build_model(
        backbone, encoder, config, labels=LABELS, targets=targets, steps_per_epoch=4
    )
    rows = EncodedRows(
        ids=tokenizer.encode(texts, config.model.max_length),
        targets=targets,
        weights=np.ones(len(ROWS), np.float32),
        pad_id=tokenizer.pad_id,
        input_names=model.input_order,
        multiple=16,
    )
    return model, rows, encoder


def fit(model: FineTuneModel, rows: EncodedRows, epochs: int = 2, **options: Any) -> dict[str, list[float]]:
    """Trains with Adam and gives the history."""
    model.compile(optimizer=keras.optimizers.Adam(0.01), **options)
    plan = BatchPlan(rows.lengths, 16, seed=0)
    batches = stream(rows, lambda: plan.epoch(0), steps=plan.steps)
    history = model.fit(batches, epochs=epochs, verbose=0, shuffle=False)
    result: dict[str, list[float]] = history.history
    return result


def test_the_parts_of_the_loss_are_tracked_and_add_up() -> None:
    model, rows, _ = build("lstm", {"objective": {"terms": [{"name": "supcon", "weight": 0.5}]}})
    history = fit(model, rows)
    assert {"loss", "task_loss", "sup_loss", "supcon_loss", "accuracy", "macro_f1"} <= set(history)
    for loss, task, sup, term in zip(
        *(history[k] for k in ("loss", "task_loss", "sup_loss", "supcon_loss")), strict=True
    ):
        assert loss == pytest.approx(task + sup, rel=1e-5)
        assert sup == pytest.approx(0.5 * term, rel=1e-5)


def test_lambda_zero_is_the_plain_model_bit_for_bit() -> None:
    plain, rows, _ = build("lstm")
    zero, _, _ = build(
        "lstm", {"objective": {"terms": [{"name": name, "weight": 0} for name in ("supcon", "center", "prototype")]}}
    )
    other, _, _ = build("lstm", {"objective": {"terms": [{"name": "supcon", "weight": 0.5}]}})
    for model in (plain, zero, other):
        fit(model, rows)
    same = [np.array_equal(a, b) for a, b in zip(plain.get_weights(), zero.get_weights(), strict=True)]
    assert all(same)
    assert not all(np.array_equal(a, b) for a, b in zip(plain.get_weights(), other.get_weights(), strict=True))


def test_frozen_weights_do_not_move_and_trained_ones_do(tiny_bert: Path) -> None:
    for wanted in ("full", "head", "top:1"):
        model, rows, encoder = build(str(tiny_bert), {"model": {"trainable": wanted}})
        trainable = {id(v) for v in model.trainable_variables}
        before = {id(v): np.array(v) for v in encoder.model.variables if "seed" not in v.path}
        fit(model, rows)
        for variable in encoder.model.variables:
            if id(variable) not in before:
                continue
            moved = not np.array_equal(before[id(variable)], np.array(variable))
            # Keys' biases have no gradient in exact arithmetic: softmax ignores what all positions share.
            if id(variable) in trainable and "key/bias" not in variable.path:
                assert moved, (wanted, variable.path)
            elif id(variable) not in trainable:
                assert not moved, (wanted, variable.path)


def test_parameters_are_counted_without_random_states(tiny_bert: Path) -> None:
    model, _, encoder = build(str(tiny_bert), {"model": {"trainable": "head"}})
    counts = count_parameters(model)
    assert counts.trainable == 16 * 2 + 2
    assert counts.frozen == encoder.model.count_params()
    assert str(counts) == f"34 trainable and {counts.frozen:,} frozen parameters"


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("backbone", ["lstm", "bert"])
def test_half_precision_trains_with_all_terms_and_gives_full_precision_logits(
    dtype: str, backbone: str, tiny_bert: Path
) -> None:
    terms = [{"name": name, "weight": 0.1} for name in ("supcon", "center", "prototype", "class_balanced")]
    name = str(tiny_bert) if backbone == "bert" else backbone
    model, rows, _ = build(name, {"objective": {"terms": terms}}, dtype)
    assert model.output["logits"].dtype == "float32"
    history = fit(model, rows, epochs=3)
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < history["loss"][0]


@pytest.mark.parametrize("backbone", ["lstm", "bert"])
def test_compiled_and_not_compiled_agree(backbone: str, tiny_bert: Path) -> None:
    name = str(tiny_bert) if backbone == "bert" else backbone
    settings = {
        "model": {"dropout": 0.0, "head_dropout": 0.0},
        "objective": {"terms": [{"name": "supcon", "weight": 0.1}], "class_weights": "balanced"},
    }
    plain, rows, _ = build(name, settings)
    compiled, _, _ = build(name, settings)
    first = fit(plain, rows, jit_compile=False)
    second = fit(compiled, rows, jit_compile=True)
    np.testing.assert_allclose(first["loss"], second["loss"], rtol=1e-3)


def test_the_inference_model_gives_the_same_logits() -> None:
    model, rows, _ = build("lstm")
    fit(model, rows)
    inputs, _, _ = rows.batch(np.arange(8))
    both = model.predict_on_batch(inputs)
    np.testing.assert_array_equal(both["logits"], model.inference_model().predict_on_batch(inputs))
    assert both["features"].shape == (8, 2 * (8 + 16))


def test_metrics_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, f1_score

    model, rows, _ = build("lstm")
    fit(model, rows, epochs=1)
    inputs, targets, weights = rows.batch(np.arange(len(ROWS)))
    scores = model.evaluate(inputs, targets, sample_weight=weights, verbose=0, return_dict=True, batch_size=10)
    predicted = model.predict_on_batch(inputs)["logits"].argmax(1)
    assert scores["accuracy"] == pytest.approx(accuracy_score(targets, predicted))
    assert scores["macro_f1"] == pytest.approx(f1_score(targets, predicted, average="macro"), abs=1e-6)
