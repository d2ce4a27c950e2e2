"""The temperature of a bundle: found on the validation part, counted in every way in, refused where it is none."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from sft_keras.artifacts.bundle import read_bundle
from sft_keras.errors import ArtifactError
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services
from tests.conftest import merged


@pytest.mark.parametrize("temperature", [0, -1, 1e9, "2", None, True, float("nan")])
def test_a_temperature_that_nothing_can_be_divided_by_is_refused(copied_run: RunDirectory, temperature: object) -> None:
    manifest = copied_run.bundle / "manifest.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**content, "temperature": temperature}), encoding="utf-8")
    with pytest.raises(ArtifactError, match="temperature"):
        read_bundle(copied_run.bundle)


def test_the_temperature_counts_in_every_way_in(copied_run: RunDirectory, services: Services) -> None:
    from scipy.special import softmax

    import sft_keras
    from sft_keras.inference.graph import GraphPredictor
    from sft_keras.inference.pool import ModelPool

    texts = ["the film was great", "a boring plot", "an actor"]
    manifest = copied_run.bundle / "manifest.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**content, "temperature": 2.5}), encoding="utf-8")
    logits = services.load(copied_run.bundle).logits(texts)
    expected = softmax(logits.astype(float) / 2.5, axis=1)
    pool = ModelPool()
    ways = {
        "keras": services.load(copied_run.bundle),
        "python": sft_keras.load(copied_run.bundle),
        "graph": GraphPredictor(read_bundle(copied_run.bundle)),
        "web": pool.predictor(copied_run.bundle),
    }
    for name, predictor in ways.items():
        np.testing.assert_allclose(predictor.probabilities(texts), expected, atol=1e-5, err_msg=name)
    pool.close()
    del content["temperature"]  # as an older version wrote it
    manifest.write_text(json.dumps(content), encoding="utf-8")
    old = services.load(copied_run.bundle).probabilities(texts)
    np.testing.assert_allclose(old, softmax(logits.astype(float), axis=1), atol=1e-6)


def test_a_run_scales_its_confidences_on_the_validation_part(train_run: Callable[..., RunResult]) -> None:
    settings = {"model": {"backbone": "lstm"}, "training": {"epochs": 3}, "data": {"validation_fraction": 0.3}}
    scaled = train_run(settings)
    plain = train_run(merged(settings, {"evaluation": {"calibrate": False}}))
    assert scaled.report is not None
    assert plain.report is not None
    temperature = read_bundle(scaled.run.bundle).temperature
    assert scaled.report["temperature"] == temperature != 1.0
    assert (plain.report["temperature"], plain.report["calibration_before"]) == (1.0, None)
    before = {name: plain.report["metrics"][name]["value"] for name in ("ece", "brier", "log_loss")}
    assert scaled.report["calibration_before"] == pytest.approx(before, abs=1e-5)
    assert scaled.report["confusion_matrix"] == plain.report["confusion_matrix"]
