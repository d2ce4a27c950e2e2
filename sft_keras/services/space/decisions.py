"""What mistakes cost, and how sure the model must be, as a page asks for it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from sft_keras.evaluation.told import cost_text, told_down
from sft_keras.services.space.evaluation import EvaluationSpace

if TYPE_CHECKING:
    import numpy as np

    from sft_keras.evaluation.costs import CostReport, Costs
    from sft_keras.evaluation.thresholds import Attained
    from sft_keras.runs.decided import Answer, Decided

__all__ = ["Attained", "CostReport", "Costs", "Decided", "DecisionSpace", "cost_text", "told_down"]


class DecisionSpace(EvaluationSpace):
    """Decisions. All errors are `SftError`."""

    def decision_costs(
        self, run: str, matrix: object = None, hand_over: object = None, *, by_label: object = None
    ) -> Decided:
        """The decisions of least expected cost, scored on the test part; the costs are kept with the run.

        Args:
            run: The run.
            matrix: Numbers [labels, labels], cost of `[truth, answer]`; a browser sends them, so they may be anything.
            hand_over: Cost of asking a person, or None.
            by_label: In place of a matrix: what missing a label costs, and a false alarm of it; [labels, 2].

        Raises:
            InputValueError: The costs cannot be used.
            SftError: The run has no test part, or kept no answers.
        """
        from sft_keras.evaluation.costs import checked_figures, filled_matrix
        from sft_keras.runs.decided import decided, keep_costs

        with self._reading(run) as folder:
            figures = None
            if by_label is not None:
                figures = checked_figures(by_label, len(self._tested(run).names))
                matrix = filled_matrix(figures[:, 0], figures[:, 1])
            found = decided(folder, matrix, hand_over, self._answer(run))
            return keep_costs(folder, found, None if figures is None else figures.tolist())

    def saved_costs(self, run: str) -> tuple[tuple[str, ...], Costs | None]:
        """The labels, and what was said of their mistakes the last time, if anything."""
        from sft_keras.runs.decided import saved_costs

        names = self._tested(run).names
        with self._reading(run) as folder:
            return names, saved_costs(folder, names)

    def saved_figures(self, run: str) -> list[list[float]] | None:
        """What missing each label costs and a false alarm of it, if it was said so the last time."""
        from sft_keras.runs.decided import saved_by_label

        names = self._tested(run).names
        with self._reading(run) as folder:
            return saved_by_label(folder, names)

    def wanted_accuracy(self, run: str, wanted: Any) -> Attained:
        """The least confidence for a wanted accuracy: chosen on the validation part, tried on the test part.

        Args:
            run: The run.
            wanted: The accuracy, 0 to 1.

        Raises:
            DataError: It is no share, or a part has fewer than 20 rows.
            SftError: The run has no test part, kept no answers, or has no model.
        """
        from sft_keras.runs.decided import for_accuracy

        with self._reading(run) as folder:
            return for_accuracy(folder, wanted, self._answer(run))

    def _answer(self, run: str) -> Answer:
        def answer(texts: Any) -> np.ndarray:
            if not self.settings.int8:
                return self.predictor(run).probabilities(texts)
            # What is kept with the run is said by the model itself, as the report is, and not by its 8-bit copy.
            from sft_keras.inference.pool import open_predictor

            with contextlib.closing(open_predictor(self._bundle(run)).predictor) as model:
                return model.probabilities(texts)

        return answer
