"""Two classifiers on the test rows that both have: which rows those are, and whether one is more accurate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from sft_keras.errors import DataError
from sft_keras.evaluation.bootstrap import Difference, accuracy_difference
from sft_keras.evaluation.catalogue import Catalogue
from sft_keras.evaluation.wording import outcome, percent

FEWEST_SHARED = 10
_CHANCE = 0.05


@dataclass(frozen=True)
class Pair:
    """Two classifiers on the same rows.

    Args:
        first: Accuracy, balanced accuracy and macro F1 of the first.
        second: Of the second.
        difference: Accuracy of the first minus that of the second.
        only_first: Rows that only the first gets right.
        only_second: Rows that only the second gets right.
        p_value: Of McNemar's exact test (McNemar 1947; the two-sided binomial form).
    """

    first: dict[str, float]
    second: dict[str, float]
    difference: Difference
    only_first: int
    only_second: int
    p_value: float


def shared_rows(
    first: Sequence[tuple[str, str]], second: Sequence[tuple[str, str]]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The positions of the rows that stand in both; a row that stands there twice is taken twice if it is in both.

    Args:
        first: Texts with their labels.
        second: Likewise.

    Returns:
        int64 [shared] twice: positions in the first, in rising order, and those of the same rows in the second.

    Raises:
        DataError: They share fewer than ten rows.
    """
    places = {key: position for position, key in enumerate(_numbered(second))}
    found = [(position, places[key]) for position, key in enumerate(_numbered(first)) if key in places]
    if len(found) < FEWEST_SHARED:
        raise DataError(
            f"The two runs share only {len(found)} test row(s); {FEWEST_SHARED} are needed to compare them.",
            fix="Compare runs that were trained on the same data with the same seed, or that have the same test file.",
        )
    own, other = np.array(found, dtype=np.int64).T
    return own, other


def compare_answers(
    truth: Sequence[str], first: Sequence[str], second: Sequence[str], *, samples: int = 2000, seed: int = 0
) -> Pair:
    """Compares what two classifiers say of the same rows.

    Args:
        truth: The labels of the rows.
        first: What the first says.
        second: What the second says.
        samples: Resamples of the paired bootstrap.
        seed: Fixes them.
    """
    names = {name: index for index, name in enumerate(sorted({*truth, *first, *second}))}
    labels, own, other = (np.array([names[each] for each in part]) for part in (truth, first, second))
    only_first = int(((own == labels) & (other != labels)).sum())
    only_second = int(((own != labels) & (other == labels)).sum())
    discordant = only_first + only_second
    return Pair(
        _figures(labels, own),
        _figures(labels, other),
        accuracy_difference(labels, own, other, samples=samples, seed=seed),
        only_first,
        only_second,
        float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0,
    )


def pair_verdict(pair: Pair, *, first: str, second: str, words: Catalogue) -> str:
    """Which of the two is more accurate, in a sentence; one is called so only if interval and test agree on it.

    Args:
        pair: The comparison.
        first: What the first is called.
        second: What the second is called.
        words: The language.
    """
    found = pair.difference
    kind = outcome(found)
    values: dict[str, object] = {"first": first, "second": second, "rows": f"{found.rows:,}"}
    if found.discordant == 0:
        return words("pair.same", **values)
    if kind == "few" or found.low is None or found.high is None:
        return words("pair.few", discordant=found.discordant, **values)
    value, low, high = found.value, found.low, found.high
    if kind == "worse":
        values |= {"first": second, "second": first}
        value, low, high = -value, -high, -low
    clear = kind in ("better", "worse") and pair.p_value < _CHANCE
    if not clear and kind == "worse":
        values |= {"first": first, "second": second}
        value, low, high = found.value, found.low, found.high
    sign = "+" if value > 0 and not clear else ""
    return words(
        "pair.better" if clear else "pair.unclear",
        points=sign + percent(value),
        low=percent(low),
        high=percent(high),
        p=p_text(pair.p_value),
        **values,
    )


def p_text(p_value: float) -> str:
    """A p-value as it is printed, with its sign: "= 0.031" or "< 0.001"."""
    return "< 0.001" if p_value < 0.001 else f"= {p_value:.3f}" if p_value < 0.1 else f"= {p_value:.2f}"


def _numbered(rows: Sequence[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """Each row with how often it stood there before."""
    seen: Counter[tuple[str, str]] = Counter()
    result = []
    for row in rows:
        result.append((*row, seen[row]))
        seen[row] += 1
    return result


def _figures(truth: npt.NDArray[np.int64], answers: npt.NDArray[np.int64]) -> dict[str, float]:
    present = np.unique(np.concatenate([truth, answers]))
    known = np.unique(truth)
    recalls = [float((answers[truth == each] == each).mean()) for each in known]
    return {
        "accuracy": float((truth == answers).mean()),
        "balanced_accuracy": float(np.mean(recalls)),
        "macro_f1": float(f1_score(truth, answers, labels=present, average="macro", zero_division=0)),
    }
