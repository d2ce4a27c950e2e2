"""What a training leaves in its run folder: the report on the test part, and the bundle."""

from __future__ import annotations

import hashlib
import importlib.metadata
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sft_keras.artifacts.bundle import write_bundle
from sft_keras.artifacts.model_card import model_card
from sft_keras.backend import BACKENDS, backend_name
from sft_keras.config import RunConfig
from sft_keras.data.examples import Examples
from sft_keras.data.splits import Splits
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.reports import data_title, save_mistakes, save_predictions

# Rows that the 8-bit copy of a model is compared on.
MOST_COMPARED = 2_000
PACKAGES = ("sft-keras", "keras", "keras-hub", "tokenizers", "scikit-learn", "numpy")


def versions() -> dict[str, str]:
    """The versions of the packages that decide a result; of the backends, the one in use.

    Raises:
        ConfigError: The backend that is asked for cannot be used.
    """
    found = {}
    for name in (*PACKAGES, *BACKENDS[backend_name()]):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def predictor_of(trained: Any) -> Any:
    """What predicts with a trained model."""
    from sft_keras.inference.predictor import Predictor
    from sft_keras.tasks.base import TASKS

    return Predictor(
        trained.model.inference_model(),
        trained.tokenizer,
        trained.labels,
        TASKS.get(trained.config.training.task),
        max_length=trained.config.model.max_length,
        temperature=trained.temperature,
    )


def validation_logits(trained: Any, validation: Examples) -> np.ndarray:
    """Those of the validation part, float32 [rows, classes]; the model computes them only if they are not known."""
    known: np.ndarray | None = trained.validation_logits
    return predictor_of(trained).logits(validation.texts) if known is None else known


def validation_probabilities(trained: Any, validation: Examples) -> np.ndarray:
    """Those of the validation part, float32 [rows, classes], before any calibration."""
    from sft_keras.tasks.base import TASKS

    return TASKS.get(trained.config.training.task).probabilities(validation_logits(trained, validation))


def calibrated(trained: Any, validation: Examples) -> Any:
    """The same model with the temperature that fits the validation part, if the settings ask for it."""
    from sft_keras.evaluation.calibration import fit_temperature
    from sft_keras.tasks.base import TASKS

    config = trained.config
    if not config.evaluation.calibrate or not TASKS.get(config.training.task).takes_temperature:
        return trained

    logits = validation_logits(trained, validation)
    return replace(trained, temperature=fit_temperature(logits, trained.labels.encode(validation.labels)))


def report_on_test(
    run: RunDirectory, splits: Splits, test: Examples, trained: Any, found: dict[str, Any]
) -> dict[str, Any]:
    """Scores the test part once, and writes the report and what pages ask of it.

    Args:
        run: The run.
        splits: All its rows.
        test: Those to score.
        trained: What the training gave.
        found: What it chose by itself, for the report.

    Returns:
        The report as in `report.json`.
    """
    from sft_keras.evaluation.mistakes import confident_mistakes
    from sft_keras.evaluation.report import build_report
    from sft_keras.evaluation.report_files import write_report

    config = trained.config
    began = time.monotonic()
    predictor = predictor_of(trained)
    training = splits.train
    probabilities = predictor.probabilities(test.texts)
    seconds = {"training": trained.position.seconds, "prediction": time.monotonic() - began}
    truth = trained.labels.encode(test.labels)
    report = build_report(
        labels=truth,
        probabilities=probabilities,
        names=trained.labels.names,
        train_texts=training.texts,
        train_labels=trained.labels.encode(training.labels),
        test_texts=test.texts,
        config=config.evaluation,
        seed=config.training.seed,
        rows={name: len(part) for name, part in splits.parts.items()},
        seconds=seconds,
        data_fingerprint=fingerprint(splits),
        backbone=trained.backbone.location.name,
        versions=versions(),
        notes=splits.notes,
        class_weight=_baseline_weights(config, trained, training),
        history=trained.position.history,
    )
    report = replace(report, **found, **_scaling(trained, truth, probabilities))
    # Texts stay with the texts: what lies in `report/` can be shown to anybody.
    save_predictions(run, trained.labels.names, probabilities)
    save_mistakes(run, confident_mistakes(truth, probabilities, test.texts, trained.labels.names))
    status = run.status()
    write_report(report, run.report, config=config, data=data_title(status.data), created=status.created)
    return report.to_dict()


def _scaling(trained: Any, truth: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """What the report says of the temperature."""
    from sft_keras.evaluation.calibration import without_temperature
    from sft_keras.evaluation.metrics import classification_metrics

    if trained.temperature == 1.0:
        return {}
    bins = trained.config.evaluation.calibration_bins
    before = classification_metrics(truth, without_temperature(probabilities, trained.temperature), bins=bins)
    kept = {name: before[name] for name in ("ece", "brier", "log_loss") if name in before}
    return {"temperature": trained.temperature, "calibration_before": kept}


def _baseline_weights(config: RunConfig, trained: Any, training: Examples) -> dict[int, float] | None:
    """The class weights of the training by class id, so that the baseline is told the same."""
    from sft_keras.losses.class_weights import class_weights

    if config.objective.class_weights == "none":
        return None
    counts = np.bincount(trained.labels.encode(training.labels), minlength=len(trained.labels))
    weights = class_weights(config.objective.class_weights, counts, trained.labels.names)
    return dict(enumerate(map(float, weights)))


def fingerprint(splits: Splits) -> str:
    """One SHA-256 over the fingerprints of the parts."""
    return hashlib.sha256("".join(part.fingerprint() for part in splits.parts.values()).encode()).hexdigest()


def keep_bundle(
    run: RunDirectory, splits: Splits, trained: Any, report: dict[str, Any] | None, *, exports: bool
) -> dict[str, Any] | None:
    """Writes the bundle, and what its copy in 8-bit integers is worth into the report.

    Args:
        run: The run.
        splits: All its rows.
        trained: What the training gave.
        report: The report, if the test part was scored.
        exports: Whether to write the model in other formats too.

    Returns:
        The report as it is kept.
    """
    from sft_keras.evaluation.report_files import write_content

    config = trained.config
    kept = report

    def completed(told: dict[str, Any]) -> dict[str, Any] | None:
        nonlocal kept
        copy = told.get("onnx_int8", {})
        kept = {**report, "eight_bit": copy} if report is not None and "file" in copy else report
        return kept

    information = {
        "backbone": trained.backbone.location.name,
        "family": trained.backbone.family.name,
        **({"trained_from": config.model.bundle_sha256} if config.model.bundle_sha256 else {}),
        "task": config.training.task,
        "epochs_done": trained.position.epoch,
        "best_epoch": trained.position.best_epoch,
        "data_fingerprint": fingerprint(splits),
        "temperature": trained.temperature,
        "versions": versions(),
    }
    write_bundle(
        run.bundle,
        save_model=lambda path: trained.model.inference_model().save(path),
        save_tokenizer=trained.tokenizer.save,
        save_preset=trained.preset_writer(),
        labels=trained.labels,
        config=config,
        report=completed,
        card=lambda told: model_card(
            config, labels=trained.labels.names, report=report, information=information, exports=told
        ),
        information=information,
        weight_bytes=4 * trained.model.count_params(),
        export=(lambda folder: _export(run, splits, trained, folder)) if exports else None,
    )
    if kept is not None and kept is not report:
        status = run.status()
        write_content(kept, run.report, config=config, data=data_title(status.data), created=status.created)
    return kept


def _export(run: RunDirectory, splits: Splits, trained: Any, folder: Path) -> dict[str, Any]:
    """Writes the model in other formats: compared with Keras on a few texts of the training part, and the copy in 8-bit
    integers, whose answers are others, with the graph on the validation part."""
    from sft_keras.artifacts.bundle import EIGHT_BIT, GRAPH
    from sft_keras.artifacts.eight_bit import eight_bit_copy
    from sft_keras.artifacts.export.base import export_all

    tokenizer, max_length = trained.tokenizer, trained.config.model.max_length
    texts = [text for text in splits.train.texts[:64] if text.strip()]
    model = trained.model.inference_model()
    ids = tokenizer.encode(texts, max_length)
    found = export_all(folder, model, ids, pad_id=tokenizer.pad_id, max_length=max_length, tell=run.log)
    if GRAPH in (each.get("file") for each in found.values()):
        order = np.random.default_rng(trained.config.training.seed).permutation(len(splits.validation))
        rows = splits.validation.take(order[:MOST_COMPARED])
        found["onnx_int8"] = eight_bit_copy(
            folder / GRAPH,
            folder / EIGHT_BIT,
            tokenizer.encode(rows.texts, max_length),
            trained.labels.encode(rows.labels),
            pad_id=tokenizer.pad_id,
        )
        if "reason" in found["onnx_int8"]:
            run.log(f"{EIGHT_BIT} is left out of the bundle: {found['onnx_int8']['reason']}.")
    return found
