"""What mistakes cost, kept with the run once its owner said so, and the answers of its model to validation rows."""

from __future__ import annotations

import contextlib
import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sft_keras.data.decoding import decode
from sft_keras.data.examples import Examples
from sft_keras.data.labels import Labels
from sft_keras.diagnostics.draws import drawn_rows
from sft_keras.errors import ArtifactError, DataError, SftError, did_you_mean
from sft_keras.evaluation.costs import (
    MOST_COST,
    PERSON,
    CostReport,
    Costs,
    answer_ranges,
    cheapest_label,
    check_costs,
    checked_figures,
    cost_report,
)
from sft_keras.evaluation.metrics import check_rows
from sft_keras.evaluation.thresholds import FEWEST_ROWS, Attained, attained
from sft_keras.json_files import read_json, write_json
from sft_keras.runs.directory import RunDirectory
from sft_keras.runs.reports import VALIDATION_PREDICTIONS, load_predictions, save_predictions
from sft_keras.runs.tested import load_tested

COSTS = "costs.json"
FORMAT_VERSION = 1
MOST_VALIDATION_ROWS = 2_000
_LARGEST_FILE = 32 * 2**20

Answer = Callable[[Sequence[str]], np.ndarray]
"""float [n, labels]: the probabilities of the run's model for texts, in the order of its labels."""


@dataclass(frozen=True)
class Decided:
    """What the costs of mistakes lead to.

    Attributes:
        names: The labels, in the order of the matrix.
        costs: The costs.
        test: On the test part.
        validation: On the validation part, or a draw of it; None if that part cannot be scored.
        missing: Why it cannot be scored; "" if it was.
        kept: Whether the costs are kept with the run.
    """

    names: tuple[str, ...]
    costs: Costs
    test: CostReport
    validation: CostReport | None
    missing: str = ""
    kept: bool = True

    @property
    def ranges(self) -> list[tuple[str | None, float, float]]:
        """For two labels: an answer (None is a person), and from which to which probability of the second label it is
        the cheapest; in their order. Empty for more labels."""
        if len(self.names) != 2:
            return []
        found = [
            (None if answer == PERSON else self.names[answer], *ends)
            for answer, ends in answer_ranges(self.costs).items()
        ]
        return sorted(found, key=lambda each: each[1])


def decided(run: RunDirectory, matrix: object, hand_over: object, answer: Answer) -> Decided:
    """The decisions of least expected cost of a run's model, scored on its test part.

    Args:
        run: The run.
        matrix: Numbers [labels, labels], cost of `[truth, answer]`, in the order of the model's labels.
        hand_over: Cost of asking a person, or None.
        answer: The model, asked about validation rows the first time.

    Raises:
        InputValueError: The costs cannot be used.
        SftError: The run has no test part or kept no answers.
    """
    tested = load_tested(run)
    costs = check_costs(matrix, len(tested.names), hand_over)
    validation, single, missing = None, None, ""
    try:
        truth, scores = validated(run, tested.names, answer)
        single = cheapest_label(truth, costs)
        validation = cost_report(truth, scores, costs, single=single)
    except SftError as error:  # the figures of the test part do without
        missing = error.problem
    test = cost_report(tested.truth, tested.probabilities, costs, single=single)
    return Decided(tested.names, costs, test, validation, missing)


def for_accuracy(run: RunDirectory, wanted: float, answer: Answer) -> Attained:
    """The least confidence for a wanted accuracy, chosen on the validation part and tried on the test part.

    Args:
        run: The run.
        wanted: The accuracy, 0 to 1.
        answer: See `decided`.

    Raises:
        DataError: The accuracy is no share, or a part has fewer than 20 rows.
        SftError: The run has no test part, kept no answers, or has no model.
    """
    if not isinstance(wanted, int | float) or not 0 < wanted <= 1:
        raise DataError("The wanted accuracy must be over 0% and at most 100%.", fix="Give another number.")
    tested = load_tested(run)
    parts = [validated(run, tested.names, answer), (tested.truth, tested.probabilities)]
    if min(len(truth) for truth, _ in parts) < FEWEST_ROWS:
        raise DataError(
            f"At least {FEWEST_ROWS} validation rows and as many test rows are needed.", fix="Train with more rows."
        )
    validation, test = ((scores.max(axis=1), scores.argmax(axis=1) == truth) for truth, scores in parts)
    return attained(validation, test, float(wanted))


def validated(run: RunDirectory, names: Sequence[str], answer: Answer) -> tuple[np.ndarray, np.ndarray]:
    """Class indices [n] and probabilities [n, labels] of the validation part, of which 2,000 rows at most are drawn.

    The model is asked once; what it says is kept with the run.
    """
    file = run.data / "validation.parquet"
    if not file.is_file():
        raise ArtifactError("The run has no validation part.", fix="Train it once more.")
    rows = Examples.from_parquet(file)
    if len(rows) > MOST_VALIDATION_ROWS:
        rows = rows.take(drawn_rows(len(rows), MOST_VALIDATION_ROWS, run.config().training.seed))
    truth, kept = Labels(tuple(names)).encode(rows.labels), None
    saved, made = run.data / VALIDATION_PREDICTIONS, run.bundle / "manifest.json"
    if saved.is_file() and (not made.is_file() or saved.stat().st_mtime >= made.stat().st_mtime):
        with contextlib.suppress(SftError):
            found = load_predictions(run, VALIDATION_PREDICTIONS)
            if found.names == tuple(names) and len(found.probabilities) == len(rows):
                kept = found.probabilities
    if kept is None:
        kept = answer(rows.texts)
        with contextlib.suppress(OSError):  # a full disk costs the time of asking again
            save_predictions(run, names, kept, VALIDATION_PREDICTIONS)
    return check_rows(truth, kept)


def read_costs(path: Path, names: Sequence[str]) -> list[list[float]]:
    """A matrix of costs from a CSV file: a header with the answers, a row for each true label, its name first.

    Args:
        path: The file.
        names: The labels of the model; the file may have them in another order.

    Returns:
        Numbers [labels, labels], in the order of `names`.

    Raises:
        DataError: The file is no such table.
    """
    where = str(path)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise DataError("The file of costs is too large.", where=where, fix="Give one number for each two labels.")
        text = decode(path.read_bytes(), where)[0]
        rows, point = _cells(text, len(names))
    except (OSError, csv.Error) as error:
        raise DataError(f"The costs cannot be read: {error}", where=where, fix="Give a CSV file.") from None
    answers = [cell.strip() for cell in rows[0][1:]] if rows else []
    found = {row[0].strip(): row for row in rows[1:]}
    for kind, given in (("columns", answers), ("rows", [row[0].strip() for row in rows[1:]])):
        strange = [name for name in given if name not in names]
        if strange:
            raise DataError(
                f'The model knows no label "{strange[0]}".', where=where, fix=did_you_mean(strange[0], names)
            )
        if sorted(given) != sorted(names):
            raise DataError(
                f"The {kind} must name each label of the model once.",
                where=where,
                fix=f"The labels are: {', '.join(list(names)[:30])}.",
            )
    matrix = []
    for name in names:
        row = found[name]
        if len(row) != len(answers) + 1:
            raise DataError(f'The row of "{name}" has {len(row) - 1} numbers, not {len(answers)}.', where=where)
        try:
            costs = {answer: float(cell.replace(point, ".")) for answer, cell in zip(answers, row[1:], strict=True)}
        except ValueError:
            raise DataError(
                f'A cost in the row of "{name}" is not a number.', where=where, fix="Write a number in each cell."
            ) from None
        if not all(0 <= cost <= MOST_COST for cost in costs.values()):  # nor what is no number
            raise DataError(
                f'A cost in the row of "{name}" is not a number from 0 to {MOST_COST:,.0f}.',
                where=where,
                fix="Write a number in each cell.",
            )
        matrix.append([costs[answer] for answer in names])
    return matrix


def _cells(text: str, labels: int) -> tuple[list[list[str]], str]:
    """The rows of a table, and the decimal sign: Excel in much of Europe writes semicolons and decimal commas."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    separator = next((s for s in ",;\t" if len(next(csv.reader([head], delimiter=s))) > labels), ",")
    rows = [row for row in csv.reader(io.StringIO(text, newline=None), delimiter=separator) if any(map(str.strip, row))]
    if rows and all(len(row) > labels + 1 and not row[-1].strip() for row in rows):  # a separator at each end
        rows = [row[:-1] for row in rows]
    return rows, "." if separator == "," else ","


def keep_costs(run: RunDirectory, found: Decided, by_label: object = None) -> Decided:
    """Keeps the costs with the run, as `save_costs` does; a full disk only costs the keeping, and is told."""
    try:
        save_costs(run, found, by_label)
    except OSError:
        return replace(found, kept=False)
    return found


def save_costs(run: RunDirectory, found: Decided, by_label: object = None) -> None:
    """Keeps the costs with the run, in one step.

    Args:
        run: The run.
        found: What they led to.
        by_label: The two figures a label that the matrix was filled from, if it was; [labels, 2].
    """
    values = {"labels": list(found.names), "costs": found.costs.matrix.tolist(), "hand_over": found.costs.hand_over}
    write_json(run.data / COSTS, {"format_version": FORMAT_VERSION, **values, "by_label": by_label})


def saved_costs(run: RunDirectory, names: Sequence[str]) -> Costs | None:
    """The costs that were kept with the run; None if there are none, or they are damaged or of other labels."""
    values: dict[str, Any] = read_json(run.data / COSTS)
    if values.get("labels") != list(names):
        return None
    hand_over = values.get("hand_over")
    if isinstance(hand_over, float) and not math.isfinite(hand_over):
        return None
    try:
        return check_costs(values.get("costs"), len(names), hand_over)
    except SftError:
        return None


def saved_by_label(run: RunDirectory, names: Sequence[str]) -> list[list[float]] | None:
    """The two figures a label that the kept matrix was filled from; None if there are none."""
    values = read_json(run.data / COSTS)
    if values.get("labels") != list(names):
        return None
    try:
        figures: list[list[float]] = checked_figures(values.get("by_label"), len(names)).tolist()
    except SftError:
        return None
    return figures
