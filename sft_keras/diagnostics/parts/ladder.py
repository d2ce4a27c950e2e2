"""What each step of effort brings, on the same test rows: majority, TF-IDF, a head on the frozen backbone, fine-tuning.

Neighbouring rungs are compared by a paired bootstrap (Efron and Tibshirani 1993, chapter 8) and McNemar's exact test
(McNemar 1947).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sft_keras.catalogues import Catalogue
from sft_keras.diagnostics.base import PARTS, Facts, Part
from sft_keras.diagnostics.blocks import Block, Column, Meter, Sentence, Table, interval, percent
from sft_keras.diagnostics.quick_head import fit_quick, quick_probabilities
from sft_keras.evaluation.baselines import majority_probabilities, tfidf_logreg_probabilities
from sft_keras.evaluation.evaluator import measure
from sft_keras.evaluation.pairs import compare_answers
from sft_keras.evaluation.wording import outcome

if TYPE_CHECKING:
    from sft_keras.diagnostics.subject import Subject

FIGURES = ("accuracy", "macro_f1")
_KINDS: dict[str, Literal["good", "warn"]] = {"better": "good", "worse": "warn"}


def examine(subject: Subject) -> Facts:
    """Scores each rung, and compares each with the one before."""
    train, test = subject.rows("train"), subject.rows("test")
    classes = len(subject.labels)
    truth = subject.truth("test")

    def tfidf() -> np.ndarray:
        return tfidf_logreg_probabilities(train.texts, subject.truth("train"), test.texts, classes, seed=subject.seed)

    rungs = {"majority": _timed(lambda: majority_probabilities(subject.truth("train"), classes, len(test)))}
    subject.tell(0.05)
    rungs["tfidf"] = _timed(tfidf)
    subject.tell(0.2)
    if subject.quick_is_frozen:
        rungs["frozen"] = _timed(lambda: _frozen(subject, classes))
    subject.tell(0.9)
    seconds = float((subject.report or {}).get("seconds", {}).get("training", 0.0))
    rungs["fine_tuned"] = (subject.probabilities("test"), seconds)
    sizes = {"fine_tuned": subject.bundle.folder.joinpath("model.keras").stat().st_size / 2**20}
    answers = {name: probabilities.argmax(axis=1) for name, (probabilities, _) in rungs.items()}
    names = list(rungs)
    pairs = [*pairwise(names), ("tfidf", "fine_tuned")]
    return {
        "rows": len(test),
        "rungs": [
            {
                "name": name,
                "seconds": spent,
                "mib": sizes.get(name),
                "metrics": {
                    figure: found.to_dict()
                    for figure, found in measure(truth, scores, subject.config.evaluation, subject.seed).items()
                    if figure in FIGURES
                },
            }
            for name, (scores, spent) in rungs.items()
        ],
        "steps": [
            _step(subject, truth, answers, lower, upper) for lower, upper in dict.fromkeys(pairs) if lower != upper
        ],
    }


def _timed(answer: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    began = time.perf_counter()
    return answer(), time.perf_counter() - began


def _frozen(subject: Subject, classes: int) -> np.ndarray:
    model = fit_quick(subject.quick("train"), subject.truth("train"))
    return quick_probabilities(model, subject.quick("test"), classes)


def _step(
    subject: Subject, truth: np.ndarray, answers: Mapping[str, np.ndarray], lower: str, upper: str
) -> dict[str, Any]:
    names = subject.labels.names
    named = ([names[i] for i in rows] for rows in (truth, answers[upper], answers[lower]))
    pair = compare_answers(*named, samples=subject.config.evaluation.bootstrap_samples, seed=subject.seed)
    found = pair.difference
    return {
        "from": lower,
        "to": upper,
        **{key: value for key, value in asdict(found).items() if key in ("value", "low", "high")},
        "p_value": pair.p_value,
        "outcome": outcome(found),
    }


def present(facts: Mapping[str, Any], words: Catalogue) -> list[Block]:
    """A sentence on what fine-tuning adds, and a table of the rungs."""
    last = facts["steps"][-1]
    low, high = last["low"], last["high"]
    sentence = words(
        f"ladder.verdict_{last['outcome']}",
        points=f"{abs(100 * last['value']):.1f}",
        low=f"{100 * (low if last['outcome'] != 'worse' else -high):.1f}" if low is not None else "–",
        high=f"{100 * (high if last['outcome'] != 'worse' else -low):.1f}" if high is not None else "–",
    )
    before = {step["to"]: step for step in facts["steps"][:-1]}
    if len(facts["rungs"]) == 3:
        before["fine_tuned"] = last
    rows = []
    for rung in facts["rungs"]:
        accuracy, step = rung["metrics"]["accuracy"], before.get(rung["name"])
        rows.append(
            (
                words(f"ladder.rung_{rung['name']}"),
                Meter(accuracy["value"], percent(words, accuracy["value"])),
                interval(words, accuracy["low"], accuracy["high"]),
                percent(words, rung["metrics"]["macro_f1"]["value"]),
                f"{100 * step['value']:+.1f}" if step else "",
                _p(step["p_value"]) if step else "",
                f"{rung['seconds']:,.1f}",
            )
        )
    columns = [
        Column(words("ladder.rung")),
        Column(words("ladder.accuracy"), "meter"),
        Column(words("ladder.interval"), "number"),
        Column(words("ladder.macro_f1"), "number"),
        Column(words("ladder.gain"), "number"),
        Column("p", "number"),
        Column(words("ladder.seconds"), "number"),
    ]
    return [
        Sentence(sentence, _KINDS.get(last["outcome"], "say")),
        Table(columns, rows),
        Sentence(words("ladder.how", rows=facts["rows"]), "how"),
    ]


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


PARTS.add("ladder", Part(10, examine, present))
