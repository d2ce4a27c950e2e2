"""A process that answers for one bundle with Keras: `python -m sft_keras.inference.worker_process BUNDLE`.

It reads one JSON object a line, `{"texts": [...]}`, `{"explain": text, "label": label}` or `{"like": text, "rows":
file, "count": 5, "seconds": 30}`, and writes one a line: `{"ready": true}` first, then `{"logits": [[...]]}`,
`{"explanation": {...}}`, `{"neighbours": {...}}` or `{"error": ..., "where": ..., "fix": ...}`. It ends when its input
does, hence with its parent.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sft_keras.errors import SftError

if TYPE_CHECKING:
    from sft_keras.inference.predictor import Predictor
    from sft_keras.inference.training_features import TrainingFeatures


def main(bundle: str) -> int:
    """Answers until the input ends; returns the exit status."""
    # What libraries print must not get among the answers.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)

        def answer(content: dict[str, Any]) -> None:
            answers.write(json.dumps(content) + "\n")
            answers.flush()

        try:
            from sft_keras.artifacts.bundle import read_bundle
            from sft_keras.inference.loading import load_predictor
            from sft_keras.inference.training_features import training_features
            from sft_keras.settings import Settings

            free = Settings.from_environment().min_free_mib
            checked = read_bundle(Path(bundle))
            predictor = load_predictor(checked)
            predictor.predict(["a"])  # the first call is the slow one
        except Exception as error:
            answer(_told(error))
            return 2
        answer({"ready": True})
        # They are of one run: the rows lie beside the bundle.
        known: dict[str, TrainingFeatures] = {}

        def features(rows: str) -> TrainingFeatures:
            if rows not in known:
                known[rows] = training_features(checked, predictor.model, Path(rows), min_free_mib=free)
            return known[rows]

        for line in sys.stdin:
            try:
                answer(_answered(predictor, features, json.loads(line)))
            except BrokenPipeError:
                return 0
            except Exception as error:
                answer(_told(error))
    return 0


def _answered(
    predictor: Predictor, features: Callable[[str], TrainingFeatures], request: dict[str, Any]
) -> dict[str, Any]:
    if "explain" in request:
        return {"explanation": asdict(predictor.explain(request["explain"], request["label"]))}
    if "like" in request:
        found = features(request["rows"])
        found.prepare(request["seconds"])
        return {"neighbours": asdict(found.nearest(request["like"], request["count"]))}
    return {"logits": predictor.logits(request["texts"]).tolist()}


def _told(error: Exception) -> dict[str, str]:
    if isinstance(error, SftError):
        return {"error": error.problem, "where": error.where, "fix": error.fix}
    return {"error": f"The model could not answer: {type(error).__name__}: {error}"[:500]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
