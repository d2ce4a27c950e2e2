"""The use case of saying what mistakes cost, for the command line and Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sft_keras.errors import ConfigError
from sft_keras.services.base import Installation

if TYPE_CHECKING:
    from sft_keras.evaluation.costs import CostReport, Costs
    from sft_keras.runs.decided import Decided
    from sft_keras.runs.directory import RunDirectory
    from sft_keras.tasks.base import Prediction

A_PERSON = "(a person)"


class DecisionServices(Installation):
    """Decisions of least expected cost."""

    def decision_costs(
        self, run: Path, costs: Path | None = None, hand_over: float | None = None, *, nobody: bool = False
    ) -> Decided:
        """What mistakes of a run's model cost; kept with the run.

        Args:
            run: The folder of the run.
            costs: A CSV file: a header with the answers, a row for each true label, its name first. What was kept
                with the run if left out.
            hand_over: What asking a person costs; with kept costs, that of then if left out. Costs that are only shown
                again are left as they are.
            nobody: Whether nobody is asked any more, whatever was kept.

        Raises:
            SftError: The run has no test part, or the file is no such table, or nothing was kept.
        """
        from sft_keras.inference.loading import quickest_predictor
        from sft_keras.runs.decided import decided, keep_costs, saved_by_label
        from sft_keras.runs.directory import RunDirectory
        from sft_keras.runs.tested import load_tested

        folder = RunDirectory.open(run)
        names = load_tested(folder).names
        by_label = saved_by_label(folder, names) if costs is None else None
        chosen = costs_of(folder, names, costs, hand_over)
        if nobody:
            chosen = replace(chosen, hand_over=None)
        found = decided(
            folder,
            chosen.matrix,
            chosen.hand_over,
            lambda texts: quickest_predictor(folder.bundle).probabilities(texts),
        )
        is_new = costs is not None or hand_over is not None or nobody
        return keep_costs(folder, found, by_label) if is_new else found


def costs_of(run: RunDirectory | None, names: Sequence[str], file: Path | None, hand_over: float | None) -> Costs:
    """What mistakes of a model cost.

    Args:
        run: The run of the model; None if it is not here.
        names: The labels of the model.
        file: The costs, see `read_costs`; those that were kept with the run if left out.
        hand_over: What asking a person costs; with kept costs, that of then if left out.

    Raises:
        SftError: The file is no such table, the costs cannot be used, or none were kept.
    """
    from sft_keras.evaluation.costs import check_costs
    from sft_keras.runs.decided import read_costs, saved_costs

    if file is not None:
        return check_costs(read_costs(file, names), len(names), hand_over)
    kept = None if run is None else saved_costs(run, names)
    if kept is None:
        raise ConfigError(
            "No costs were kept with this run.",
            where=str(run.path) if run else "",
            fix=f"Give --costs FILE, a CSV: a header with the answers {', '.join(names[:10])}, "
            "and a row for each true label.",
        )
    return kept if hand_over is None else check_costs(kept.matrix, len(names), hand_over)


def decider(costs: Costs, names: Sequence[str], person: str = A_PERSON) -> Callable[[Prediction], str]:
    """From a prediction to the label of least expected cost, or to the word for a person."""
    from sft_keras.evaluation.costs import PERSON, decide

    def decided(prediction: Prediction) -> str:
        scores = np.array([[prediction.probabilities[name] for name in names]])
        answer = int(decide(scores, costs)[0])
        return person if answer == PERSON else names[answer]

    return decided


def as_values(found: Decided) -> dict[str, Any]:
    """The same as JSON types."""
    return {
        "labels": list(found.names),
        "costs": found.costs.matrix.tolist(),
        "hand_over": found.costs.hand_over,
        "ranges_of_second_label": [{"answer": name or A_PERSON, "from": a, "to": b} for name, a, b in found.ranges],
        "test": _values(found.test, found.names),
        "validation": _values(found.validation, found.names) if found.validation else None,
        "validation_missing": found.missing,
    }


def _values(report: CostReport, names: Sequence[str]) -> dict[str, Any]:
    return asdict(report) | {"single": names[report.single]}
