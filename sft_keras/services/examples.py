"""The training examples most like a text: finding them, and what they say of an answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sft_keras.errors import ArtifactError
from sft_keras.inference.neighbours import COUNT, PREPARE_SECONDS, Neighbour, Neighbours, require_count

__all__ = [
    "COUNT",
    "PREPARE_SECONDS",
    "Neighbour",
    "Neighbours",
    "Verdict",
    "require_count",
    "require_rows",
    "verdict_of",
]

# Of a question by a visitor: for training examples that are not prepared yet, and to wait for the owners' questions.
VISITOR_SECONDS, VISITOR_WAIT_SECONDS = 5.0, 10.0
# Among fewer rows than these, where more are still prepared, the nearest may lie so far that they say little.
ENOUGH = 2_000


@dataclass(frozen=True)
class Verdict:
    """What similar examples say of an answer, in words.

    Attributes:
        sentence: How many have which label, and what follows.
        compared: With how many rows the text was compared.
        doubtful: Whether they speak against the answer: at most half of those that could have its label have it, and
            they are the most similar of enough rows.
    """

    sentence: str
    compared: str
    doubtful: bool


def has_rows(place: Path) -> bool:
    """Whether the training rows of a run are there; see `require_rows`."""
    from sft_keras.runs.reference import training_rows

    return training_rows(place) is not None


def require_rows(place: Path) -> Path:
    """The file of the training rows of a run.

    Args:
        place: The folder of the run, or its bundle.

    Raises:
        ArtifactError: They are not there, as beside a bundle that was copied away.
    """
    from sft_keras.runs.reference import training_rows

    rows = training_rows(place)
    if rows is None:
        raise ArtifactError(
            "The training examples of this model are not here.",
            fix="They lie in the folder of the run, and a bundle that was copied away has none.",
        )
    return rows


def verdict_of(found: Neighbours, answer: str, language: str) -> Verdict | None:
    """What similar examples say of an answer.

    Args:
        found: The examples.
        answer: The label that the model gave.
        language: "en" or "zh".

    Returns:
        None if there is none, as for an empty text.
    """
    from sft_keras.services.wording import catalogue

    if not found.found or not answer:
        return None
    words = catalogue(language)
    counts = Counter(each.label for each in found.found)
    total, agree = len(found.found), counts[answer]
    # Of a label with few rows no more can agree than there are.
    texts = max(agree, found.texts_by_label.get(answer, 0))
    possible = min(total, texts)
    (most, most_count), *rest = counts.most_common()
    if total == 1:
        key = "one" if agree else "one_other"
    elif agree == total:
        key = "all"
    elif 2 * agree > total:
        key = "most"
    elif most_count == total:
        key = "all_other"
    else:
        is_split = most == answer or (bool(rest) and rest[0][1] == most_count)
        key = ("split" if is_split else "other") + ("" if agree else "_none")
    values = {"total": total, "count": agree, "answer": answer, "other": most, "other_count": most_count}
    sentence = words(f"examples.{key}", **values)
    doubtful = 0 < possible >= 2 * agree and found.compared >= min(found.drawn, ENOUGH)
    more = []
    if not possible:
        more.append(words("examples.unseen", answer=answer))
    elif possible < total:
        more.append(words("examples.few", answer=answer, texts=texts))
    if doubtful:
        more.append(words("examples.doubtful"))
    return Verdict(words("examples.gap").join([sentence, *more]), _compared(found, language), doubtful)


def _compared(found: Neighbours, language: str) -> str:
    from sft_keras.services.wording import catalogue

    words = catalogue(language)
    values = {name: f"{getattr(found, name):,}" for name in ("compared", "drawn", "rows")}
    if found.compared < found.drawn:
        return words("examples.compared_so_far", **values)
    return words("examples.compared_drawn" if found.drawn < found.rows else "examples.compared_all", **values)
