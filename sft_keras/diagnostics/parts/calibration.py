"""Whether confidences mean what they say, before and after the temperature of Guo et al. (2017)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.base import PARTS, Facts, NotApplicable, Part
from sft_keras.diagnostics.blocks import Block, Column, Picture, Sentence, Table, percent

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

FIGURES = ("ece", "brier", "log_loss")
FEWEST_ROWS = 20
CLOSE = 0.02
"""A mean confidence this near to the accuracy is called fitting."""


def examine(subject: Subject) -> Facts:
    """The figures and the reliability diagram of the test part, with and without the temperature."""
    from sft_keras.evaluation.calibration import without_temperature
    from sft_keras.evaluation.metrics import calibration_bins, classification_metrics

    truth, after = subject.truth("test"), subject.probabilities("test")
    if len(truth) < FEWEST_ROWS:
        raise NotApplicable("too_few", rows=FEWEST_ROWS)
    bins, temperature = subject.config.evaluation.calibration_bins, float(subject.predictor.temperature)
    states = {"after": after}
    if temperature != 1.0:
        states = {"before": without_temperature(after, temperature), "after": after}
    facts: Facts = {"temperature": temperature, "rows": len(truth), "states": {}}
    for name, probabilities in states.items():
        figures = classification_metrics(truth, probabilities, bins=bins)
        facts["states"][name] = {
            "figures": {figure: figures.get(figure) for figure in FIGURES},
            "confidence": float(probabilities.max(axis=1).mean()),
            "accuracy": float((probabilities.argmax(axis=1) == truth).mean()),
            "bins": [asdict(each) for each in calibration_bins(truth, probabilities, bins)],
        }
    return facts


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """How sure it was and how often right, the figures, and the diagrams."""
    from sft_keras.evaluation.charts import reliability_svg
    from sft_keras.evaluation.metrics import CalibrationBin

    states = facts["states"]
    first = states.get("before", states["after"])
    gap = first["confidence"] - first["accuracy"]
    kind = "fits" if abs(gap) <= CLOSE else "over" if gap > 0 else "under"
    said = {"confidence": percent(words, first["confidence"], 0), "accuracy": percent(words, first["accuracy"], 0)}
    blocks: list[Block] = []
    if "before" in states:
        now = percent(words, states["after"]["confidence"], 0)
        kind = "over" if facts["temperature"] > 1 else "under"
        blocks.append(
            Sentence(words(f"calibration.was_{kind}", **said, temperature=f"{facts['temperature']:.2f}", now=now))
        )
    else:
        blocks.append(Sentence(words(f"calibration.is_{kind}", **said), "warn" if kind == "over" else "say"))
    if "before" in states and states["after"]["figures"]["log_loss"] > states["before"]["figures"]["log_loss"]:
        blocks.append(Sentence(words("calibration.worse"), "warn"))
    columns = [Column(words("calibration.figure")), *(Column(words(f"calibration.{s}"), "number") for s in states)]
    rows = [
        (words(f"calibration.{figure}"), *(_number(state["figures"][figure]) for state in states.values()))
        for figure in FIGURES
    ]
    blocks.append(Table(columns, rows))
    for name, state in states.items():
        picture = reliability_svg([CalibrationBin(**each) for each in state["bins"]])
        blocks.append(Picture(picture, words(f"calibration.picture_{name}")))
    how = "calibration.how" if "before" in states else "calibration.how_plain"
    blocks.append(Sentence(words(how, rows=facts["rows"]), "how"))
    return blocks


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


PARTS.add("calibration", Part(20, examine, present))
