"""The test rows of a run with what its model said of each, kept so that nobody has to ask the model again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.errors import ArtifactError
from sft_keras.evaluation.metrics import FloatArray, IntArray, check_rows
from sft_keras.evaluation.mistakes import Mistake
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.reports import PREDICTIONS, load_predictions


@dataclass(frozen=True, eq=False)
class TestedRows:
    """Test rows, in their order.

    Args:
        texts: The texts, [n].
        labels: Their labels, [n].
        names: The names of the classes, by index.
        truth: int64 [n], class indices.
        probabilities: float64 [n, classes] of the model.
    """

    __test__ = False  # no test class, whatever its name

    texts: Sequence[str]
    labels: Sequence[str]
    names: tuple[str, ...]
    truth: IntArray
    probabilities: FloatArray

    @property
    def predicted(self) -> IntArray:
        """int64 [n], the most likely class of each row."""
        best: IntArray = self.probabilities.argmax(axis=1).astype(np.int64)
        return best

    def where(self, chosen: npt.NDArray[np.bool_], *, most: int) -> list[Mistake]:
        """Some of the rows, the most confident first.

        Args:
            chosen: bool [n], which.
            most: How many at most.
        """
        confidence, predicted = self.probabilities.max(axis=1), self.predicted
        rows = np.flatnonzero(chosen)
        order = rows[np.argsort(-confidence[rows], kind="stable")][:most]
        return [
            Mistake(self.texts[i], self.labels[i], self.names[predicted[i]], float(confidence[i]))
            for i in order.tolist()
        ]


def load_tested(run: RunDirectory) -> TestedRows:
    """The test rows of a run.

    Raises:
        ArtifactError: There is no test part, an older version trained it and kept no answers, or the files do not
            belong together.
        DataError: The rows are damaged.
    """
    files = (run.data / "test.parquet", run.data / PREDICTIONS)
    if not files[0].is_file():
        raise ArtifactError(
            "The run has no scored test part: it has none, or is not finished.",
            fix="Finish it, or train it with a test part.",
        )
    if not files[1].is_file():
        raise ArtifactError(
            "This run kept no answers to its test rows: an older version trained it.",
            fix="Train it again to look at single rows.",
        )
    return _load(run.path, tuple(file.stat().st_mtime_ns if file.is_file() else 0 for file in files))


@lru_cache(maxsize=4)
def _load(path: Path, _stamps: tuple[int, ...]) -> TestedRows:
    run = RunDirectory(path)
    saved = load_predictions(run)
    test = Examples.from_parquet(run.data / "test.parquet")
    if len(saved.probabilities) != len(test):
        raise ArtifactError(
            f"The answers that this run kept ({len(saved.probabilities)}) do not fit its test rows ({len(test)}).",
            fix="A file was damaged or replaced; train it again to look at single rows.",
        )
    truth, scores = check_rows(Labels(saved.names).encode(test.labels), saved.probabilities)
    return TestedRows(test.texts, test.labels, saved.names, truth, scores)
