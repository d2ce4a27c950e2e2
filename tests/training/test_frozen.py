"""Training of the head alone: the vectors are computed once, and what is kept answers as what was trained."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sft_keras.artifacts.bundle import read_bundle
from sft_keras.config import RunConfig
from sft_keras.data.labels import Labels
from sft_keras.data.memory import examples_from_lists
from sft_keras.errors import ConfigError
from sft_keras.modeling.backbones.base import resolve_backbone
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.results import predictor_of
from sft_keras.runs.worker import RunResult
from sft_keras.services import Services
from sft_keras.settings import Settings
from sft_keras.training.build import HEAD_RATE
from sft_keras.training.frozen import train_head
from sft_keras.training.progress import Silent
from tests.conftest import TINY, merged, sentences

QUICK = {"model": {"trainable": "head", "pooled_layers": "auto"}, "training": {"head_solver": "logistic"}}
TEXTS = [text for text, _ in sentences(30, seed=5)]


@pytest.fixture(scope="module")
def quick_run(train_run: Callable[..., RunResult], tiny_bert: Path) -> RunResult:
    return train_run(merged({"model": {"backbone": str(tiny_bert)}}, QUICK), exports=True)


def cached(services: Services) -> list[Path]:
    return sorted((services.settings.cache_dir / "vectors").glob("*.npy"))


def test_a_logistic_head_is_chosen_and_kept(services: Services, quick_run: RunResult) -> None:
    report = quick_run.report
    assert report is not None
    assert report["layer_search"]["chosen"] in {row["layers"] for row in report["layer_search"]["rows"]}
    assert report["metrics"]["accuracy"]["value"] > 0.6
    predictions = services.load(quick_run.run.bundle).predict(TEXTS)
    assert {p.label for p in predictions} == {"good", "bad"}
    assert read_bundle(quick_run.run.bundle).has_graph
    kept = RunConfig.from_yaml(quick_run.run.bundle / "config.yaml")
    assert kept.model.pooled_layers == report["layer_search"]["chosen"]


def test_settings_that_do_nothing_are_told(quick_run: RunResult) -> None:
    told = [line for line in (quick_run.run.path / "log.txt").read_text().splitlines() if "does not use" in line]
    # TINY sets these; what the recipe itself needs is not among them.
    assert len(told) == 1
    assert told[0].endswith("settings: optimizer.learning_rate, training.epochs, training.batch_size.")


def test_the_same_rows_again_compute_no_vector(
    services: Services,
    quick_run: RunResult,
    train_run: Callable[..., RunResult],
    tiny_bert: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sft_keras.training.vectors import VectorMaker

    def computed(*_: Any) -> np.ndarray:
        raise AssertionError("the vectors were computed again")

    assert cached(services)
    monkeypatch.setattr(VectorMaker, "_outputs", computed)
    again = train_run(merged({"model": {"backbone": str(tiny_bert)}}, QUICK))
    assert again.report is not None
    assert quick_run.report is not None
    assert again.report["metrics"] == quick_run.report["metrics"]


def test_a_damaged_cache_costs_only_time(
    services: Services, quick_run: RunResult, train_run: Callable[..., RunResult], tiny_bert: Path
) -> None:
    for path in cached(services):
        path.write_bytes(path.read_bytes()[:200])
    again = train_run(merged({"model": {"backbone": str(tiny_bert)}}, QUICK))
    assert again.report is not None
    assert quick_run.report is not None
    assert again.report["metrics"]["accuracy"] == quick_run.report["metrics"]["accuracy"]


def test_the_cache_keeps_within_its_bound(tmp_path: Path) -> None:
    import keras

    from sft_keras.training.feature_cache import FeatureCache

    given = keras.Input((1,))
    cache, model = FeatureCache(tmp_path, max_bytes=2500), keras.Model(given, keras.layers.Dense(1)(given))

    def values(token: int, rows: int = 10) -> np.ndarray:
        ids = [np.array([token], dtype=np.int32)]
        return cache.vectors(model, ids, reads="", shape=(rows, 24), fill=lambda array: array.fill(token))

    for token in (1, 2, 3):
        assert values(token).tolist() == [[token] * 24] * 10
    assert len(list(tmp_path.iterdir())) == 2
    assert (values(4, rows=100) == 4).all()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("pooled_layers", ["last", "1+2"])
def test_a_head_trained_on_vectors_answers_alike_in_the_whole_model(
    services: Services, train_run: Callable[..., RunResult], tiny_bert: Path, pooled_layers: str
) -> None:
    settings = {"model": {"backbone": str(tiny_bert), "trainable": "head", "pooled_layers": pooled_layers}}
    result = train_run(merged(settings, {"training": {"epochs": 4}, "optimizer": {"learning_rate": 0.05}}))
    assert result.report is not None
    best = max(row["val_macro_f1"] for row in result.report["history"])
    # The validation figures were taken on vectors, the test figures by the whole model.
    assert abs(result.report["metrics"]["macro_f1"]["value"] - best) < 0.35
    predictor = services.load(result.run.bundle)
    assert predictor.probabilities(TEXTS).shape == (30, 2)


@pytest.mark.parametrize(
    "settings",
    [
        {"model": {"pooled_layers": "last"}},
        {"model": {"pooled_layers": "1+2", "pooling": "mean"}},
        {"model": {"pooling": "mean_max"}},
        QUICK,
    ],
)
def test_validation_rows_are_answered_from_their_vectors_as_the_whole_model_does(
    tiny_bert: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    config = RunConfig.parse(merged(TINY, {"model": {"backbone": str(tiny_bert), "trainable": "head"}}, settings))
    texts, labels = zip(*sentences(60, seed=7), strict=True)
    training, validation = (
        examples_from_lists(texts[part], labels[part], None, Settings())[0] for part in (slice(40), slice(40, 60))
    )
    trained = train_head(config, training, validation, checkpoints=tmp_path, sink=Silent())
    assert trained.validation_logits is not None
    whole = predictor_of(trained).logits(validation.texts)
    np.testing.assert_allclose(trained.validation_logits, whole, atol=1e-4)


def test_pooling_that_doubles_the_width_has_a_head_that_fits(
    services: Services, train_run: Callable[..., RunResult], tiny_bert: Path
) -> None:
    result = train_run({"model": {"backbone": str(tiny_bert), "trainable": "head", "pooling": "mean_max"}})
    assert services.load(result.run.bundle).probabilities(TEXTS).shape == (30, 2)


def test_what_learns_everything_from_the_texts_cannot_stay_frozen(
    services: Services, labelled: Path, tmp_path: Path
) -> None:
    settings = merged(TINY, QUICK, {"model": {"backbone": "lstm"}})
    run = services.prepare(str(labelled), RunConfig.parse(settings), out=tmp_path / "run")
    with pytest.raises(ConfigError, match="cannot stay frozen"):
        services.start(run)


def test_layers_that_are_wired_otherwise_have_vectors_of_their_own(tiny_bert: Path, tmp_path: Path) -> None:
    """The same layers and weights, read in other ways: what is kept for one must not answer for another."""
    from dataclasses import replace

    from sft_keras.modeling.layers import layer_vectors, with_layers
    from sft_keras.training.feature_cache import FeatureCache
    from sft_keras.training.progress import Silent
    from sft_keras.training.vectors import VectorMaker

    backbone = resolve_backbone(str(tiny_bert))
    part, labels = examples_from_lists(TEXTS, ["a", "b"] * 15, None, Settings())[0], Labels.of(("a", "b"))
    for name in ("auto", "last", "1", "1-2", "1+2"):
        solver = {"head_solver": "logistic"} if name == "auto" else {}
        settings = {"model": {"trainable": "head", "pooled_layers": name}, "training": solver}
        config = RunConfig.parse(merged(TINY, settings))
        tokenizer = backbone.family.tokenizer(backbone.location, config.model, [])
        encoder = backbone.family.encoder(backbone.location, config.model, tokenizer, dtype="float32", seed=0)
        read = encoder if name == "auto" else replace(with_layers(encoder, name), blocks=())
        model = layer_vectors(read, "mean")
        kept, fresh = (
            VectorMaker(model, tokenizer, config, Silent(), lambda: False, cache).vectors(part, labels).layers
            for cache in (FeatureCache(tmp_path, 10**9), None)
        )
        np.testing.assert_allclose(kept, fresh, atol=1e-6)
    assert len(list(tmp_path.glob("*.npy"))) == 5


@pytest.mark.parametrize("family", ["albert", "deberta_v3", "f_net", "gpt2"])
def test_every_kind_of_backbone_can_stay_frozen(
    services: Services, train_run: Callable[..., RunResult], tiny_backbone: Callable[[str], str], family: str
) -> None:
    result = train_run(merged(QUICK, {"model": {"backbone": tiny_backbone(family)}}))
    assert services.load(result.run.bundle).probabilities(TEXTS).shape == (30, 2)


def test_memory_that_runs_out_over_the_vectors_takes_fewer_texts(
    train_run: Callable[..., RunResult], tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    whole = keras.Model.predict_on_batch

    def small(self: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
        if self.name == "layer_vectors" and len(inputs["token_ids"]) > 5:
            raise MemoryError("Unable to allocate 1 GiB")
        return np.asarray(whole(self, inputs))

    monkeypatch.setattr(keras.Model, "predict_on_batch", small)
    result = train_run(merged(QUICK, {"model": {"backbone": str(tiny_bert), "max_length": 15}}))
    assert result.complete


def test_a_stopped_head_goes_on_where_it_stood(
    services: Services, labelled: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    settings = merged(TINY, {"model": {"backbone": str(tiny_bert), "trainable": "head"}, "training": {"epochs": 3}})
    results = {}
    for name, steps in (("unbroken", None), ("broken", 25)):
        run = services.prepare(str(labelled), RunConfig.parse(settings), out=tmp_path / name)
        asked = 0

        def should_stop(limit: int | None = steps) -> bool:
            nonlocal asked
            asked += 1
            return limit is not None and asked > limit

        result = services.start(run, None, should_stop, exports=False)
        if not result.complete:
            assert steps is not None
            result = services.start(run, exports=False)
        assert result.complete
        results[name] = services.load(run.bundle).probabilities(TEXTS)
    np.testing.assert_array_equal(results["unbroken"], results["broken"])


@pytest.mark.parametrize("term", ["supcon", "center", "prototype"])
def test_a_term_that_would_change_nothing_is_refused(
    services: Services, labelled: Path, tiny_bert: Path, tmp_path: Path, term: str
) -> None:
    settings = {
        "model": {"backbone": str(tiny_bert), "trainable": "head"},
        "objective": {"terms": [{"name": term, "weight": 0.1}]},
    }
    run = services.prepare(str(labelled), RunConfig.parse(merged(TINY, settings)), out=tmp_path / "run")
    with pytest.raises(ConfigError, match="frozen: it would change nothing"):
        services.start(run)


def test_a_term_on_the_logits_may_be_searched_with_a_frozen_backbone(
    train_run: Callable[..., RunResult], tiny_bert: Path
) -> None:
    settings = {
        "model": {"backbone": str(tiny_bert), "trainable": "head"},
        "objective": {"terms": [{"name": "class_balanced", "weight": "auto"}], "weight_grid": [1.0]},
    }
    report = train_run(settings).report
    assert report is not None
    assert [row["weight"] for row in report["lambda_search"]["rows"]] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"training": {"head_solver": "logistic"}}, "needs model.trainable head"),
        ({"model": {"pooled_layers": "auto"}}, "needs training.head_solver logistic"),
        (merged(QUICK, {"model": {"pooling": "mean_max"}}), "pools each layer apart"),
        (
            merged(QUICK, {"objective": {"terms": [{"name": "class_balanced"}]}}),
            "no terms",
        ),
    ],
)
def test_settings_that_contradict_each_other(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RunConfig.parse(settings)


def test_a_new_head_learns_at_a_rate_of_its_own_and_the_run_is_finished_before_its_checkpoints_go(
    train_run: Callable[..., RunResult], tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the rate of pretrained weights a head hardly moved; a kill while checkpoints went made a failed run of it."""
    states: list[str] = []
    remove = shutil.rmtree

    def removed(path: Path, *arguments: Any, **options: Any) -> None:
        if Path(path).name == "checkpoints":
            states.append(RunDirectory.open(Path(path).parent).status().state)
        remove(path, *arguments, **options)

    monkeypatch.setattr(shutil, "rmtree", removed)
    settings = {
        "model": {"backbone": str(tiny_bert), "trainable": "head"},
        "optimizer": {"schedule": "constant", "learning_rate": None},
    }
    result = train_run(merged(settings, {"training": {"epochs": 2}}))
    assert result.history[-1]["learning_rate"] == pytest.approx(HEAD_RATE)
    assert states == ["finished"]
    assert not result.run.checkpoints.exists()
